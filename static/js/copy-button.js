// `[data-copy="id"]` copies the text of that element. Hidden where the browser has no clipboard (plain HTTP).
// `[data-address]` holds a path when the server was not told its public address: the browser knows the rest.

import { t } from "./i18n.js";

for (const address of document.querySelectorAll("[data-address]")) {
  address.textContent = new URL(address.textContent, location.href).href;
}
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.querySelector("span:last-child").textContent = t("Copied");
  });
}
