// A client that stops reading, on /websocket-test: a second connection of one's own asks for echoes and does not take
// them. The figures are the server's: it tells everybody how their own connections stand.

import { at } from "./addresses.js";
import { number, t } from "./i18n.js";
import { post } from "./websocket-test-http.js";
import { size } from "./websocket-test-log.js";
import { openSlowly, transports } from "./websocket-test-slow-link.js";
import { pause } from "./websocket-test-waiting.js";

const SLOW_CONSUMER = 4001;
const LOOK_MS = 120; // the server keeps a closing connection for two seconds: by then we must read again to learn why
const CONFLATE_MS = 6_000;
const CONFLATED_ENOUGH = 20;
const SHARE_PER_LOOK = 0.25; // of the limit: a larger step would skip the conflation
const GIVE_UP_MS = 90_000;
const READ_ON_MS = 5_000;
const SHARE_OF_RATE = 0.7; // of what the server takes: it must be slowness that ends it, not haste
const OVERHEAD_BYTES = 512;

const card = document.getElementById("ws-slow");
const steps = document.getElementById("ws-slow-steps");
const toggle = document.getElementById("ws-slow-toggle");
const note = document.getElementById("ws-slow-note");
const figure = (name) => card.querySelector(`[data-figure=${name}]`);
const limits = {
  messageBytes: Number(card.dataset.messageBytes),
  unsentBytes: Number(card.dataset.unsentBytes),
  perSecond: Number(card.dataset.perSecond),
  burst: Number(card.dataset.burst),
};

export class SlowClient {
  #live;
  #remark; // (content): shows what happened among the messages
  #stopped = null; // an AbortController while one is on its way

  constructor(live, { remark }) {
    this.#live = live;
    this.#remark = remark;
    for (const option of document.getElementById("ws-slow-transport").options) {
      option.disabled = !transports.includes(option.value);
      option.selected = !option.disabled && option.value === transports[0];
    }
    toggle.addEventListener("click", () => (this.#stopped ? this.#stopped.abort() : this.#run()));
  }

  get #clientId() {
    return `${this.#live.clientId.slice(0, 59)}-slow`;
  }

  async #run() {
    const stopped = (this.#stopped = new AbortController());
    this.#begin();
    const transport = document.getElementById("ws-slow-transport").value;
    let link = null;
    let job = null;
    try {
      step("open");
      link = await openSlowly(transport, this.#clientId);
      job = await this.#startJob();
      const load = new Load(link, stopped.signal);
      const isGone = (await this.#fill(load, stopped.signal)) || (job && (await this.#conflate(stopped.signal)));
      if (!isGone) await this.#overflow(load, stopped.signal);
      this.#end(await link.readOn(READ_ON_MS));
    } catch (error) {
      say(stopped.signal.aborted ? t("Stopped.") : error.message, stopped.signal.aborted ? "info" : "danger");
    } finally {
      link?.close();
      if (job) await post(at(`/api/v1/jobs/${job.job_id}/cancel`)).catch(() => undefined);
      this.#stopped = null;
      toggle.lastElementChild.textContent = t("Stop reading");
    }
  }

  #begin() {
    toggle.lastElementChild.textContent = t("Stop this");
    steps.hidden = document.getElementById("ws-slow-gauge").hidden = false;
    for (const name of ["unsent", "sent", "conflated", "code"]) figure(name).textContent = "–";
    for (const item of steps.children) delete item.dataset.state;
    bar(0);
    say("");
  }

  // Its progress is what there is to conflate; viewers cannot start one.
  async #startJob() {
    if (!document.getElementById("ws-demonstration")) return null;
    return post(at("/api/v1/jobs/demonstration"), { seconds: 120, total: 100_000 });
  }

  // Each of these answers whether the server let go.

  #fill(load, signal) {
    step("fill");
    const isBusy = (mine) => mine.unsent_bytes > SHARE_PER_LOOK * limits.unsentBytes;
    return this.#watch(signal, () => load.send(), isBusy);
  }

