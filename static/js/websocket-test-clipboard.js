// Copying on /websocket-test: text goes to the clipboard, and the button says so for a moment.

import { t } from "./i18n.js";

const SAID_MS = 1_500;

export async function copyFrom(button, text) {
  await copy(text);
  const label = button.querySelector("span:not(.icon)");
  const before = (button.dataset.label ??= label.textContent);
  label.textContent = t("Copied");
  setTimeout(() => (label.textContent = before), SAID_MS);
}

// Over plain HTTP to another machine the clipboard API is missing.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  return area.remove();
}
