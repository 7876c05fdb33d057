// `[data-copy="id"]` copies the text of that element.
// `[data-address]` holds a path when the server was not told its public address: the browser knows the rest.

import { t } from "./i18n.js";

function show() {
  for (const address of document.querySelectorAll("[data-address]")) {
    address.textContent = new URL(address.textContent, location.href).href;
  }
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
}

show();
document.addEventListener("fragment:swapped", show);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await copy(document.getElementById(button.dataset.copy));
  button.querySelector("span:last-child").textContent = t("Copied");
});

async function copy(element) {
  if (navigator.clipboard) return navigator.clipboard.writeText(element.textContent);
  getSelection().selectAllChildren(element);
  document.execCommand("copy"); // all that browsers have on plain HTTP
}
