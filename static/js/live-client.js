// The browser's side of the live protocol (docs/protocol.md): one connection that mends itself. ES modules without
// dependencies, for our pages and anybody else's: this one and the live-*.js beside it. How to use it: docs/live-client.md.

import { ANOTHER_USER, CONNECTION_LIMIT, FIRST_TO_STAY_AWAY, REPLACED, SIGNED_OUT } from "./live-codes.js";
import { Fallback, TabMemory } from "./live-fallback.js";
import { base, isOnline, language, ways } from "./live-host.js";
import { Heartbeat, PATIENCE_AFTER_SLEEP_MS } from "./live-heartbeat.js";
import { Listeners } from "./live-listeners.js";
import { PageWatch } from "./live-page.js";
import { Probe } from "./live-probe.js";
import { Requests } from "./live-requests.js";
import { Seen } from "./live-seen.js";
import { Sharing } from "./live-sharing.js";
import { Subscriptions } from "./live-subscriptions.js";
import { Timers } from "./live-timers.js";
import { EventTransport, SocketTransport } from "./live-transports.js";

export { LiveError } from "./live-requests.js";

const HERE = import.meta.url;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;
const OPEN_TIMEOUT_MS = 10_000;
const WELCOME_TIMEOUT_MS = 15_000; // longer than the server waits for a token, so that its answer is heard
const NAMED_SPREAD_MS = 1_000;
const LOST = { code: 4002, reason: "no answer" };
const NOTHING_CAME = new Set([1006, LOST.code]); // any other code was sent by the server
const HOLDER_MS = 1_000; // how much longer than whoever holds a shared connection a page waits for an answer
const PLACE_MS = 30_000; // until we ask whether a place has become free

/**
 * @typedef {"connecting" | "connected" | "offline" | "closed"} LiveState
 *   connecting: on its way · connected: everything is up to date · offline: trying again now and then ·
 *   closed: it will not come back by itself (signed out, replaced, refused, or `close()` was called)
 * @typedef {"websocket" | "sse"} LiveTransport
 * @typedef {{type: string, timestamp: string, [field: string]: any}} LiveMessage
 * @typedef {object} LiveOptions
 * @property {string} [url] where to connect; default: `/ws` of the server this module came from
 * @property {string} [clientId] names this tab or device; default: a random one per page
 * @property {string} [language] of the human texts; default: the page's
 * @property {string} [since] go on after this `position`, of an earlier page perhaps
 * @property {string | (() => (string | Promise<string>))} [token] for pages of other origins: an API token; a function is
 *   asked on each connect
 * @property {LiveTransport[]} [transports] what may be used; default: both, server-sent events where WebSockets are blocked
 * @property {string} [user] whose messages these are to be, by id: when somebody else is signed in by now, it is `closed`
 * @property {string} [share] pages of this browser that give the same text share one connection, where the browser can; it
 *   must differ for different users and for different versions of these scripts
 * @property {PageWatch} [watch] of whoever is not one page
 * @property {TabMemory} [memory] likewise
 */

