// Cutting the connection of /websocket-test, and what comes after the return.

import { at } from "./addresses.js";
import { duration, number, t } from "./i18n.js";
import { LiveClient } from "./live-client.js";
import { onSubmit, post } from "./websocket-test-http.js";
import { pause, until, within } from "./websocket-test-waiting.js";

const DEADLINE_MS = 15_000;
const GONE = "gone:0"; // of a stream that is no more, as after a restore of the server

const card = document.getElementById("ws-recovery");
const figure = (name) => card.querySelector(`[data-figure=${name}]`);

/** The offset of a position; 0 before the first connection. */
export const offsetOf = (position) => Number(position?.split(":")[1] ?? 0);

const MEANWHILE = {
  job: () => post(at("/api/v1/jobs/demonstration"), { seconds: 0, total: 3 }),
  notification: () => post(at("/websocket-test/notification")),
  nothing: () => undefined,
};

/** Whether kept messages are replayed, and how a cut went. */
export class Recovery {
  #live;
  #hear; // (client, from): shows another connection's messages on the page
  #until = 0; // replayed messages have offsets up to this one
  #missed = 0;
  #offsets = []; // of what was replayed since the last `connection`
  #onCut;

  constructor(live, { onCut, hear }) {
    this.#live = live;
    this.#onCut = onCut;
    this.#hear = hear;
    live.on("connection", (message) => this.#welcomed(message));
    onSubmit(document.getElementById("ws-cut-form"), (fields) => this.#cut(fields.meanwhile.value, Number(fields.seconds.value)));
    document.getElementById("ws-too-old").addEventListener("click", ({ currentTarget }) => this.#comeTooLate(currentTarget));
  }

  /** Called with every message before it is shown. */
  isReplayed(message) {
    const isKept = Number.isInteger(message.offset) && ["job", "notification"].includes(message.type);
    if (!isKept || message.offset > this.#until) return false;
    this.#offsets.push(message.offset);
    return true;
  }

  #welcomed({ recovered, offset, missed }) {
    this.#until = recovered ? offset : 0;
    this.#missed = missed;
    this.#offsets = [];
  }

  async #cut(meanwhile, seconds) {
    const before = offsetOf(this.#live.position);
    const began = performance.now();
    const welcome = new Promise((resolve) => {
      const stop = this.#live.on("connection", (message) => {
        stop();
        resolve(message);
      });
    });
    this.#live.interrupt();
    this.#live.close(); // else it would be back within half a second
    this.#onCut(true);
    this.#say("waiting", t("Cut off. Back in {duration} …", { duration: duration(seconds) }));
    try {
      await Promise.all([MEANWHILE[meanwhile](), pause(seconds * 1_000)]);
    } finally {
      this.#onCut(false);
      this.#live.connect();
    }
    const message = await welcome;
    const away = (performance.now() - began) / 1_000;
    await until(() => this.#offsets.length >= this.#missed, DEADLINE_MS);
    this.#show({ before, message, away });
  }

  #show({ before, message, away }) {
    figure("before").textContent = number(before);
    figure("after").textContent = number(message.offset);
    figure("recovered").textContent = String(message.recovered);
    figure("missed").textContent = number(message.missed);
    figure("replayed").textContent = number(this.#offsets.length);
    figure("away").textContent = duration(away);
    const isWhole = this.#offsets.every((offset, place) => offset === before + place + 1) && this.#offsets.length === this.#missed;
    if (!message.recovered) this.#say("refused", t("Refused: not everything could be given, so nothing was."));
    else if (!isWhole) this.#say("refused", t("Something is missing or came twice."));
    else if (!this.#missed) this.#say("recovered", t("Back, and nothing was missed."));
    else this.#say("recovered", t("Back: {count} replayed in order, no gap, no duplicate.", { count: number(this.#missed) }));
  }

  // A client of its own, so that this page's stays as it is.
  async #comeTooLate(button) {
    button.disabled = true;
    const began = performance.now();
    const client = new LiveClient({ clientId: `${this.#live.clientId.slice(0, 60)}-old`, since: GONE });
    this.#hear(client, t("position too old"));
    try {
      const welcome = new Promise((resolve) => client.on("connection", resolve));
      const snapshot = new Promise((resolve) => client.on("jobs", resolve));
      client.connect();
      const [message] = await within(Promise.all([welcome, snapshot]), DEADLINE_MS);
      this.#offsets = [];
      this.#show({ before: offsetOf(GONE), message, away: (performance.now() - began) / 1_000 });
      figure("before").textContent = t("{offset}, of another epoch", { offset: offsetOf(GONE) });
      figure("away").textContent = "–";
    } catch (error) {
      this.#say("refused", error.message);
    } finally {
      client.close();
      button.disabled = false;
    }
  }

  #say(outcome, text) {
    const box = document.getElementById("ws-recovered");
    box.dataset.outcome = outcome;
    box.querySelector("[data-verdict]").textContent = text;
    box.querySelector("[data-verdict]").hidden = false;
    box.querySelector("dl").hidden = outcome === "waiting";
  }
}
