// The browser's side of the live protocol (docs/protocol.md): one connection that mends itself.
// An ES module without dependencies, for our pages and for anybody else's:
//
//   import { LiveClient } from "/static/js/live-client.js";
//   const live = new LiveClient();
//   live.on("state", (state) => console.log(state));
//   live.on("data_import_progress", (job) => console.log(job.title, job.progress, job.total));
//   live.subscribe("test_events", (data) => console.log(data));
//   live.connect();

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;
const HIDDEN_LONG_MS = 60_000; // a tab nobody looks at for so long does not come back by itself
const CONNECT_TIMEOUT_MS = 15_000;
const FIRST_CODE_TO_STAY_AWAY = 4500;
const EVENTS_PER_COMMAND = 100;
const REVISIONS_KEPT = 5_000;
const JOB_MESSAGES = new Set(["job", "file_upload_progress", "data_import_progress", "batch_report_progress"]);

/**
 * @typedef {"connecting" | "connected" | "offline" | "closed"} LiveState
 *   connecting: on its way · connected: everything is up to date · offline: trying again now and then ·
 *   closed: it will not come back by itself (signed out, replaced, refused, or `close()` was called)
 * @typedef {{type: string, timestamp: string, [field: string]: any}} LiveMessage
 * @typedef {object} LiveOptions
 * @property {string} [url] where to connect; default: `/ws` of this page's server
 * @property {string} [clientId] names this tab or device; default: a random one per page
 * @property {string} [language] of the human texts; default: the page's
 * @property {string} [since] go on after this `position`, of an earlier page perhaps
 * @property {() => (string | Promise<string>)} [token] for pages of other origins: an API token, asked for on each connect
 */

/** One live connection of one page. */
export class LiveClient {
  #options;
  #socket = null;
  #state = "offline";
  #wanted = false;
  #attempts = 0;
  #position = null; // of the last kept message we have: {epoch, offset}
  #revisions = new Map(); // job id → the newest revision seen
  #listeners = new Map(); // type → Set of functions
  #subscriptions = new Map(); // event → Set of functions
  #requests = new Map(); // command id → {resolve, reject}
  #nextId = 1;
  #timers = { retry: null, ping: null, pong: null, open: null };
  #intervals = { ping: 25_000, pong: 10_000 };
  #pingSentAt = 0;
  #hiddenSince = null;

  /** Milliseconds of the last ping's round trip; null until the first. */
  latency = null;
  /** The last `connection` message. */
  connection = null;

