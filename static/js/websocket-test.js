// The page /websocket-test: a live connection of its own, every message of it, and what can be tried with it.

import { at } from "./addresses.js";
import { number, t } from "./i18n.js";
import { show } from "./jobs-live.js";
import { LiveClient } from "./live-client.js";
import { onSubmit, post } from "./websocket-test-http.js";
import { Delays } from "./websocket-test-latency.js";
import { bytesOf, MessageLog } from "./websocket-test-log.js";
import { RateMeter } from "./websocket-test-rate.js";
import { offsetOf, Recovery } from "./websocket-test-recovery.js";
import { SlowClient } from "./websocket-test-slow.js";

const STATES = {
  connecting: t("Connecting …"),
  connected: t("Connected"),
  offline: t("Offline, trying again"),
  closed: t("Disconnected"),
};
const TRANSPORTS = { websocket: "WebSocket", sse: t("Server-sent events") };

const element = (id) => document.getElementById(id);
const live = new LiveClient();
const log = new MessageLog();
const rate = new RateMeter();
let count = 0;
let isShown = true; // the count
let isCut = false;

hear(live, "");
new Delays(live);
const recovery = new Recovery(live, { hear, onCut });
new SlowClient({ clientId: live.clientId, remark: (content) => log.remark(content, t("slow client")) });

// state

live.on("state", showState);
live.on("latency", (latency) => (element("ws-latency").textContent = t("{number} ms", { number: latency.toFixed(1) })));
live.on("connection", (message) => {
  element("ws-client").textContent = message.client_id;
  element("ws-client").title = message.message;
});

function showState() {
  const { state } = live;
  element("ws-state").dataset.state = isCut ? "offline" : state;
  element("ws-state-text").textContent = isCut ? t("Cut off") : STATES[state];
  element("ws-toggle").textContent = state === "closed" ? t("Connect") : t("Disconnect");
  element("ws-cut").disabled = element("ws-ping").disabled = state !== "connected";
  if (state === "connected") element("ws-transport").textContent = TRANSPORTS[live.transport ?? "websocket"];
  log.isConnected = state === "connected";
}

function onCut(value) {
  isCut = value;
  showState();
}

element("ws-toggle").addEventListener("click", () => (live.state === "closed" ? live.connect() : live.close()));
element("ws-ping").addEventListener("click", () => live.ping());

// messages

// Everything that a client gets and sends is shown; only this page's own counts.
function hear(client, from) {
  let frame = null; // its messages follow it at once
  client.on("frame", (text) => {
    frame = log.frame(text, { from });
    if (client === live) rate.frame(frame.bytes);
  });
  client.on("message", (message) => {
    log.message(message, frame, { isReplayed: client === live && recovery.isReplayed(message) });
    if (client === live) counted();
  });
  client.on("sent", (text) => log.message(parsed(text), log.frame(text, { way: "out", from })));
  client.on("closed", ({ code, reason }) => log.remark({ type: "closed", code, reason }, from));
}

function counted() {
  rate.message();
  count += 1;
  if (isShown) requestAnimationFrame(showCount); // once a frame, however many come
  isShown = false;
}

function showCount() {
  isShown = true;
  element("ws-count").textContent = number(count);
  element("ws-position").textContent = live.position ? number(offsetOf(live.position)) : "–";
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { type: t("no JSON"), text };
  }
}

// sending

element("ws-example").addEventListener("change", ({ target }) => (element("ws-text").value = target.value));
onSubmit(element("ws-send"), () => {
  if (!live.sendText(element("ws-text").value)) throw new Error(t("Not connected; connect first."));
});

// events

const subscriptions = new Map(); // event → stop

onSubmit(element("ws-subscription"), ({ event }) => subscribe(event.value.trim()));

function subscribe(name) {
  if (subscriptions.has(name)) return;
  subscriptions.set(name, live.subscribe(name, () => {}));
  const item = document.createElement("li");
  item.className = "badge";
  item.append(name);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link-button";
  button.textContent = t("Unsubscribe");
  button.setAttribute("aria-label", `${t("Unsubscribe")} ${name}`);
  button.addEventListener("click", () => {
    subscriptions.get(name)();
    subscriptions.delete(name);
    item.remove();
  });
  item.append(button);
  element("ws-events").append(item);
}

onSubmit(element("ws-publication"), async ({ data }) => {
  const name = element("ws-subscription").elements.event.value.trim();
  let content;
  try {
    content = JSON.parse(data.value);
  } catch {
    throw new Error(t("This is no JSON."));
  }
  const { event, receivers, at_least: atLeast } = await post(at(`/api/v1/events/${encodeURIComponent(name)}`), content);
  const told = { event, count: number(receivers) };
  element("ws-published").textContent = atLeast
    ? t("{event} went to at least {count} connections.", told)
    : t("{event} went to {count} connections.", told);
  element("ws-published").hidden = false;
});

// demonstration job

onSubmit(element("ws-demonstration"), async ({ seconds, total, fail_at: failAt }) => {
  const body = { seconds: Number(seconds.value), total: Number(total.value) };
  if (failAt.value) body.fail_at = Number(failAt.value);
  const started = await post(at("/api/v1/jobs/demonstration"), body);
  barOf({ job_id: started.job_id, title: t("Demonstration") });
});

for (const type of ["job", "file_upload_progress", "data_import_progress", "batch_report_progress"]) live.on(type, drawJob);

function drawJob(job) {
  if (!element("ws-jobs")) return;
  const bar = barOf(job);
  show(bar, job);
  bar.querySelector("button").hidden = !["queued", "running"].includes(job.state);
  if (job.error) bar.querySelector(".progress__message").textContent = job.error.message;
}

const BARS = 5; // of the newest jobs

function barOf(job) {
  const known = document.querySelector(`#ws-jobs [data-job="${CSS.escape(job.job_id)}"]`);
  if (known) return known;
  const bar = element("ws-job").content.firstElementChild.cloneNode(true);
  bar.dataset.job = job.job_id;
  bar.querySelector(".badge").dataset.stateOf = job.job_id;
  bar.querySelector(".progress__bar").setAttribute("aria-label", t(job.title));
  const link = bar.querySelector("a");
  link.textContent = t(job.title);
  link.href = at(`/jobs/${job.job_id}`);
  bar.querySelector("button").addEventListener("click", () => post(at(`/api/v1/jobs/${job.job_id}/cancel`)));
  element("ws-jobs").prepend(bar);
  while (element("ws-jobs").childElementCount > BARS) element("ws-jobs").lastElementChild.remove();
  return bar;
}

live.connect();
