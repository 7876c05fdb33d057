// The browser's side of the live protocol (docs/protocol.md): one connection that mends itself. ES modules without
// dependencies, for our pages and anybody else's: this one and the live-*.js beside it. How to use it: docs/live-client.md.

import { Addresses } from "./live-addresses.js";
import { TabMemory } from "./live-fallback.js";
import { language, ways } from "./live-host.js";
import { Heartbeat } from "./live-heartbeat.js";
import { Inbox } from "./live-inbox.js";
import { Line } from "./live-line.js";
import { Listeners } from "./live-listeners.js";
import { PageWatch } from "./live-page.js";
import { Requests } from "./live-requests.js";
import { Seen } from "./live-seen.js";
import { Subscriptions } from "./live-subscriptions.js";
import { Timers } from "./live-timers.js";

export { LiveError } from "./live-requests.js";

const HERE = import.meta.url;
// `/static/js/live-client.js`, and of our own pages `/static/<digest>/js/…`, where `/static` may stand below a base path.
const ROOT = /\/static\/[0-9a-f]{16}\/[^/]+\/[^/]+$/.test(HERE) ? "../../../" : "../../";

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
  #seen;
  #heartbeat;
  #line;
  #inbox;
  #told = ""; // state and transport as listeners know them
  #listeners = new Listeners(); // by type
  #requests = new Requests((command) => this.#trySend(command));
  #subscriptions = new Subscriptions({
    ask: (command) => this.request(command),
    isWelcome: () => this.#line.isWelcome,
  });

  /** @param {LiveOptions} [options] */
  constructor(options = {}) {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    this.#options = {
      url: HERE.startsWith("http") ? new URL(`${ROOT}ws`, HERE).href : undefined,
      clientId: randomId(),
      language: language(),
      transports: ways(),
      ...given,
    };
    if (!this.#options.url) throw new TypeError("Say where to connect: new LiveClient({ url: \"https://…/ws\" }).");
    const timers = new Timers();
    this.#seen = new Seen(this.#options.since);
    this.#heartbeat = new Heartbeat({
      timers,
      send: (command) => this.#trySend(command),
      silent: () => this.#line.lost(),
    });
    this.#line = this.#newLine(timers);
    this.#inbox = new Inbox({
      user: this.#options.user,
      line: this.#line,
      seen: this.#seen,
      heartbeat: this.#heartbeat,
      requests: this.#requests,
      subscriptions: this.#subscriptions,
      tell: (type, ...content) => this.#listeners.tell(type, ...content),
    });
  }

  /** @returns {LiveState} */
  get state() {
    return this.#line.state;
  }

  /** What carries the messages now; null while nothing does. @returns {LiveTransport | null} */
  get transport() {
    return this.#line.transport;
  }

  /** Milliseconds of the last ping's round trip; null until the first. @returns {number | null} */
  get latency() {
    return this.#heartbeat.latency;
  }

  /** When something last came, by the server's clock, in milliseconds since 1970; null until then. @returns {number | null} */
  get heardAt() {
    return this.#heartbeat.heardAt;
  }

  /** The last `connection` message; null before the first. */
  get connection() {
    return this.#inbox.connection;
  }

  get clientId() {
    return this.#options.clientId;
  }

  /** For the next connect: 1 to 64 of `A–Z a–z 0–9 _ . -`. */
  set clientId(clientId) {
    this.#options.clientId = clientId;
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
    this.#line.connect();
  }

  /** Close for good, until `connect` is called again. */
  close() {
    this.#line.close();
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
    this.#line.lost();
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
    if (!this.#line.send(text)) return false;
    this.#listeners.tell("sent", text);
    return true;
  }

  /** Measure the round trip now; told as `latency`. */
  ping() {
    this.#heartbeat.ping();
  }

  /** Ask whether the other side is still there, as if somebody looked again: if not, that is known within seconds. */
  check() {
    this.#line.check();
  }

  #newLine(timers) {
    const { url, watch, memory } = this.#options;
    const means = {
      options: this.#options,
      seen: this.#seen,
      page: watch ?? new PageWatch(),
      memory: memory ?? new TabMemory(url),
      timers,
      heartbeat: this.#heartbeat,
      addresses: new Addresses(this.#options, this.#seen),
    };
    return new Line(means, {
      text: (text) => this.#inbox.received(text),
      refused: (text, problem) => this.#inbox.refused(text, problem),
      lost: () => this.#requests.lost(),
      closed: (ending) => this.#listeners.tell("closed", ending),
      state: (state, transport) => this.#stateChanged(state, transport),
    });
  }

  #trySend(command) {
    return this.sendText(JSON.stringify(command));
  }

  #stateChanged(state, transport) {
    if (this.#told === `${state} ${transport}`) return;
    this.#told = `${state} ${transport}`;
    this.#listeners.tell("state", state, { transport });
  }
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(36).padStart(2, "0")).join("");
}
