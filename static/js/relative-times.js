// "5 minutes ago" grows older while the page stays open.

import { relative } from "./i18n.js";
import { serverNow } from "./server-clock.js";

export function startRelativeTimes() {
  const update = () => {
    const now = serverNow();
    if (now === null) return;
    for (const element of document.querySelectorAll("time[data-relative]")) {
      element.textContent = relative(element.dateTime, now);
    }
  };
  setInterval(update, 20_000);
  document.addEventListener("visibilitychange", update); // timers of hidden tabs sleep
}
