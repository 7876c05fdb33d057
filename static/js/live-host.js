// What surrounds the client: a page, a worker, or a program of Node, which has neither a page nor an address.

/** What relative addresses are relative to; undefined where there is nothing of the kind. */
export const base = () => globalThis.location?.href;

export const language = () => globalThis.document?.documentElement.lang;

export const isHidden = () => globalThis.document?.hidden ?? false;

export const isOnline = () => globalThis.navigator?.onLine ?? true;

/** The ways there are; Node has no WebSocket of its own before version 22. */
export const ways = () => (globalThis.WebSocket ? ["websocket", "sse"] : ["sse"]);

/** Tell an error that nobody catches, and go on. */
export function report(error) {
  if (globalThis.reportError) globalThis.reportError(error);
  else console.error(error);
}
