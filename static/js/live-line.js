// The connection, whatever carries it: which link that is, when the next one is tried and in which way, and what to call
// the state of it. What comes through it is no business of its own (`live-inbox.js`).

import { CONNECTION_LIMIT, FIRST_TO_STAY_AWAY, REPLACED } from "./live-codes.js";
import { Fallback } from "./live-fallback.js";
import { PATIENCE_AFTER_SLEEP_MS } from "./live-heartbeat.js";
import { Pauses } from "./live-pauses.js";
import { Probe } from "./live-probe.js";
import { Sharing } from "./live-sharing.js";

const OPEN_TIMEOUT_MS = 10_000;
const WELCOME_TIMEOUT_MS = 15_000; // longer than the server waits for a token, so that its answer is heard
const LOST = { code: 4002, reason: "no answer" };
const NOTHING_CAME = new Set([1006, LOST.code]); // any other code was sent by the server
const HOLDER_MS = 1_000; // how much longer than whoever holds a shared connection a page waits for an answer

export class Line {
  /** Whether the first message has come. */
  isWelcome = false;

  /** The transport in use or on its way. */
  link = null;

  state = "offline";

  /** What is heard of it: `text(text)`, `refused(text, problem)`, `lost()`, `closed(ending)`, `state(state, transport)`. */
  #hear;
  #options;
  #seen;
  #page;
  #timers; // retry, open, and those of heartbeat and probe
  #heartbeat;
  #addresses;
  #sharing;
  #fallback;
  #probe; // a WebSocket that is tried while server-sent events go on
  #pauses = new Pauses();
  #isWanted = false;

  constructor({ options, seen, page, memory, timers, heartbeat, addresses }, hear) {
    this.#hear = hear;
    this.#options = options;
    this.#seen = seen;
    this.#page = page;
    this.#timers = timers;
    this.#heartbeat = heartbeat;
    this.#addresses = addresses;
    this.#sharing = new Sharing(options, memory);
    this.#fallback = new Fallback(options.transports, memory);
    this.#probe = new Probe({
      timers,
      fallback: this.#fallback,
      open: () => addresses.open("websocket"),
      takeOver: (link) => this.#takeOver(link),
    });
  }

  /** What carries the messages now; null while nothing does. */
  get transport() {
    return this.isWelcome ? this.link.name : null;
  }

  connect() {
    this.#isWanted = true;
    this.#page.start({
      online: () => this.#online(),
      offline: () => this.#offline(),
      lookedAt: () => this.#lookedAt(),
    });
    queueMicrotask(() => this.#retryNow()); // a listener that hears of the end may ask for the beginning
  }

  close() {
    this.#isWanted = false;
    this.#page.stop();
    this.#drop();
    this.#setState("closed");
  }

  /** Whether there was a link to send it on. */
  send(text) {
    return Boolean(this.link?.send(text));
  }

  /** The network went away without telling the link. */
  lost() {
    if (this.link) this.end(LOST);
  }

  /** Ask as if somebody looked again. */
  check() {
    if (this.isWelcome) this.#lookedAt();
  }

  /** The first message came. */
  welcomed() {
    this.#timers.stop("open");
    this.isWelcome = true;
    if (!this.link.isShared) this.#fallback.worked(this.link.name);
    this.#pauses.forget();
  }

  /** Everything is up to date. */
  caughtUp() {
    this.#setState("connected");
    this.#heartbeat.ping();
    if (this.link.name === "sse" && !this.link.isShared) this.#probe.later();
  }

  /** The link is over: the server or the network said so, or nothing came any more. */
  end({ code, reason }) {
    if (code === REPLACED && this.#probe.link) return this.#probe.release(); // by us, though we have not heard yet
    const { name: way, isShared } = this.link;
    const gotThrough = this.isWelcome || !NOTHING_CAME.has(code);
    this.#drop();
    const staysAway = code >= FIRST_TO_STAY_AWAY && code !== CONNECTION_LIMIT;
    if (staysAway) this.#isWanted = false;
    this.#hear.closed({ code, reason });
    if (staysAway) this.#setState("closed");
    else if (!gotThrough && (isShared ? this.#sharing.failed() : this.#fallback.failed(way))) this.#open();
    else this.#retryLater({ code, reason });
    return undefined;
  }

  // coming

  #open() {
    this.#timers.stop("retry");
    if (!this.#isWanted || this.link) return;
    if (this.#pauses.isEarly) this.#setState("connecting");
    const introduction = { clientId: this.#options.clientId, since: this.#seen.position };
    this.#use(this.#sharing.transport(introduction) ?? this.#addresses.open(this.#fallback.next));
  }

  // From now on this is the link; what another one still has to say is not heard.
  #use(link) {
    this.link = link;
    const ifCurrent = (handle) => (...values) => (link === this.link ? handle(...values) : undefined);
    link.onopen = ifCurrent(() => this.#timers.start("open", WELCOME_TIMEOUT_MS, () => this.lost()));
    link.onmessage = ifCurrent((text) => this.#hear.text(text));
    link.onrefused = ifCurrent((text, problem) => this.#hear.refused(text, problem));
    link.onclose = ifCurrent((ending) => this.end(ending));
    link.onaway = ifCurrent((state, away) => this.#away(state, away));
    this.#timers.start("open", OPEN_TIMEOUT_MS, () => this.lost());
  }

  // It has our client id, so the server ends the other connection when this one joins; what comes twice is dropped.
  #takeOver(link) {
    this.#drop();
    this.#use(link);
  }

  // going

  // The connection that we share is lost; whoever holds it brings it back, or already has.
  #away(state, { ending, heardAt }) {
    this.isWelcome = false;
    this.#timers.stopAll();
    this.#hear.lost();
    this.#heartbeat.heardElsewhere(heardAt);
    if (ending) this.#hear.closed(ending);
    this.#setState(state);
  }

  #drop() {
    const { link } = this;
    this.link = null;
    this.isWelcome = false;
    this.#timers.stopAll();
    link?.close();
    this.#probe.drop();
    this.#hear.lost();
  }

  // coming back

  #retryLater(ending) {
    if (!this.#isWanted) return;
    const { delay, isSoon } = this.#pauses.after(ending);
    this.#setState(isSoon ? "connecting" : "offline");
    this.#timers.start("retry", delay, () => {
      if (!this.#page.isHiddenLong) this.#open(); // else when somebody looks again
    });
  }

  #retryNow() {
    if (!this.#isWanted || this.link) return;
    this.#pauses.forget();
    this.#open();
  }

  #online() {
    this.#fallback.forget();
    this.link?.tell?.("online");
    this.#lookedAt();
  }

  #offline() {
    if (this.link?.isShared) this.link.tell("offline");
    else this.lost();
  }

  #lookedAt() {
    this.link?.tell?.("look");
    if (!this.isWelcome) return this.#retryNow();
    // A laptop that slept may not know yet. Whoever holds the connection for us finds out first, and tells.
    this.#heartbeat.ping(PATIENCE_AFTER_SLEEP_MS + (this.link.isShared ? HOLDER_MS : 0));
    return undefined;
  }

  #setState(state) {
    this.state = state;
    this.#hear.state(state, this.transport);
  }
}
