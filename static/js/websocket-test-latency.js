// Delays on /websocket-test: round trips of pings, and from publishing over HTTP until the event is here. Both begin and
// end on this machine's clock: what the server's clock says does not matter.

import { at } from "./addresses.js";
import { language, number, t } from "./i18n.js";
import { LiveError } from "./live-client.js";
import { toast } from "./toasts.js";
import { drawBars } from "./websocket-test-bars.js";
import { post } from "./websocket-test-http.js";
import { pause, within } from "./websocket-test-waiting.js";

const BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, Infinity];
const SAMPLES = 2_000; // of each series
const PINGS = 50;
const PUBLICATIONS = 20;
const PING_PAUSE_MS = 80; // twelve a second: the server takes twenty
const DEADLINE_MS = 10_000;

const card = document.getElementById("ws-delays");
const milliseconds = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export class Delays {
  #samples = { pings: [], publications: [] };
  #shown = "pings";
  #live;

  constructor(live) {
    this.#live = live;
    live.on("latency", (delay) => this.add("pings", delay));
    for (const button of card.querySelectorAll("[data-series]")) button.addEventListener("click", () => this.#choose(button));
    for (const button of card.querySelectorAll("button[data-measure]")) {
      button.addEventListener("click", () => this.#measure(button));
    }
    this.#draw();
  }

  add(series, delay) {
    const samples = this.#samples[series];
    samples.push(delay);
    if (samples.length > SAMPLES) samples.shift();
    if (series === this.#shown) this.#draw();
  }

  #choose(button) {
    this.#shown = button.dataset.series;
    for (const other of card.querySelectorAll("[data-series]")) other.setAttribute("aria-pressed", String(other === button));
    for (const part of card.querySelectorAll("[data-note]")) part.hidden = part.dataset.note !== this.#shown;
    for (const part of card.querySelectorAll("[data-measure]")) part.hidden = part.dataset.measure !== this.#shown;
    this.#draw();
  }

  async #measure(button) {
    button.disabled = true;
    try {
      if (button.dataset.measure === "pings") await this.#pings();
      else await this.#publications();
    } catch (error) {
      const isLost = error instanceof LiveError;
      toast(isLost ? t("The connection was lost; what was measured until then stays.") : error.message, { level: "warning" });
    } finally {
      button.disabled = false;
    }
  }

  async #pings() {
    for (let count = 0; count < PINGS; count += 1) {
      const began = performance.now();
      await this.#live.request({ type: "ping" });
      this.add("pings", performance.now() - began);
      await pause(PING_PAUSE_MS);
    }
  }

  // On a name that nobody can guess, as random as the client id: nobody else is told.
  async #publications() {
    const name = `delay.${this.#live.clientId}`;
    let arrived;
    const stop = this.#live.subscribe(name, (data) => arrived(data));
    try {
      await this.#live.request({ type: "ping" }); // answered after the subscription
      for (let count = 0; count < PUBLICATIONS; count += 1) {
        const began = performance.now();
        const arrival = new Promise((resolve) => (arrived = (data) => data === count && resolve(performance.now() - began)));
        const [delay] = await Promise.all([within(arrival, DEADLINE_MS), post(at(`/api/v1/events/${name}`), count)]);
        this.add("publications", delay);
      }
    } finally {
      stop();
    }
  }

  #draw() {
    const samples = this.#samples[this.#shown].toSorted((one, other) => one - other);
    const figures = { p50: quantile(samples, 0.5), p90: quantile(samples, 0.9), p99: quantile(samples, 0.99), max: samples.at(-1) };
    for (const [name, value] of Object.entries(figures)) {
      figure(name).textContent = value === undefined ? "–" : t("{number} ms", { number: milliseconds.format(value) });
    }
    figure("count").textContent = number(samples.length);
    const counts = BOUNDS_MS.map((bound, place) => samples.filter((delay) => delay <= bound && delay > (BOUNDS_MS[place - 1] ?? -1)).length);
    drawBars(card.querySelector("svg"), counts);
    card.querySelector("[role=img]").setAttribute("aria-label", inWords(counts));
  }
}

const figure = (name) => card.querySelector(`[data-figure=${name}]`);

// The nearest rank: a delay that was measured, not one in between.
const quantile = (sorted, share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];

function inWords(counts) {
  const parts = counts.flatMap((count, place) => (count ? [t("{count} up to {bound} ms", { count, bound: bound(place) })] : []));
  return parts.length ? parts.join(", ") : t("Nothing measured yet");
}

const bound = (place) => (BOUNDS_MS[place] === Infinity ? "∞" : number(BOUNDS_MS[place]));
