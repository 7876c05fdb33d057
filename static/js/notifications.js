// The bell: how many are unread in every tab alike, the newest in its panel, a toast for each new one, and one toast
// for all that came while this page was not connected.

import { at } from "./addresses.js";
import { t } from "./i18n.js";
import { toast } from "./toasts.js";
import { swap } from "./swap.js";
import { showInTitle } from "./tab-title.js";

const NAMED = 3; // how many of the missed ones the toast names
const LOAD_PAUSE_MS = 250; // many at once are one request
const REPLAY_MS = 2000; // when the last missed message is none of ours
const FRAGMENT = { "X-Fragment": "1" };

export function startNotifications(live) {
  const menu = document.getElementById("notifications");
  const panel = menu.querySelector("[data-notifications]");
  const isOpen = () => !panel.closest(".menu__panel").hidden;
  let unread = 0;
  let newest = 0;
  let loading = null;
  const show = (count) => {
    unread = count;
    showCount(menu, count);
    showInTitle({ unread: count });
    document.dispatchEvent(new CustomEvent("unread:changed", { detail: count }));
  };

  const load = async () => {
    try {
      const response = await fetch(at("/notifications"), { headers: FRAGMENT });
      if (!response.ok) return;
      swap(panel, await response.text());
      newest = Number(response.headers.get("X-Newest"));
      show(Number(response.headers.get("X-Unread")));
      if (isOpen() && !document.hidden) await markRead();
    } catch {
      // the list comes with the next message or page
    }
  };
  const loadSoon = () => {
    clearTimeout(loading);
    loading = setTimeout(load, LOAD_PAUSE_MS);
  };
  // Only what was shown; what comes in at this moment stays unread.
  const markRead = async () => {
    if (!unread) return;
    const response = await fetch(at(`/notifications/read?until=${newest}`), { method: "POST", headers: FRAGMENT });
    if (response.ok) show(Number(response.headers.get("X-Unread")));
  };

  menu.addEventListener("menu:open", load);
  live.on("notifications_read", (message) => {
    show(message.unread);
    if (!isOpen()) loadSoon();
  });
  tellOf(live, loadSoon);
  load();
  return load;
}

// New ones one by one; those that were missed together, when the last of them is here.
function tellOf(live, loadSoon) {
  let missed = [];
  let replayedUntil = 0;
  let waiting = null;

  const tellMissed = () => {
    clearTimeout(waiting);
    const notes = missed;
    missed = [];
    replayedUntil = 0;
    if (notes.length === 1) tell(notes[0]);
    else if (notes.length) tellSummary(notes);
  };
  const isLastMissed = (offset) => replayedUntil > 0 && offset >= replayedUntil;

  live.on("connection", (hello) => {
    replayedUntil = hello.recovered && hello.missed ? hello.offset : 0;
    clearTimeout(waiting);
    if (replayedUntil) waiting = setTimeout(tellMissed, REPLAY_MS);
  });
  live.on("notification", (note) => {
    if (note.offset <= replayedUntil) missed.push(note);
    else tell(note);
    loadSoon();
    if (isLastMissed(note.offset)) tellMissed();
  });
  live.on("job", ({ offset }) => {
    if (isLastMissed(offset)) tellMissed();
  });
}

function tell({ title, body, level, url }) {
  toast(title, { body, level: level === "error" ? "danger" : level, url });
}

function tellSummary(notes) {
  const titles = notes.slice(-NAMED).reverse().map((note) => note.title);
  const body = titles.join(" · ") + (notes.length > NAMED ? " …" : "");
  const title = t("While you were away: {count} notifications", { count: notes.length });
  toast(title, { body, level: "info", url: at("/notifications") });
}

function showCount(menu, count) {
  const badge = menu.querySelector(".count");
  badge.hidden = count === 0;
  badge.textContent = count > 99 ? "99+" : String(count);
  const label = count ? t("Notifications, {count} unread", { count }) : t("Notifications");
  menu.querySelector(".visually-hidden").textContent = label;
}
