// When this page's connection is ended for good it says why: signed out here or elsewhere, or closed by an administrator.

import { at } from "./addresses.js";
import { t } from "./i18n.js";
import { ANOTHER_USER, FORBIDDEN, SIGNED_OUT } from "./live-codes.js";
import { toast } from "./toasts.js";

const BY_ADMINISTRATOR = /^closed by an administrator(?:: (.*))?$/s;

export function startSayingWhy(live) {
  live.on("closed", ({ code, reason }) => {
    if (code === SIGNED_OUT) signedOut(live, reason);
    const closed = code === FORBIDDEN && BY_ADMINISTRATOR.exec(reason ?? "");
    if (closed) {
      const title = t("An administrator closed the live connection of this page.");
      toast(title, { body: closed[1] ?? "", level: "danger" });
    }
  });
  live.on("connection", ({ user }) => {
    if (!user?.role || user.role === document.body.dataset.role) return;
    document.body.dataset.role = user.role; // once is enough
    const body = t("Load the page again to see what you may do now.");
    toast(t("Your rights were changed."), { body, level: "danger", url: location.href });
  });
}

async function signedOut(live, reason) {
  if (reason !== ANOTHER_USER && (await isSignedIn())) return live.connect(); // again, perhaps in another tab: the cookie is a new one
  const dialog = document.getElementById("signed-out-dialog");
  const target = encodeURIComponent(location.pathname + location.search);
  dialog.querySelector("a").href = at(`/login?next=${target}`);
  for (const open of document.querySelectorAll("dialog[open]")) open.close();
  dialog.showModal();
  return undefined;
}

async function isSignedIn() {
  try {
    // As a page: whoever is signed out is sent to the sign-in page.
    const options = { method: "HEAD", headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" };
    return (await fetch(at("/account/devices"), options)).type !== "opaqueredirect";
  } catch {
    return true; // nobody can tell; the connection finds out when the network is back
  }
}
