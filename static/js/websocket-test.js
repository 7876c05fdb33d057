// The page /websocket-test: a live connection of its own, every message of it, and what can be tried with it.

import { at } from "./addresses.js";
import { number, t } from "./i18n.js";
import { LiveClient } from "./live-client.js";
import { onSubmit, post } from "./websocket-test-http.js";
import { Delays } from "./websocket-test-latency.js";
import { bytesOf, MessageLog } from "./websocket-test-log.js";
import { RateMeter } from "./websocket-test-rate.js";
import { JobBars } from "./websocket-test-jobs.js";
import { offsetOf, Recovery } from "./websocket-test-recovery.js";
import { SlowClient } from "./websocket-test-slow.js";
import { startJobs } from "./websocket-test-starts.js";

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
new SlowClient(live, { remark: (content) => log.remark(content, t("slow client")) });
startJobs(new JobBars(live));

// state

live.on("state", showState);
live.on("latency", (latency) => (element("ws-latency").textContent = t("{number} ms", { number: latency.toFixed(1) })));

function showState() {
  const { state } = live;
  element("ws-state").dataset.state = isCut ? "offline" : state;
  element("ws-state-text").textContent = isCut ? t("Cut off") : STATES[state];
  showToggle();
  for (const id of ["ws-cut", "ws-ping", "ws-echo", "ws-subscribe"]) element(id).disabled = state !== "connected";
  if (state === "connected") element("ws-transport").textContent = TRANSPORTS[live.transport ?? "websocket"];
  log.isConnected = state === "connected";
}

function onCut(value) {
  isCut = value;
  showState();
}

const isRenamed = () => element("ws-client").value !== live.clientId;

function showToggle() {
  const connect = isRenamed() ? t("Connect as this") : t("Connect");
  element("ws-toggle").textContent = live.state === "closed" || isRenamed() ? connect : t("Disconnect");
}

element("ws-client").value = live.clientId;
element("ws-client").addEventListener("input", showToggle);
element("ws-connection").addEventListener("submit", (event) => {
  event.preventDefault();
  const goesOn = live.state === "closed" || isRenamed();
  live.close();
  live.clientId = element("ws-client").value;
  if (goesOn) live.connect();
  showToggle();
});
element("ws-ping").addEventListener("click", () => live.ping());
element("ws-echo").addEventListener("click", () => live.sendText(JSON.stringify({ type: "echo", text: "你好" })));
element("ws-subscribe").addEventListener("click", () => element("ws-subscription").requestSubmit());

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

live.connect();
