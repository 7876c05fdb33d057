// `[data-copy="id"]` copies the text of that element. Hidden where the browser has no clipboard (plain HTTP).

import { t } from "./i18n.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.querySelector("span:last-child").textContent = t("Copied");
  });
}
