// The screen on a wall: asks for its figures again and again, for weeks, and says loudly when they are old.

import { at } from "./addresses.js";
import { clock, t } from "./i18n.js";
import { parsed } from "./swap.js";
import { wallHeaders } from "./wall-secret.js";

const EVERY_MS = 5_000;
const PATIENCE_MS = 15_000;
const AFTER_REFUSAL_MS = 60_000;

const figures = document.getElementById("wall-figures");
const asOf = document.getElementById("wall-as-of");
const cut = document.getElementById("wall-cut");
let shownAt = performance.now();
let isRefused = false; // what was taken back does not become old
let shownClock = "";

async function look() {
  let pause = EVERY_MS;
  try {
    const response = await fetch(at("/wall/figures"), { headers: wallHeaders(), signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.status === 401) {
      pause = AFTER_REFUSAL_MS;
      isRefused = true;
      figures.replaceChildren();
      asOf.textContent = "";
      document.getElementById("monitoring").hidden = true;
      sayCut(t("This address is none, or was taken back. An administrator makes a new one at Admin → Alerts."));
    } else if (response.ok) show(await response.text());
    else sayHowOld();
  } catch {
    sayHowOld();
  }
  setTimeout(look, pause);
}

function show(html) {
  const fresh = parsed(html);
  const state = fresh.querySelector("[data-version]");
  // A new server has new scripts; a tab that is never closed would go on with the old ones.
  if (state.dataset.version !== document.body.dataset.version) return location.reload();
  const before = figures.offsetHeight;
  figures.replaceChildren(fresh);
  if (figures.offsetHeight !== before) dispatchEvent(new Event("resize")); // the charts have the rest of the screen
  isRefused = false;
  shownAt = performance.now();
  shownClock = clock(new Date(state.dataset.asOf));
  asOf.textContent = t("as of {time}", { time: shownClock });
  document.getElementById("monitoring").hidden = false;
  document.body.classList.remove("is-cut");
  cut.hidden = true;
  return undefined;
}

function sayHowOld() {
  if (isRefused || performance.now() - shownAt < PATIENCE_MS) return;
  sayCut(
    shownClock
      ? t("NO ANSWER since {time}: these figures are old", { time: shownClock })
      : t("The server does not answer. It is asked again by itself."),
  );
}

function sayCut(text) {
  document.body.classList.add("is-cut");
  cut.hidden = false;
  cut.textContent = text;
}

addEventListener("hashchange", () => location.reload());
setInterval(sayHowOld, EVERY_MS);
look();
