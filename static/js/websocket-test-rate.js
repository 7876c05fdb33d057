// How many messages and bytes come in a second, over the last minute.

import { number, t } from "./i18n.js";
import { drawBars } from "./websocket-test-bars.js";
import { size } from "./websocket-test-log.js";

const SECONDS = 60;
const MEAN_SECONDS = 5;
const element = (id) => document.getElementById(id);

export class RateMeter {
  #seconds = Array.from({ length: SECONDS }, () => ({ messages: 0, bytes: 0 })); // the newest last
  #bytes = 0;
  #peak = 0;

  constructor() {
    setInterval(() => this.#tick(), 1_000);
    this.#show();
  }

  message() {
    this.#seconds.at(-1).messages += 1;
  }

  frame(bytes) {
    this.#seconds.at(-1).bytes += bytes;
    this.#bytes += bytes;
  }

  #tick() {
    this.#peak = Math.max(this.#peak, this.#seconds.at(-1).messages);
    this.#show();
    this.#seconds.push({ messages: 0, bytes: 0 });
    this.#seconds.shift();
  }

  #show() {
    const mean = (what) => this.#seconds.slice(-MEAN_SECONDS).reduce((sum, second) => sum + second[what], 0) / MEAN_SECONDS;
    const messages = this.#seconds.map((second) => second.messages);
    element("ws-rate").textContent = number(Math.round(mean("messages") * 10) / 10);
    element("ws-byte-rate").textContent = size(mean("bytes"));
    element("ws-peak").textContent = number(this.#peak);
    element("ws-bytes").textContent = size(this.#bytes);
    const chart = element("ws-sparkline");
    drawBars(chart.querySelector("svg"), messages);
    const total = number(messages.reduce((sum, count) => sum + count, 0));
    const most = number(Math.max(...messages));
    chart.setAttribute("aria-label", t("Messages in the last minute: {total}, at most {most} in a second", { total, most }));
  }
}
