// `[data-reveal="id"]` shows what stands in that password field, and hides it again before the form is sent.

import { t } from "./i18n.js";

export function startRevealing() {
  for (const button of document.querySelectorAll("[data-reveal]")) start(button);
}

function start(button) {
  const input = document.getElementById(button.dataset.reveal);
  const show = (isShown) => {
    input.type = isShown ? "text" : "password";
    button.setAttribute("aria-pressed", String(isShown));
    button.title = isShown ? t("Hide the password") : t("Show the password");
    for (const drawing of button.querySelectorAll("[data-reveal-icon]")) {
      drawing.hidden = drawing.dataset.revealIcon !== (isShown ? "hide" : "show");
    }
  };
  show(false);
  button.hidden = false;
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  input.form?.addEventListener("submit", () => show(false)); // else browsers keep it among what was typed
}