/** One live connection of one page; with `share` its part of one that the pages of this browser have together. */
export class LiveClient {
  #options;
  #fallback;
  #link = null; // the transport in use or on its way
  #isWelcome = false; // whether its first message has come
  #state = "offline";
  #told = ""; // state and transport as listeners know them
  #wanted = false;
  #attempts = 0;
  #timers = new Timers(); // retry, open, and those of heartbeat and probe
  #page;
  #sharing;
  #seen;
  #listeners = new Listeners(); // by type
  #requests = new Requests((command) => this.#trySend(command));
  #subscriptions = new Subscriptions({ ask: (command) => this.request(command), isWelcome: () => this.#isWelcome });
  #heartbeat = new Heartbeat({
    timers: this.#timers,
    send: (command) => this.#trySend(command),
    silent: () => this.#lost(),
  });
  #probe; // a WebSocket that is tried while server-sent events go on

  /** The last `connection` message. */
  connection = null;

  /** @param {LiveOptions} [options] */
  constructor(options = {}) {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    this.#options = {
      url: HERE.startsWith("http") ? new URL("../../ws", HERE).href : undefined,
      clientId: randomId(),
      language: language(),
      transports: ways(),
      ...given,
    };
    if (!this.#options.url) throw new TypeError("Say where to connect: new LiveClient({ url: \"https://…/ws\" }).");
    this.#page = this.#options.watch ?? new PageWatch();
    const memory = this.#options.memory ?? new TabMemory(this.#options.url);
    this.#sharing = new Sharing(this.#options, memory);
    this.#seen = new Seen(this.#options.since);
    this.#fallback = new Fallback(this.#options.transports, memory);
    this.#probe = new Probe({
      timers: this.#timers,
      fallback: this.#fallback,
      open: () => this.#transportFor("websocket"),
      takeOver: (link) => this.#takeOver(link),
    });
  }

  /** @returns {LiveState} */
  get state() {
    return this.#state;
  }

  /** What carries the messages now; null while nothing does. @returns {LiveTransport | null} */
  get transport() {
    return this.#isWelcome ? this.#link.name : null;
  }

  /** Milliseconds of the last ping's round trip; null until the first. @returns {number | null} */
  get latency() {
    return this.#heartbeat.latency;
  }

  /** When something last came, by the server's clock, in milliseconds since 1970; null until then. @returns {number | null} */
  get heardAt() {
    return this.#heartbeat.heardAt;
  }

  get clientId() {
    return this.#options.clientId;
  }

  /** `<epoch>:<offset>` of the last kept message we have; null before the first connection. @returns {string | null} */
  get position() {
    return this.#seen.position;
  }

  /** An API token, or a function that gives one, for the next connect. */
  set token(token) {
    this.#options.token = token;
  }

  /** Connect, and stay connected until `close`. */
  connect() {
    this.#wanted = true;
    this.#page.start({
      online: () => this.#online(),
      offline: () => this.#offline(),
      lookedAt: () => this.#lookedAt(),
    });
    queueMicrotask(() => this.#retryNow()); // a listener that hears of the end may ask for the beginning
  }

  /** Close for good, until `connect` is called again. */
  close() {
    this.#wanted = false;
    this.#page.stop();
    this.#drop();
    this.#setState("closed");
  }

  /**
   * What time it is for the server, in milliseconds since 1970: compare its timestamps with this, not with `Date.now()`.
   * @returns {number}
   */
  now() {
    return this.#heartbeat.now;
  }

  /** Drop the connection as a broken network would; it comes back. For trying that out. */
  interrupt() {
    this.#lost();
  }

  /**
   * Hear every message of a type; besides the protocol's types there are `state` (the new {@link LiveState}, and
   * {transport}; also told when only the transport changes), `latency` (milliseconds), `clock` (how far the server's
   * clock is ahead of ours, in milliseconds), `frame` (every frame's text, before its messages), `message` (every message),
   * `sent` (every command) and `closed` ({code, reason}).
   * @param {string} type
   * @param {(message: any, detail?: any) => void} listener
   * @returns {() => void} stops it
   */
  on(type, listener) {
    return this.#listeners.add(type, listener);
  }

  /**
   * Hear the publications on an event name, also after reconnecting.
   * @param {string} event e.g. `job:<id>`, `batch:<id>`, `dataset:<name>`, `jobs:*` or a free name
   * @param {(data: any) => void} listener
   * @returns {() => void} stops it, and unsubscribes when it was the last one
   */
  subscribe(event, listener) {
    return this.#subscriptions.add(event, listener);
  }

  /**
   * Send a command and wait for its answer.
   * @param {{type: string, [field: string]: any}} command
   * @returns {Promise<LiveMessage>} rejected by an `error` answer (with its `code`) and by a lost connection
   */
  request(command) {
    return this.#requests.ask(command);
  }

  /**
   * Send any text as it is.
   * @param {string} text
   * @returns {boolean} whether there was a connection to send it on
   */
  sendText(text) {
    if (!this.#link?.send(text)) return false;
    this.#tell("sent", text);
    return true;
  }

  /** Measure the round trip now; told as `latency`. */
  ping() {
    this.#heartbeat.ping();
  }

  /** Ask whether the other side is still there, as if somebody looked again: if not, that is known within seconds. */
  check() {
    if (this.#isWelcome) this.#lookedAt();
  }

  // connecting

  #open() {
    this.#timers.stop("retry");
    if (!this.#wanted || this.#link) return;
    if (this.#attempts < 2) this.#setState("connecting");
    const introduction = { clientId: this.#options.clientId, since: this.#seen.position };
    this.#use(this.#sharing.transport(introduction) ?? this.#transportFor(this.#fallback.next));
  }

  #transportFor(way) {
    const token = async () => (typeof this.#options.token === "function" ? this.#options.token() : this.#options.token);
    const own = encodeURIComponent(this.#options.clientId);
    if (way === "websocket") {
      const address = this.#address(`${this.#options.url}/${own}`, { format: "array" });
      address.protocol = address.protocol.replace("http", "ws");
      return new SocketTransport(address, token);
    }
    const events = new URL("events", new URL(this.#options.url, base()));
    events.protocol = events.protocol.replace("ws", "http");
    return new EventTransport(this.#address(events, { client_id: this.#options.clientId }), `${events.href}/${own}`, token);
  }

  #address(url, parameters) {
    const address = new URL(url, base());
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
    if (this.#options.language) address.searchParams.set("lang", this.#options.language);
    if (this.#seen.position) address.searchParams.set("since", this.#seen.position);
    return address;
  }

  // From now on this is the link; what another one still has to say is not heard.
  #use(link) {
    this.#link = link;
    const ifCurrent = (handle) => (...values) => (link === this.#link ? handle(...values) : undefined);
    link.onopen = ifCurrent(() => this.#timers.start("open", WELCOME_TIMEOUT_MS, () => this.#lost()));
    link.onmessage = ifCurrent((text) => this.#received(text));
    link.onrefused = ifCurrent((text, problem) => this.#refused(text, problem));
    link.onclose = ifCurrent((ending) => this.#ended(ending));
    link.onaway = ifCurrent((state, away) => this.#away(state, away));
    this.#timers.start("open", OPEN_TIMEOUT_MS, () => this.#lost());
  }

  // The link is over: the server or the network said so, or nothing came any more.
  #ended({ code, reason }) {
    if (code === REPLACED && this.#probe.link) return this.#probe.release(); // by us, though we have not heard yet
    const { name: way, isShared } = this.#link;
    const gotThrough = this.#isWelcome || !NOTHING_CAME.has(code);
    this.#drop();
    const staysAway = code >= FIRST_TO_STAY_AWAY && code !== CONNECTION_LIMIT;
    if (staysAway) this.#wanted = false;
    this.#tell("closed", { code, reason });
    if (staysAway) this.#setState("closed");
    else if (!gotThrough && (isShared ? this.#sharing.failed() : this.#fallback.failed(way))) this.#open();
    else this.#retryLater(code, reason);
    return undefined;
  }

  // The connection that we share is lost; whoever holds it brings it back, or already has.
  #away(state, { ending, heardAt }) {
    this.#isWelcome = false;
    this.#timers.stopAll();
    this.#requests.lost();
    this.#heartbeat.heardElsewhere(heardAt);
    if (ending) this.#tell("closed", ending);
    this.#setState(state);
  }

  // The network went away without telling the link.
  #lost() {
    if (this.#link) this.#ended(LOST);
  }

  #drop() {
    const link = this.#link;
    this.#link = null;
    this.#isWelcome = false;
    this.#timers.stopAll();
    link?.close();
    this.#probe.drop();
    this.#requests.lost();
  }

  #retryLater(code, reason) {
    if (!this.#wanted) return;
    let delay = code === CONNECTION_LIMIT ? PLACE_MS * (1 + Math.random() / 4) : namedDelay(code, reason);
    if (delay === null) {
      // Full jitter: after a restart a thousand clients must not come back in the same instant.
      delay = Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts);
      this.#attempts += 1;
    }
    const isSoon = isOnline() && this.#attempts < 2 && code !== CONNECTION_LIMIT;
    this.#setState(isSoon ? "connecting" : "offline");
    this.#timers.start("retry", delay, () => {
      if (!this.#page.isHiddenLong) this.#open(); // else when somebody looks again
    });
  }

  #retryNow() {
    if (!this.#wanted || this.#link) return;
    this.#attempts = 0;
    this.#open();
  }

  #online() {
    this.#fallback.forget();
    this.#link?.tell?.("online");
    this.#lookedAt();
  }

  #offline() {
    if (this.#link?.isShared) this.#link.tell("offline");
    else this.#lost();
  }

  #lookedAt() {
    this.#link?.tell?.("look");
    if (!this.#isWelcome) return this.#retryNow();
    // A laptop that slept may not know yet. Whoever holds the connection for us finds out first, and tells.
    this.#heartbeat.ping(PATIENCE_AFTER_SLEEP_MS + (this.#link.isShared ? HOLDER_MS : 0));
    return undefined;
  }

  // It has our client id, so the server ends the other connection when this one joins; what comes twice is dropped.
  #takeOver(link) {
    this.#drop();
    this.#use(link);
  }

  // messages

  #received(text) {
    this.#tell("frame", text);
    const content = JSON.parse(text);
    const link = this.#link;
    for (const message of Array.isArray(content) ? content : [content]) {
      if (link === this.#link) this.#handle(message);
    }
  }

  #handle(message) {
    if (message.type === "connection" && (this.#options.user ?? message.user.id) !== message.user.id) {
      return this.#ended({ code: SIGNED_OUT, reason: ANOTHER_USER });
    }
    this.#heartbeat.heard();
    this.#tell("message", message);
    if (this.#seen.isOld(message)) return undefined;
    if (message.type === "connection") this.#welcomed(message);
    else if (message.type === "pong" && message.id === "ping") this.#ponged(message); // not that of somebody's request
    else if (message.type === "event") this.#subscriptions.tell(message);
    this.#requests.heard(message);
    this.#tell(message.type, message);
    return undefined;
  }

  async #welcomed(message) {
    this.#timers.stop("open");
    this.#isWelcome = true;
    if (!this.#link.isShared) this.#fallback.worked(this.#link.name);
    this.#heartbeat.begin(message);
    this.#tell("clock", this.#heartbeat.clockOffset);
    this.connection = message;
    this.#attempts = 0;
    this.#seen.begin(message);
    const link = this.#link;
    this.#subscriptions.renew();
    // Progress is not kept, so the table is asked for in any case; only without recovery does anybody wait for it.
    const snapshot = this.request({ type: "jobs" }).catch(() => null);
    if (!message.recovered) await snapshot;
    if (link !== this.#link || !this.#isWelcome || message !== this.connection) return;
    this.#setState("connected");
    this.#heartbeat.ping();
    if (link.name === "sse" && !link.isShared) this.#probe.later();
  }

  // A command that did not get as far as the stream.
  #refused(text, { code, message }) {
    let id;
    try {
      ({ id } = JSON.parse(text));
    } catch {
      // it was no command
    }
    this.#handle({ type: "error", timestamp: new Date(this.now()).toISOString(), id, code, message });
  }

  #ponged(message) {
    this.#heartbeat.ponged(message);
    this.#tell("latency", this.latency);
    this.#tell("clock", this.#heartbeat.clockOffset);
  }

  #trySend(command) {
    return this.sendText(JSON.stringify(command));
  }

  #setState(state) {
    this.#state = state;
    const { transport } = this;
    if (this.#told === `${state} ${transport}`) return;
    this.#told = `${state} ${transport}`;
    this.#tell("state", state, { transport });
  }

  #tell(type, ...content) {
    this.#listeners.tell(type, ...content);
  }
}

// A server that stops tells each client when it shall come back, so that not all do in the same second.
function namedDelay(code, reason) {
  const found = code === 4000 || code === 1012 ? /retry in (\d+(?:\.\d+)?) s/.exec(reason ?? "") : null;
  return found ? Number(found[1]) * 1000 + Math.random() * NAMED_SPREAD_MS : null;
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(36).padStart(2, "0")).join("");
}
