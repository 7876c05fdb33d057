// Where these pages are installed as an app, or this browser shows their notifications: the service worker, the count on
// the app's icon, and what was last known, for the page that is shown while the server cannot be reached.

import { at, own } from "./addresses.js";
import { language, percent } from "./i18n.js";

const KEPT = own("jindu-last");
const PAUSE_MS = 2000;
const { user, scripts } = document.body.dataset;
let isKnown = false; // what runs
let unread = 0;
let waiting = null;

/** Another language or version is another worker, which keeps the page of that one. */
export function register() {
  const asked = new URLSearchParams({ language, scripts });
  return navigator.serviceWorker.register(`${at("/service-worker.js")}?${asked}`, { scope: at("/") });
}

/** What notifications needed it for is over; where the pages are installed, the next one has it again. */
export async function unregister() {
  await (await navigator.serviceWorker.getRegistration(at("/")))?.unregister();
  forget();
}

/** `live` and `jobs` of whoever is signed in. Where it is not installed there is nothing to do. */
export function startKeeping(live, jobs) {
  const worker = navigator.serviceWorker;
  if (!worker || !(worker.controller || matchMedia("(display-mode: standalone)").matches)) return;
  if (!live) return forget();
  register().catch(() => undefined); // the server is away, or another page did it
  const now = () => {
    clearTimeout(waiting);
    waiting = null;
    if (isKnown) write(live.heardAt, jobs.running().map(said));
  };
  const soon = () => (waiting ??= setTimeout(now, PAUSE_MS));
  live.on("jobs", () => {
    isKnown = true;
    soon();
  });
  jobs.listen(soon);
  document.addEventListener("unread:changed", ({ detail }) => {
    unread = detail;
    tellIcon(unread);
    soon();
  });
  addEventListener("pagehide", now);
  document.querySelector(`form[action="${at("/logout")}"]`)?.addEventListener("submit", forget);
}

const said = (job) => [job.title, job.percent == null ? "" : percent(job.percent), job.state_text].filter(Boolean).join(" · ");

function write(heardAt, running) {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT));
    if (kept?.user === user && kept.at > heardAt) return; // another page heard more
    localStorage.setItem(KEPT, JSON.stringify({ user, at: heardAt, unread, running }));
  } catch {
    // the browser keeps nothing
  }
}

function forget() {
  isKnown = false; // nothing is written on the way out
  tellIcon(0);
  try {
    localStorage.removeItem(KEPT);
  } catch {
    // there is nothing
  }
}

const tellIcon = (count) => navigator.setAppBadge?.(count).catch(() => undefined);
