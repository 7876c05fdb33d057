// Keys that do something on every page: Ctrl K, `/`, `?`, and `g` with a letter. Never while somebody types.

import { at, own } from "./addresses.js";

const SINGLE_KEYS = own("jindu-single-keys");
const PATIENCE_MS = 1500; // between the two keys
const PLACES = {
  h: at("/"),
  d: at("/datasets"),
  t: at("/templates"),
  r: at("/batches"),
  j: at("/jobs"),
  i: at("/imports/new"),
  a: at("/admin"),
};
const NOT_FOR = { viewer: ["i", "a"], editor: ["a"], admin: [] };
const isMac = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform);

export function startShortcuts(openPalette) {
  const dialog = document.getElementById("shortcuts-dialog");
  startChoosing(dialog);
  document.querySelector("[data-open-shortcuts]").addEventListener("click", () => dialog.showModal());
  for (const key of document.querySelectorAll("[data-key-mod]")) if (isMac) key.textContent = "⌘";
  let begunAt = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || event.altKey) return;
    if ((isMac ? event.metaKey : event.ctrlKey) && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (!isAsked()) openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || isTyping(event.target) || isAsked() || !areOn()) return;
    const isSecond = event.timeStamp - begunAt < PATIENCE_MS;
    begunAt = event.key === "g" && !isSecond ? event.timeStamp : -Infinity;
    const place = isSecond && mayGo(event.key) ? PLACES[event.key] : undefined;
    if (place) location.assign(place);
    else if (event.key === "/") openPalette();
    else if (event.key === "?") dialog.showModal();
    else return;
    event.preventDefault();
  });
}

const isAsked = () => document.querySelector("dialog[open]") !== null;

const areOn = () => localStorage.getItem(SINGLE_KEYS) !== "off";

const mayGo = (key) => key in PLACES && !NOT_FOR[document.body.dataset.role]?.includes(key);

const PRESSED = "[type=checkbox], [type=radio], [type=button], [type=submit]"; // nobody types in these
const isTyping = (target) =>
  target.isContentEditable || target.closest?.(`input:not(${PRESSED}), textarea, select, [role=textbox]`);

function startChoosing(dialog) {
  const box = dialog.querySelector("#single-keys");
  const show = () => {
    for (const row of dialog.querySelectorAll("[data-single]")) row.toggleAttribute("data-off", !box.checked);
  };
  box.checked = areOn();
  show();
  box.addEventListener("change", () => {
    localStorage.setItem(SINGLE_KEYS, box.checked ? "on" : "off");
    show();
  });
}
