// HTML is written once, by the server: `[data-live-fragment="/url"]` is fetched again and swapped when one of the
// events in `data-live-on` ("job:<id>", "jobs", "dataset:<name>", "batch:<id>", …; spaces between) says that something changed.
// What is or holds `[data-unsettled]` is fetched once its events are heard, too.
// `[data-live-while-shared]` stays as it is; its page goes when what it shows is no longer shared with who reads it.

import { t } from "./i18n.js";
import { parsed, swap } from "./swap.js";

const PAUSE_MS = 400; // many changes at once become one request
const TOLD_ANYWAY = new Set(["jobs", "uploads"]); // what is mine comes without subscribing

export class Fragments {
  #live;
  #watched;
  #waiting = new Map(); // element → timer
  #subscribed = new Set();

  // `own` and `watched` are job tables: mine, and those of others that an administrator looks at.
  constructor(live, own, watched) {
    this.#live = live;
    this.#watched = watched;
    own.listen((job, before) => this.#jobChanged(job, before, "jobs"));
    watched.listen((job, before) => this.#jobChanged(job, before, "jobs:*"));
    this.watch();
  }

  // Only from here on nothing of these is missed; what was on its way when the page was written may have arrived before.
  hears(events) {
    for (const moving of document.querySelectorAll("[data-unsettled]")) {
      const element = moving.closest("[data-live-fragment]");
      if (element && eventsOf(element).some((event) => events.includes(event))) this.refreshSoon(element);
    }
  }

  // Subscribe to what the page's fragments name; called again after a page adds some.
  watch() {
    for (const element of document.querySelectorAll("[data-live-fragment], [data-live-while-shared]")) {
      for (const event of eventsOf(element)) {
        if (TOLD_ANYWAY.has(event) || this.#subscribed.has(event)) continue;
        this.#subscribed.add(event);
        this.#live.subscribe(event, (data) => this.#published(event, data));
      }
    }
  }

  #published(event, data) {
    if (data?.access === "ended") accessEnded();
    else if (data?.removed) {
      this.#watched.forget(data.job_id);
      this.gone(`job:${data.job_id}`);
      this.changed(event);
    } else if (data?.job_id) this.#watched.apply(data);
    else this.changed(event);
  }

  // Something of mine was deleted, in whichever tab.
  removed(thing, id) {
    this.gone(`${thing}:${id}`);
    this.changed(`${thing}s`);
  }

  // What is about one thing alone has nothing left to show.
  gone(event) {
    for (const element of document.querySelectorAll("[data-live-fragment]")) {
      if (element.dataset.liveOn === event) showGone(element);
    }
  }

  // Progress alone changes no fragment: the bars in it move by themselves.
  #jobChanged(job, before, list) {
    if (before?.state === job.state && before.attempt === job.attempt) return;
    this.changed(`job:${job.job_id}`);
    this.changed(list);
  }

  changed(event) {
    for (const element of document.querySelectorAll("[data-live-fragment]")) {
      if (eventsOf(element).includes(event)) this.refreshSoon(element);
    }
  }

  refreshAll() {
    for (const element of document.querySelectorAll("[data-live-fragment]")) this.refreshSoon(element);
  }

  refreshSoon(element) {
    if (this.#waiting.has(element)) return;
    const refresh = async () => {
      this.#waiting.delete(element);
      if (isHeld(element) || (await refreshFragment(element)) === HELD) this.refreshSoon(element);
    };
    this.#waiting.set(element, setTimeout(refresh, PAUSE_MS));
  }
}

const HELD = "held"; // what `refreshFragment` answers when it has left everything as it was

// A list of which somebody picks some does not move under their hand; what moves in its rows still does.
const isHeld = (element) =>
  element.matches("[data-holds-still]") && element.querySelector("input:checked, details[open]") !== null;

const eventsOf = (element) => (element.dataset.liveOn ?? "").split(/\s+/).filter(Boolean);

const newest = new WeakMap(); // element → its last request

// Fetch and swap. A failure leaves the old content and offers to try again; what was shown as gone while this waited
// for its turn has no address any more.
export async function refreshFragment(element) {
  const address = element.dataset.liveFragment;
  if (!address) return undefined;
  const asked = Symbol(address);
  newest.set(element, asked);
  try {
    const response = await fetch(address, { headers: { "X-Fragment": "1" } });
    if (response.status === 401) return location.reload();
    if (response.status === 404) return showGone(element);
    if (!response.ok) throw new Error(response.statusText);
    const content = await response.text();
    if (newest.get(element) !== asked) return undefined; // who asked later is told newer things, and maybe sooner
    // Since it was asked for somebody holds it, or has it show something else (list-filters.js).
    if (isHeld(element) || element.dataset.liveFragment !== address) return HELD;
    swap(element, contentOf(element, content));
    element.dispatchEvent(new CustomEvent("fragment:swapped", { bubbles: true }));
  } catch {
    if (newest.get(element) === asked) showFailure(element);
  }
  return undefined;
}

// The answer is the fragment's content, or a whole page that has the fragment in it.
function contentOf(element, html) {
  const fresh = parsed(html);
  const own = fresh.querySelector(`[data-live-fragment="${CSS.escape(element.dataset.liveFragment)}"]`);
  if (!own) return fresh;
  const content = document.createDocumentFragment();
  content.append(...own.childNodes);
  return content;
}

// What the page is about was deleted.
function showGone(element) {
  delete element.dataset.liveFragment; // it is not asked for any more
  const notice = document.createElement("p");
  notice.className = "notice notice--info";
  notice.textContent = t("This is no longer there: it was deleted.");
  element.replaceChildren(notice);
}

function showFailure(element) {
  if (element.querySelector(":scope > .fragment-error")) return;
  const notice = document.createElement("p");
  notice.className = "notice notice--warning fragment-error";
  notice.append(t("This part could not be brought up to date."), " ");
  const again = document.createElement("button");
  again.type = "button";
  again.className = "link-button";
  again.textContent = t("Try again");
  again.addEventListener("click", () => refreshFragment(element));
  notice.append(again);
  element.prepend(notice);
}

// What the page shows is no longer shared with its reader; whoever holds what they typed keeps it (`preventDefault`).
export function accessEnded() {
  if (document.dispatchEvent(new CustomEvent("access:ended", { cancelable: true }))) location.reload();
}