  /** @param {LiveOptions} [options] */
  constructor(options = {}) {
    this.#options = { url: defaultUrl(), clientId: randomId(), language: document.documentElement.lang, ...options };
    const [epoch, offset] = this.#options.since?.split(":") ?? [];
    if (epoch) this.#position = { epoch, offset: Number(offset) };
    window.addEventListener("online", () => this.#retryNow());
    window.addEventListener("offline", () => this.#lost());
    document.addEventListener("visibilitychange", () => this.#visibilityChanged());
    if (document.hidden) this.#hiddenSince = Date.now();
  }

  /** @returns {LiveState} */
  get state() {
    return this.#state;
  }

  get clientId() {
    return this.#options.clientId;
  }

  /** `<epoch>:<offset>` of the last kept message we have; null before the first connection. */
  get position() {
    return this.#position && `${this.#position.epoch}:${this.#position.offset}`;
  }

  /** Connect, and stay connected until `close`. */
  connect() {
    this.#wanted = true;
    this.#retryNow();
  }

  /** Close for good, until `connect` is called again. */
  close() {
    this.#wanted = false;
    this.#drop(1000);
    this.#setState("closed");
  }

  /** Drop the connection as a broken network would; it comes back. For trying that out. */
  interrupt() {
    this.#lost();
  }

  /**
   * Hear every message of a type; besides the protocol's types there are `state` (the new {@link LiveState}),
   * `latency` (milliseconds), `frame` (every frame's text, before its messages), `message` (every message), `sent` (every
   * command) and `closed` ({code, reason}).
   * @param {string} type
   * @param {(message: any) => void} listener
   * @returns {() => void} stops it
   */
  on(type, listener) {
    return added(this.#listeners, type, listener);
  }

  /**
   * Hear the publications on an event name, also after reconnecting.
   * @param {string} event e.g. `job:<id>`, `batch:<id>`, `dataset:<name>`, `jobs:*` or a free name
   * @param {(data: any) => void} listener
   * @returns {() => void} stops it, and unsubscribes when it was the last one
   */
  subscribe(event, listener) {
    const isFirst = !this.#subscriptions.has(event);
    const stop = added(this.#subscriptions, event, listener);
    if (isFirst) this.#subscribe([event]);
    return () => {
      stop();
      if (!this.#subscriptions.has(event)) this.#trySend({ type: "unsubscribe", events: [event] });
    };
  }

  /**
   * Send a command and wait for its answer.
   * @param {{type: string, [field: string]: any}} command
   * @returns {Promise<LiveMessage>} rejected by an `error` answer (with its `code`) and by a lost connection
   */
  request(command) {
    const id = `r${this.#nextId++}`;
    return new Promise((resolve, reject) => {
      if (!this.#trySend({ ...command, id })) return reject(new LiveError("offline", "Not connected."));
      this.#requests.set(id, { resolve, reject });
      return undefined;
    });
  }

  /**
   * Send any text as it is.
   * @param {string} text
   * @returns {boolean} whether there was a connection to send it on
   */
  sendText(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    this.#tell("sent", text);
    return true;
  }

  /** Measure the round trip now; told as `latency`. */
  ping() {
    this.#ping();
  }

  // connecting

  async #open() {
    clearTimeout(this.#timers.retry);
    this.#timers.retry = null;
    if (!this.#wanted || this.#socket) return;
    if (this.#attempts < 2) this.#setState("connecting");
    const socket = new WebSocket(this.#address());
    this.#socket = socket;
    const ifCurrent = (handle) => (event) => socket === this.#socket && handle(event);
    socket.addEventListener("open", ifCurrent(() => this.#introduce()));
    socket.addEventListener("message", ifCurrent((event) => this.#received(event.data)));
    socket.addEventListener("close", ifCurrent((event) => this.#closed(event)));
    this.#timers.open = setTimeout(ifCurrent(() => this.#lost()), CONNECT_TIMEOUT_MS);
  }

  async #introduce() {
    if (this.#options.token) this.#trySend({ type: "auth", token: await this.#options.token() });
  }

  #address() {
    const address = new URL(`${this.#options.url}/${encodeURIComponent(this.#options.clientId)}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("format", "array");
    if (this.#options.language) address.searchParams.set("lang", this.#options.language);
    if (this.#position) address.searchParams.set("since", `${this.#position.epoch}:${this.#position.offset}`);
    return address;
  }

  #closed({ code, reason }) {
    this.#drop();
    this.#tell("closed", { code, reason });
    if (code >= FIRST_CODE_TO_STAY_AWAY) {
      this.#wanted = false;
      this.#setState("closed");
    } else this.#retryLater();
  }

  // The network went away without telling the socket.
  #lost() {
    if (!this.#socket) return;
    this.#drop(4002);
    this.#tell("closed", { code: 4002, reason: "no answer" });
    this.#retryLater();
  }

  #drop(code) {
    const socket = this.#socket;
    this.#socket = null;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    if (socket && code) socket.close(code);
    for (const { reject } of this.#requests.values()) reject(new LiveError("offline", "The connection was lost."));
    this.#requests.clear();
  }

  #retryLater() {
    if (!this.#wanted) return;
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#setState(navigator.onLine && this.#attempts < 2 ? "connecting" : "offline");
    // Full jitter: after a restart a thousand clients must not come back in the same instant.
    this.#timers.retry = setTimeout(() => this.#retry(), Math.random() * longest);
  }

  #retry() {
    const isHiddenLong = this.#hiddenSince !== null && Date.now() - this.#hiddenSince > HIDDEN_LONG_MS;
    if (!isHiddenLong) this.#open(); // else when somebody looks again
  }

  #retryNow() {
    if (!this.#wanted || this.#socket) return;
    this.#attempts = 0;
    this.#open();
  }

  #visibilityChanged() {
    this.#hiddenSince = document.hidden ? Date.now() : null;
    if (document.hidden) return;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#ping(); // a laptop that slept may not know yet
    else this.#retryNow();
  }

  // messages

  #received(text) {
    this.#tell("frame", text);
    const content = JSON.parse(text);
    for (const message of Array.isArray(content) ? content : [content]) this.#handle(message);
  }

  #handle(message) {
    clearTimeout(this.#timers.pong);
    this.#timers.pong = null;
    this.#tell("message", message);
    if (this.#isOld(message)) return;
    if (message.type === "connection") this.#welcomed(message);
    else if (message.type === "pong" && message.id === "ping") this.#ponged(); // not the pong of somebody's request
    else if (message.type === "event") this.#published(message);
    this.#answered(message);
    this.#tell(message.type, message);
  }

  // Kept messages carry their place in the stream, jobs their revision: what we have already is dropped.
  #isOld(message) {
    if (message.type === "jobs") message.jobs.forEach((job) => this.#isStale(job));
    if (Number.isInteger(message.offset) && message.type !== "connection" && message.type !== "history") {
      if (this.#position && message.offset <= this.#position.offset) return true;
      if (this.#position) this.#position = { ...this.#position, offset: message.offset };
    }
    return JOB_MESSAGES.has(message.type) && this.#isStale(message);
  }

  #isStale({ job_id: id, revision }) {
    if (revision < (this.#revisions.get(id) ?? -1)) return true;
    this.#revisions.delete(id);
    this.#revisions.set(id, revision); // the newest last, so that the oldest is forgotten first
    if (this.#revisions.size > REVISIONS_KEPT) this.#revisions.delete(this.#revisions.keys().next().value);
    return false;
  }

  async #welcomed(message) {
    clearTimeout(this.#timers.open);
    this.connection = message;
    this.#attempts = 0;
    this.#intervals = { ping: message.ping_interval * 1000, pong: message.pong_timeout * 1000 };
    // With missed messages on their way, each of them moves the position; losing the link meanwhile loses none.
    if (!message.recovered || message.missed === 0) this.#position = { epoch: message.epoch, offset: message.offset };
    const socket = this.#socket;
    this.#subscribe([...this.#subscriptions.keys()]);
    // Progress is not kept, so the table is asked for in any case; only without recovery does anybody wait for it.
    const snapshot = this.request({ type: "jobs" }).catch(() => null);
    if (!message.recovered) await snapshot;
    if (socket !== this.#socket) return;
    this.#setState("connected");
    this.#ping();
  }

  #published(message) {
    for (const listener of this.#subscriptions.get(message.event) ?? []) safely(listener, message.data, message);
  }

  #answered(message) {
    const waiting = this.#requests.get(message.id);
    if (!waiting) return;
    this.#requests.delete(message.id);
    if (message.type === "error") waiting.reject(new LiveError(message.code, message.message));
    else waiting.resolve(message);
  }

  async #subscribe(events) {
    if (this.#socket?.readyState !== WebSocket.OPEN || !this.connection) return;
    for (let start = 0; start < events.length; start += EVENTS_PER_COMMAND) {
      const some = events.slice(start, start + EVENTS_PER_COMMAND);
      this.request({ type: "subscribe", events: some }).catch((error) => this.#notSubscribed(some, error));
    }
  }

  // All of a command's events are subscribed or none: one that is gone must not take the others along.
  #notSubscribed(events, error) {
    if (error.code === "offline") return;
    if (events.length > 1) events.forEach((event) => this.#subscribe([event]));
    else console.warn(`live: cannot subscribe to ${events[0]}: ${error.message}`);
  }

  // pings

  #ping() {
    clearTimeout(this.#timers.ping);
    this.#timers.ping = setTimeout(() => this.#ping(), this.#intervals.ping);
    this.#pingSentAt = performance.now();
    if (!this.#trySend({ type: "ping", id: "ping" }) || this.#timers.pong) return;
    this.#timers.pong = setTimeout(() => this.#lost(), this.#intervals.pong);
  }

  #ponged() {
    this.latency = performance.now() - this.#pingSentAt;
    this.#tell("latency", this.latency);
  }

  #trySend(command) {
    return this.sendText(JSON.stringify(command));
  }

  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#tell("state", state);
  }

  #tell(type, content) {
    for (const listener of this.#listeners.get(type) ?? []) safely(listener, content);
  }
}

/** Why a command was not done; `code` is stable. */
export class LiveError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// A listener that throws must not keep the others from hearing.
function safely(listener, ...content) {
  try {
    listener(...content);
  } catch (error) {
    reportError(error);
  }
}

function added(groups, name, listener) {
  if (!groups.has(name)) groups.set(name, new Set());
  groups.get(name).add(listener);
  return () => {
    const group = groups.get(name);
    group?.delete(listener);
    if (group?.size === 0) groups.delete(name);
  };
}

function defaultUrl() {
  return new URL("/ws", location.href).href;
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(36).padStart(2, "0")).join("");
}
