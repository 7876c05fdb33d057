// What stands before the title of the tab: how many notifications are unread, and how far what runs is.

import { number } from "./i18n.js";

const title = document.title;
const shown = { unread: 0, progress: "" };

export function showInTitle(changed) {
  Object.assign(shown, changed);
  const count = shown.unread ? `(${number(shown.unread)}) ` : "";
  document.title = count + (shown.progress ? `${shown.progress} · ${title}` : title);
}
