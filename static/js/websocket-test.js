// The page /websocket-test: a live connection of its own, every message of it, and a job to watch.

import { LiveClient } from "./live-client.js";
import { show } from "./jobs-live.js";
import { t } from "./i18n.js";

const KEPT = 1_000; // messages; a long test must not fill the tab's memory
const RATE_SECONDS = 5;
const STATES = {
  connecting: t("Connecting …"),
  connected: t("Connected"),
  offline: t("Offline, trying again"),
  closed: t("Disconnected"),
};

const element = (id) => document.getElementById(id);
const live = new LiveClient();
const messages = []; // the newest last: {way, at, text, content}
const arrivals = [];
let isPaused = false;
let count = 0;
let replayed = 0;

// state

live.on("state", (state) => {
  element("ws-state").dataset.state = state;
  element("ws-state-text").textContent = STATES[state];
  element("ws-toggle").textContent = state === "closed" ? t("Connect") : t("Disconnect");
  element("ws-cut").disabled = element("ws-ping").disabled = state !== "connected";
});
live.on("closed", ({ code, reason }) => add("in", { type: t("closed"), code, reason }));
live.on("latency", (latency) => (element("ws-latency").textContent = `${latency.toFixed(1)} ms`));
live.on("connection", (message) => {
  element("ws-client").textContent = message.client_id;
  element("ws-client").title = message.message;
  element("ws-position").textContent = message.offset;
  replayed = message.recovered ? message.missed : 0;
  element("ws-replayed").textContent = message.recovered ? message.missed : "–";
});

element("ws-toggle").addEventListener("click", () => (live.state === "closed" ? live.connect() : live.close()));
element("ws-cut").addEventListener("click", () => live.interrupt());
element("ws-ping").addEventListener("click", () => live.ping());

// messages

live.on("message", (message) => {
  arrivals.push(performance.now());
  element("ws-count").textContent = ++count;
  if (Number.isInteger(message.offset)) element("ws-position").textContent = message.offset;
  add("in", message, replayed > 0 && "offset" in message && message.type !== "connection" && replayed-- > 0);
});
live.on("sent", (text) => add("out", parsed(text), false, text));

function add(way, content, isReplayed = false, text = JSON.stringify(content)) {
  const entry = { way, content, text, isReplayed, at: new Date() };
  messages.push(entry);
  if (messages.length > KEPT) messages.shift();
  if (isPaused) return showShown();
  if (fits(entry)) {
    const list = element("ws-messages");
    list.prepend(drawn(entry));
    if (list.childElementCount > KEPT) list.lastElementChild.remove();
  }
  return showShown();
}

function drawn({ way, content, text, isReplayed, at }) {
  const item = element("ws-message").content.firstElementChild.cloneNode(true);
  item.dataset.way = way;
  item.classList.toggle("is-error", content?.type === "error");
  item.querySelector("time").textContent = at.toISOString().slice(11, 23);
  item.querySelector(".wstest__type").textContent = (content?.type ?? "?") + (isReplayed ? ` · ${t("replayed")}` : "");
  item.querySelector(".wstest__brief").textContent = brief(content, text);
  const details = item.querySelector("details");
  details.addEventListener("toggle", () => {
    details.querySelector("pre").textContent = details.open ? JSON.stringify(content, null, 2) : "";
  });
  return item;
}

// What tells one message from the next at a glance: not its type and time, which stand beside it.
function brief(content, text) {
  if (content?.job_id) return `${content.state} · ${content.progress}/${content.total ?? "?"} · ${content.title}`;
  if (typeof content !== "object" || content === null) return text;
  const { type, timestamp, ...rest } = content;
  return JSON.stringify(rest);
}

const wanted = () => element("ws-filter").value.trim().toLowerCase();
const fits = (entry) => !wanted() || entry.text.toLowerCase().includes(wanted());

function redraw() {
  element("ws-messages").replaceChildren(...messages.filter(fits).map(drawn).reverse());
  showShown();
}

