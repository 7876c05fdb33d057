// "5 minutes ago" grows older while the page stays open.

import { relative } from "./i18n.js";

export function startRelativeTimes() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-relative]")) {
      element.textContent = relative(element.dateTime);
    }
  }, 20_000);
}
