// Whom to send to: asks the server who is there, and once more every few seconds as long as the dialog is open.

import { at } from "./addresses.js";
import { filesize, t } from "./i18n.js";
import { nameOf } from "./peer-panel.js";
import { swap } from "./swap.js";

const LOOK_MS = 4_000;

/** `{to, user, device, isOwn}` of whom was chosen, or null. `connectionId` is ours. */
export function chooseReceiver(files, connectionId) {
  const dialog = document.getElementById("send-dialog");
  const list = dialog.querySelector("[data-receivers]");
  const send = dialog.querySelector("[value=yes]");
  const size = files.reduce((sum, each) => sum + (each.size ?? 0), 0);
  dialog.querySelector("[data-what]").textContent = size ? `${nameOf(files)} · ${filesize(size)}` : nameOf(files);
  const chosen = () => list.querySelector("input:checked");
  const look = async () => {
    try {
      const address = at(`/send/receivers?own=${encodeURIComponent(connectionId ?? "")}`);
      const response = await fetch(address, { headers: { "X-Fragment": "1" } });
      if (!response.ok) throw new Error(response.statusText);
      const before = chosen()?.value;
      swap(list, await response.text());
      const again = before && list.querySelector(`input[value="${CSS.escape(before)}"]`);
      if (again) again.checked = true;
    } catch {
      if (!list.querySelector("input")) list.textContent = t("Who is there could not be asked; it is tried again.");
    }
    send.disabled = !chosen();
  };
  const update = () => (send.disabled = !chosen());
  list.addEventListener("change", update);
  dialog.querySelector("[data-no]").onclick = () => dialog.close("no"); // no submit button: Enter means the other one
  const timer = setInterval(look, LOOK_MS);
  look();
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    const over = () => {
      clearInterval(timer);
      list.removeEventListener("change", update);
      const input = dialog.returnValue === "yes" ? chosen() : null;
      const { user, device } = input?.dataset ?? {};
      resolve(input && { to: input.value, user, device, isOwn: input.value.startsWith("connection:") });
    };
    dialog.addEventListener("close", over, { once: true });
  });
}
