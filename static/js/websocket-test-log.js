// The messages and frames of /websocket-test, the newest on top. However many come, the page stays quick: rows are made
// once per animation frame, and only the last ones are kept.

import { filesize, language, number, t } from "./i18n.js";
import { copyFrom } from "./websocket-test-clipboard.js";

const KEPT_BYTES = 16 * 1024 * 1024; // of text: few but large messages must not fill the tab's memory either
const BRIEF_LENGTH = 300;
const DIRECTIONS = { in: t("received"), out: t("sent") };

const clock = new Intl.DateTimeFormat(language, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
  timeZone: document.documentElement.dataset.timeZone || "UTC",
});
const encoder = new TextEncoder();
export const size = (bytes) => (bytes < 1_000 ? t("{count} B", { count: number(Math.round(bytes)) }) : filesize(bytes));
export const bytesOf = (text) => encoder.encode(text).length;
const element = (id) => document.getElementById(id);

// The last entries of one view.
class Kept {
  entries = []; // the newest last
  #bytes = 0;

  add(entry, limit) {
    this.entries.push(entry);
    this.#bytes += entry.bytes;
    // In bulk: moving the whole array for each of a thousand messages a second would cost more than showing them.
    if (this.entries.length >= 2 * limit || this.#bytes > KEPT_BYTES) this.trim(limit);
  }

  trim(limit) {
    const { entries } = this;
    let surplus = 0;
    while (entries.length - surplus > limit || (this.#bytes > KEPT_BYTES && surplus < entries.length - 1)) {
      this.#bytes -= entries[surplus].bytes;
      surplus += 1;
    }
    if (surplus) entries.splice(0, surplus);
  }

  clear() {
    this.entries = [];
    this.#bytes = 0;
  }
}

export class MessageLog {
  #list = element("ws-messages");
  #rowTemplate = element("ws-message").content.firstElementChild;
  #kept = { messages: new Kept(), frames: new Kept() };
  #view = "messages";
  #form = "pretty";
  #limit = Number(element("ws-kept").value);
  #number = 0; // of the newest entry
  #drawn = 0; // the number up to which rows were made
  #isPaused = false;
  #isConnected = false;
  #isDrawing = false;
  #types = new Set();
  #entryOf = new WeakMap(); // row → entry

  constructor() {
    this.#list.addEventListener("toggle", ({ target }) => this.#fill(target), true); // it does not bubble
    this.#list.addEventListener("click", (event) => this.#clicked(event));
    element("ws-filter").addEventListener("input", () => this.#redraw());
    element("ws-type").addEventListener("change", () => this.#redraw());
    element("ws-kept").addEventListener("change", ({ target }) => {
      this.#limit = Number(target.value);
      this.#redraw();
    });
    element("ws-clear").addEventListener("click", () => this.#clear());
    element("ws-pause").addEventListener("click", ({ currentTarget }) => this.#pause(currentTarget));
    element("ws-copy").addEventListener("click", ({ currentTarget }) => copyFrom(currentTarget, this.#shownAsJson()));
    for (const button of document.querySelectorAll("#ws-log [data-view], #ws-log [data-form]")) {
      button.addEventListener("click", () => this.#choose(button));
    }
    this.#soon();
  }

  // What an empty list says depends on it.
  set isConnected(value) {
    this.#isConnected = value;
    this.#soon();
  }

  /** A frame exactly as it came or went; `message` fills in what it holds. */
  frame(text, { way = "in", from = "" } = {}) {
    const entry = { way, from, text, bytes: bytesOf(text), types: new Set(), count: 0, isFrame: true };
    return this.#add("frames", entry);
  }

  /** A message of `frame`. */
  message(content, frame, { isReplayed = false } = {}) {
    const type = String(content?.type ?? "?");
    const text = frame.text.startsWith("[") ? JSON.stringify(content) : frame.text;
    const { way, from } = frame;
    frame.types.add(type);
    frame.count += 1;
    this.#learn(type);
    const entry = { way, from, text, content, isReplayed, bytes: bytesOf(text), types: new Set([type]), place: frame.count };
    this.#add("messages", entry).frame = frame;
  }

  /** Something about the connection that is no message. */
  remark(content, from = "") {
    this.message(content, { way: "in", from, text: JSON.stringify(content), types: new Set(), count: 0 });
  }

  #add(view, entry) {
    entry.at = new Date();
    entry.number = this.#number += 1;
    this.#kept[view].add(entry, this.#limit);
    this.#soon();
    return entry;
  }

  #learn(type) {
    if (this.#types.has(type)) return;
    this.#types.add(type);
    const option = new Option(type, type);
    const after = [...element("ws-type").options].slice(1).find((other) => other.value > type);
    element("ws-type").add(option, after);
  }

  // drawing

  #soon() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  #draw() {
    const kept = this.#kept[this.#view];
    kept.trim(this.#limit);
    if (!this.#isPaused) {
      const rows = kept.entries.filter((entry) => entry.number > this.#drawn && this.#fits(entry)).map((entry) => this.#row(entry));
      this.#drawn = this.#number;
      this.#list.prepend(...rows.reverse());
      while (this.#list.childElementCount > this.#limit) this.#list.lastElementChild.remove();
    }
    this.#count(kept);
  }

  #redraw() {
    const paused = this.#isPaused ? this.#drawn : Infinity;
    const shown = this.#kept[this.#view].entries.filter((entry) => entry.number <= paused && this.#fits(entry));
    this.#list.replaceChildren(...shown.slice(-this.#limit).map((entry) => this.#row(entry)).reverse());
    if (!this.#isPaused) this.#drawn = this.#number;
    this.#count(this.#kept[this.#view]);
  }

  #row(entry) {
    const row = this.#rowTemplate.cloneNode(true);
    const summary = row.firstElementChild.firstElementChild;
    const [, direction, time, type, about, bytes] = summary.children;
    row.dataset.way = entry.way;
    row.classList.toggle("is-error", entry.types.has("error"));
    row.classList.toggle("is-replayed", Boolean(entry.isReplayed));
    direction.textContent = DIRECTIONS[entry.way];
    time.textContent = clock.format(entry.at);
    type.textContent = entry.isFrame ? contents(entry) : [...entry.types][0];
    for (const label of [entry.isReplayed && t("replayed"), entry.from]) {
      if (label) type.append(" ", badge(label));
    }
    about.textContent = brief(entry);
    bytes.textContent = size(entry.bytes);
    this.#entryOf.set(row, entry);
    return row;
  }

  // Only what is opened is written out: most never is.
  #fill(details) {
    const entry = this.#entryOf.get(details.parentElement);
    if (!entry) return;
    details.querySelector(".wstest__body")?.remove();
    if (!details.open) return;
    details.append(element("ws-message-body").content.cloneNode(true));
    details.querySelector("pre").textContent = this.#written(entry);
    details.querySelector("pre").setAttribute("aria-label", [...entry.types].join(", "));
    details.querySelector("[data-about]").textContent = about(entry);
  }

  #written({ text }) {
    if (this.#form === "raw") return text;
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }

  #fits({ types, text, from }) {
    const type = element("ws-type").value;
    const words = element("ws-filter").value.trim().toLowerCase();
    return (!type || types.has(type)) && (!words || `${from} ${text}`.toLowerCase().includes(words));
  }

  #count({ entries }) {
    const shown = this.#list.childElementCount;
    const parts = [t("{shown} of {kept} shown", { shown: number(shown), kept: number(entries.length) })];
    const fresh = this.#isPaused ? entries.filter((entry) => entry.number > this.#drawn).length : 0;
    if (this.#isPaused) parts.push(t("paused, {count} new", { count: number(fresh) }));
    element("ws-shown").textContent = parts.join(" · ");
    this.#sayEmpty(shown === 0, entries.length > 0);
  }

  #sayEmpty(isEmpty, isFiltered) {
    element("ws-empty").hidden = !isEmpty;
    if (!isEmpty) return;
    const [title, text] = isFiltered
      ? [t("Nothing fits the filter"), t("Change or clear it to see the other messages.")]
      : this.#isConnected
        ? [t("No message yet"), t("Send a ping, subscribe to an event or start a job.")]
        : [t("Not connected"), t("Connect, and every message will be listed here.")];
    element("ws-empty").querySelector(".empty__title").textContent = title;
    element("ws-empty").querySelector(".empty__text").textContent = text;
  }

  // controls

  #choose(button) {
    const { view, form } = button.dataset;
    if (view) this.#view = view;
    else this.#form = form;
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    if (view) this.#redraw();
    else for (const details of this.#list.querySelectorAll("details[open]")) this.#fill(details);
  }

  #pause(button) {
    this.#isPaused = !this.#isPaused;
    button.setAttribute("aria-pressed", String(this.#isPaused));
    button.lastElementChild.textContent = this.#isPaused ? t("Go on") : t("Pause");
    this.#redraw();
  }

  #clear() {
    for (const kept of Object.values(this.#kept)) kept.clear();
    this.#redraw();
  }

  #clicked({ target }) {
    const button = target.closest("[data-copy-one]");
    if (button) copyFrom(button, JSON.stringify(asJson(this.#entryOf.get(button.closest("li"))), null, 2));
  }

  // Oldest first, as one reads a conversation.
  #shownAsJson() {
    const entries = [...this.#list.children].map((row) => this.#entryOf.get(row)).reverse();
    return JSON.stringify(entries.map(asJson), null, 2);
  }
}

function asJson({ way, at, from, text, content, isFrame, isReplayed }) {
  const about = { direction: way, at: at.toISOString() };
  if (from) about.connection = from;
  if (isReplayed) about.replayed = true;
  return isFrame ? { ...about, frame: text } : { ...about, message: content };
}

// What tells one message from the next at a glance: not its type and time, which stand beside it.
function brief({ isFrame, content, text }) {
  if (isFrame) return text.slice(0, BRIEF_LENGTH);
  if (content?.job_id) return `${content.state} · ${content.progress}/${content.total ?? "?"} · ${content.title}`;
  if (typeof content !== "object" || content === null) return text.slice(0, BRIEF_LENGTH);
  const { type, timestamp, ...rest } = content;
  return JSON.stringify(rest).slice(0, BRIEF_LENGTH);
}

function contents({ text, count, types }) {
  return text.startsWith("[") ? t("array of {count}", { count: number(count) }) : [...types].join(", ") || "?";
}

function about({ bytes, isFrame, count, types, place, frame }) {
  const parts = [t("{count} bytes", { count: number(bytes) })];
  if (isFrame && count > 1) parts.push([...types].join(", "));
  if (frame?.count > 1) parts.push(t("{place} of {count} in its frame", { place: number(place), count: number(frame.count) }));
  return parts.join(" · ");
}

function badge(text) {
  const label = document.createElement("span");
  label.className = "badge wstest__badge";
  label.textContent = text;
  return label;
}
