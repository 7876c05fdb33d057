// Addresses of this server: it may stand below its host (`/jindu` of https://intranet/jindu/), and the page says where.

const root = globalThis.document?.documentElement.dataset.root ?? "";

/** Where `path` of this server is: `at("/jobs")`. No other address of ours may begin with a slash. */
export const at = (path) => root + path;

/** Under which name this server keeps something in the browser; another one at this host has names of its own. */
export const own = (name) => name + root;

/** As the server calls the cookie, and where it is good. */
export const ownCookie = (name) => ({ name: name + root.replaceAll("/", "~"), path: root || "/" });