  // Nothing more is asked for now: only the job moves, and its newest progress takes the place of what waits.
  #conflate(signal) {
    step("conflate");
    const end = performance.now() + CONFLATE_MS;
    const isEnough = (mine) => mine.conflated >= CONFLATED_ENOUGH || performance.now() > end;
    return this.#watch(signal, () => undefined, isEnough);
  }

  #overflow(load, signal) {
    step("overflow");
    return this.#watch(signal, () => load.send(), () => false);
  }

  // Acts and looks in turn until the connection is as wanted; whether it is gone.
  async #watch(signal, act, isWanted) {
    const end = performance.now() + GIVE_UP_MS;
    while (performance.now() < end) {
      signal.throwIfAborted();
      await act();
      const mine = await this.#look();
      if (!mine) return true;
      if (isWanted(mine)) return false;
      await pause(LOOK_MS);
    }
    throw new Error(t("This browser reads ahead, whatever the page does: the server had nothing to hold back."));
  }

  async #look() {
    const response = await fetch(at("/websocket-test/connections"));
    const connections = response.ok ? await response.json() : [];
    const mine = connections.find((connection) => connection.client_id === this.#clientId);
    if (!mine) return null;
    figure("unsent").textContent = size(mine.unsent_bytes);
    figure("sent").textContent = number(mine.sent);
    figure("conflated").textContent = number(mine.conflated);
    bar(mine.unsent_bytes / limits.unsentBytes);
    return mine;
  }

  #end(closed) {
    step("closed");
    figure("code").textContent = closed?.code ?? "–";
    steps.lastElementChild.dataset.state = "done";
    if (closed?.code === SLOW_CONSUMER) {
      say(t("Closed with 4001, as a slow consumer. It may come back, and recover what was kept."), "success");
    } else if (closed) say(t("Closed with {code}: {reason}", closed), "danger");
    else say(t("The server cut the connection off: its close frame was behind what was not read."), "success");
    this.#remark({ type: "closed", ...closed });
  }
}

// Echoes are asked for as fast as the server allows, and are as large as it allows.
class Load {
  #link;
  #signal;
  #text;
  #perLook;
  #allowance = limits.burst * SHARE_OF_RATE;
  #at = performance.now();

  constructor(link, signal) {
    this.#link = link;
    this.#signal = signal;
    const filler = "#".repeat(Math.max(1, Math.min(limits.messageBytes, 64 * 1024) - OVERHEAD_BYTES));
    this.#text = JSON.stringify({ type: "load", filler });
    this.#perLook = Math.max(1, Math.floor((SHARE_PER_LOOK * limits.unsentBytes) / this.#text.length));
  }

  // Only some at once: between them we look how the connection stands.
  async send() {
    const now = performance.now();
    const perSecond = limits.perSecond * SHARE_OF_RATE;
    this.#allowance = Math.min(limits.burst * SHARE_OF_RATE, this.#allowance + ((now - this.#at) / 1_000) * perSecond);
    this.#at = now;
    for (let count = 0; count < this.#perLook && this.#allowance >= 1; count += 1) {
      this.#signal.throwIfAborted();
      this.#allowance -= 1;
      await this.#link.send(this.#text);
    }
  }
}

function step(name) {
  for (const item of steps.children) {
    if (item.dataset.state === "now") item.dataset.state = "done";
    if (item.dataset.step === name) item.dataset.state = "now";
    if (item.dataset.state === "now") item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
}

function bar(share) {
  const percent = Math.min(100, Math.round(share * 100));
  card.querySelector("[role=progressbar]").setAttribute("aria-valuenow", percent);
  card.querySelector(".progress__fill").setAttribute("width", `${percent}%`);
}

function say(text, level = "info") {
  note.textContent = text;
  note.dataset.level = level;
}
