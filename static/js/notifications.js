// The bell: how many are unread, the list in its panel, and a toast for each new one.

import { t } from "./i18n.js";
import { toast } from "./toasts.js";

export function startNotifications(live) {
  const menu = document.getElementById("notifications");
  const panel = menu.querySelector("[data-notifications]");

  const load = async () => {
    try {
      const response = await fetch("/notifications", { headers: { "X-Fragment": "1" } });
      if (!response.ok) return;
      panel.innerHTML = await response.text();
      showCount(menu, Number(response.headers.get("X-Unread")));
    } catch {
      // the list comes with the next message or page
    }
  };

  menu.addEventListener("menu:open", async () => {
    await load();
    showCount(menu, 0);
    await fetch("/notifications/read", { method: "POST", headers: { "X-Fragment": "1" } }).catch(() => undefined);
  });
  live.on("notification", (note) => {
    toast(note.title, { body: note.body, level: note.level, url: note.url });
    load();
  });
  load();
  return load;
}

function showCount(menu, count) {
  const badge = menu.querySelector(".count");
  badge.hidden = count === 0;
  badge.textContent = count > 99 ? "99+" : String(count);
  const label = count ? t("Notifications, {count} unread", { count }) : t("Notifications");
  menu.querySelector(".visually-hidden").textContent = label;
}