function showShown() {
  const shown = messages.filter(fits).length;
  const text = wanted() || isPaused ? `${shown} / ${messages.length}` : "";
  element("ws-shown").textContent = isPaused ? `${text} · ${t("paused")}` : text;
}

element("ws-filter").addEventListener("input", redraw);
element("ws-clear").addEventListener("click", () => {
  messages.length = 0;
  redraw();
});
element("ws-pause").addEventListener("click", ({ currentTarget: button }) => {
  isPaused = !isPaused;
  button.setAttribute("aria-pressed", String(isPaused));
  button.textContent = isPaused ? t("Go on") : t("Pause");
  redraw();
});
element("ws-copy").addEventListener("click", async ({ currentTarget: button }) => {
  const chosen = messages.filter(fits).map(({ way, at, content }) => ({ way, at: at.toISOString(), message: content }));
  await copy(JSON.stringify(chosen, null, 2));
  const label = button.lastChild;
  const text = label.textContent;
  label.textContent = t("Copied");
  setTimeout(() => (label.textContent = text), 1_500);
});

// Over plain HTTP to another machine the clipboard API is missing.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  return area.remove();
}

setInterval(() => {
  const horizon = performance.now() - RATE_SECONDS * 1_000;
  while (arrivals.length && arrivals[0] < horizon) arrivals.shift();
  element("ws-rate").textContent = (arrivals.length / RATE_SECONDS).toFixed(1);
}, 500);

// sending

element("ws-example").addEventListener("change", ({ target }) => (element("ws-text").value = target.value));
element("ws-send").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!live.sendText(element("ws-text").value)) fail(t("Not connected; connect first."));
  else element("ws-send-error").hidden = true;
});

function fail(text) {
  element("ws-send-error").textContent = text;
  element("ws-send-error").hidden = false;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { type: t("no JSON"), text };
  }
}

// events

const subscriptions = new Map(); // event → stop

element("ws-subscription").addEventListener("submit", (event) => {
  event.preventDefault();
  subscribe(event.target.elements.event.value.trim());
});

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

element("ws-publication")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = element("ws-subscription").elements.event.value.trim();
  await post(`/api/v1/events/${encodeURIComponent(name)}`, event.target.elements.data.value);
});

// demonstration job

element("ws-demonstration")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { seconds, total, fail_at: failAt } = event.target.elements;
  const body = { seconds: Number(seconds.value), total: Number(total.value) };
  if (failAt.value) body.fail_at = Number(failAt.value);
  const started = await post("/api/v1/jobs/demonstration", JSON.stringify(body));
  if (started) barOf({ job_id: started.job_id, title: t("Demonstration"), state: "queued" });
});

live.on("job", (job) => {
  if (job.kind !== "demonstration") return;
  const bar = barOf(job);
  show(bar, job);
  bar.querySelector("button").hidden = !["queued", "running"].includes(job.state);
  if (job.error) bar.querySelector(".progress__message").textContent = job.error.message;
});

function barOf(job) {
  const known = document.querySelector(`#ws-jobs [data-job="${CSS.escape(job.job_id)}"]`);
  if (known || !element("ws-jobs")) return known ?? element("ws-job").content.firstElementChild.cloneNode(true);
  const bar = element("ws-job").content.firstElementChild.cloneNode(true);
  bar.dataset.job = job.job_id;
  const link = bar.querySelector("a");
  link.textContent = job.title;
  link.href = `/jobs/${job.job_id}`;
  bar.querySelector("button").addEventListener("click", () => post(`/api/v1/jobs/${job.job_id}/cancel`));
  element("ws-jobs").prepend(bar);
  return bar;
}

async function post(url, body) {
  const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const answer = await response.json().catch(() => ({ detail: response.statusText }));
  if (response.ok) return answer;
  fail(answer.detail ?? answer.title);
  return null;
}

live.connect();
