// Short messages in the corner; they leave by themselves, except errors.

import { t } from "./i18n.js";

const SHOWN_MS = 6000;
const AT_ONCE = 4; // more would cover the page; the bell has them all

// `level`: info, success, warning, danger.
export function toast(title, { body = "", level = "info", url = "" } = {}) {
  const box = document.getElementById("toasts");
  const element = document.createElement("div");
  element.className = `toast toast--${level} beside at-start gap-3 panel`;
  const text = document.createElement(url ? "a" : "div");
  text.className = "toast__body fills plain-link";
  if (url) text.href = url;
  const heading = document.createElement("p");
  heading.className = "toast__title strong";
  heading.textContent = title;
  text.append(heading);
  if (body) {
    const details = document.createElement("p");
    details.textContent = body;
    text.append(details);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "link-button";
  close.textContent = t("Close");
  close.addEventListener("click", () => element.remove());
  element.append(text, close);
  while (box.children.length >= AT_ONCE) box.firstElementChild.remove();
  box.append(element);
  if (level !== "danger") setTimeout(() => element.remove(), SHOWN_MS);
}
