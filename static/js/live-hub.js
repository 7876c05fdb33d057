// Holds one connection for many pages of a browser, and is to each of them what the server would be: it welcomes them with
// what they missed, answers their own commands and no other's, and tells them of what they have subscribed to.

import { FIRST_TO_STAY_AWAY, CONNECTION_LIMIT } from "./live-codes.js";
import { LiveClient } from "./live-client.js";
import { Asking } from "./live-asking.js";
import { CrowdWatch } from "./live-crowd.js";

const SILENT_PINGS = 6; // a page that is hidden says something once a minute at least
const HISTORY_PAGE = 1_000;
const ANSWERS = new Set(["pong", "echo", "subscription", "jobs", "history", "peer_sent"]); // and errors with an id

/** A page, as the hub knows it. */
class Guest {
  introduction = null;
  isWelcome = false;
  isCatchingUp = false;
  held = []; // what came while it caught up
  heardAt = performance.now();

  constructor(port) {
    this.port = port;
  }

  /** A message, once it is welcome. */
  tell(text) {
    if (this.isCatchingUp) this.held.push(text);
    else if (this.isWelcome) this.port.post({ text });
  }
}

export class Hub {
  #guests = new Map(); // by port
  #subscribed = new Map(); // event → Set of guests
  #watch = new CrowdWatch();
  #options;
  #blocked = null; // what is known of WebSockets here: the first guest's tab may remember something, all keep what we find out
  #live = null; // from the first guest on, until the last has gone
  #asking = new Asking((text) => this.#live.sendText(text));
  #isWelcome = false;

  /** `options` of a `LiveClient`. */
  constructor(options) {
    this.#options = { ...options, share: undefined, watch: this.#watch };
  }

  /** Something came from a page: `port.post(content)` answers it. */
  take(port, { join, text, leave, look, online, offline }) {
    if (join) return this.#join(port, join);
    const guest = this.#guests.get(port);
    if (!guest) return undefined; // it was silent for so long that it was forgotten; it notices, and joins again
    guest.heardAt = performance.now();
    if (leave) this.#leave(guest);
    else if (text) this.#command(guest, text);
    else if (look) this.#watch.lookedAt();
    else if (online) this.#watch.online();
    else if (offline) this.#watch.offline();
    else port.post({ here: true });
    return undefined;
  }

  close() {
    this.#disconnected();
    this.#live?.close();
  }

  #begin({ blocked, since }) {
    this.#blocked = blocked ?? this.#blocked;
    const keep = (found) => {
      this.#blocked = found;
      for (const guest of this.#guests.values()) guest.port.post({ blocked: found });
    };
    const live = new LiveClient({ ...this.#options, since, memory: { recall: () => this.#blocked, keep } });
    live.on("connection", (message) => this.#connected(message));
    live.on("message", (message) => this.#heard(message));
    live.on("closed", (ending) => this.#lost(ending));
    live.on("state", (state) => this.#stateChanged(state));
    return live;
  }

  // joining and leaving

  #join(port, introduction) {
    const guest = new Guest(port);
    guest.introduction = introduction;
    this.#guests.set(port, guest);
    this.#live ??= this.#begin(introduction);
    port.post({ here: true, blocked: this.#blocked });
    if (this.#live.state !== "connected") this.#live.connect();
    if (this.#isWelcome) this.#welcome(guest);
    else port.post({ away: { state: "connecting", heardAt: this.#live.heardAt } }); // as it is about to be
  }

  #leave(guest) {
    this.#guests.delete(guest.port);
    this.#unsubscribe(guest, [...this.#subscribed.keys()]);
    if (this.#guests.size > 0) return;
    this.#disconnected();
    this.#live.close();
    this.#live = null; // the next guest has its own position
  }

  // A page that crashed says nothing.
  #sweep() {
    const silence = SILENT_PINGS * this.#live.connection.ping_interval * 1_000;
    for (const guest of [...this.#guests.values()]) {
      if (performance.now() - guest.heardAt > silence) this.#leave(guest);
    }
  }

  // With what it missed, if that can be given whole; what comes meanwhile is told after that.
  #welcome(guest) {
    const { since } = guest.introduction;
    const position = this.#live.position;
    if (!since || since === position) return this.#greet(guest, position, { recovered: since === position, missed: [] });
    guest.isCatchingUp = true;
    return this.#catchUp(guest, since, []);
  }

  #catchUp(guest, since, missed) {
    const [epoch, offset] = since.split(":");
    const command = { type: "history", since: { epoch, offset: Number(offset) }, limit: HISTORY_PAGE };
    this.#asking.ask(command, (reply) => {
      if (this.#guests.get(guest.port) !== guest || reply.code === "offline") return; // welcomed with the next connection
      const found = [...missed, ...(reply.messages ?? [])];
      const next = `${reply.epoch}:${reply.offset}`;
      if (reply.recovered && reply.remaining > 0) this.#catchUp(guest, next, found);
      else if (reply.recovered) this.#greet(guest, next, { recovered: true, missed: found });
      else this.#greet(guest, this.#live.position, { recovered: false, missed: [] });
    });
  }

  #greet(guest, position, { recovered, missed }) {
    const [epoch, offset] = position.split(":");
    const { clientId } = guest.introduction;
    const timestamp = new Date(this.#live.now()).toISOString();
    const own = { client_id: clientId, timestamp, epoch, offset: Number(offset), recovered, missed: missed.length };
    this.#say(guest, { ...this.#live.connection, ...own });
    const { held } = guest;
    [guest.isWelcome, guest.isCatchingUp, guest.held] = [true, false, []];
    missed.forEach((message) => guest.tell(JSON.stringify(message)));
    held.forEach((text) => guest.tell(text));
  }

  #say(guest, message) {
    guest.port.post({ carrier: this.#live.transport, text: JSON.stringify(message) });
  }

  // the connection

  // Those who were welcome have had all that came before, so what holds for the connection holds for them. So it does for
  // who comes from where it begins.
  #connected(message) {
    this.#disconnected(); // from the one before, if we changed over to a WebSocket
    this.#isWelcome = true;
    for (const guest of this.#guests.values()) {
      const { clientId, since } = guest.introduction;
      if (guest.isWelcome || (message.recovered && since === this.#live.position)) {
        guest.isWelcome = true;
        this.#say(guest, { ...message, client_id: clientId });
      } else this.#welcome(guest);
    }
  }

  #lost(ending) {
    const staysAway = ending.code >= FIRST_TO_STAY_AWAY && ending.code !== CONNECTION_LIMIT;
    this.#disconnected();
    for (const guest of [...this.#guests.values()]) {
      if (staysAway) guest.port.post({ ended: ending });
      else this.#sayAway(guest, { ending });
    }
    if (!staysAway) return;
    this.#guests.clear();
    this.#live = null;
  }

  #stateChanged(state) {
    if (state === "connected" || state === "closed") return;
    this.#disconnected();
    for (const guest of this.#guests.values()) this.#sayAway(guest, {});
  }

  #disconnected() {
    this.#isWelcome = false;
    this.#asking.lost();
    this.#subscribed.clear(); // each page subscribes anew
    for (const guest of this.#guests.values()) [guest.isCatchingUp, guest.held] = [false, []];
  }

  #sayAway(guest, { ending }) {
    const { state, heardAt } = this.#live;
    guest.port.post({ away: { state: state === "offline" ? "offline" : "connecting", ending, heardAt } });
  }

  #heard(message) {
    if (message.type === "connection") return;
    if (ANSWERS.has(message.type) || (message.type === "error" && message.id !== undefined)) {
      this.#asking.heard(message);
      if (message.type === "pong") this.#sweep();
      return;
    }
    const audience = message.type === "event" ? this.#subscribed.get(message.event) : this.#guests.values();
    const text = JSON.stringify(message);
    for (const guest of audience ?? []) guest.tell(text);
  }

  // commands

  #command(guest, text) {
    const command = parsed(text);
    if (!command) return this.#live.sendText(text); // the server says what is wrong with it
    const { id, ...content } = command;
    const answer = (reply) => guest.tell(JSON.stringify({ ...reply, id }));
    if (content.type === "subscribe") return this.#subscribe(guest, content, answer);
    if (content.type === "unsubscribe" && Array.isArray(content.events)) {
      const gone = this.#unsubscribe(guest, content.events, (reply) => answer({ ...reply, events: content.events }));
      if (!gone) answer({ type: "subscription", status: "unsubscribed", events: content.events, message: "" });
      return undefined;
    }
    return this.#asking.ask(content, answer);
  }

  // It listens from the moment it asks: a page that leaves before the server answers, as the one that this page came
  // after, must not take the event along.
  #subscribe(guest, command, answer) {
    const events = Array.isArray(command.events) ? command.events : []; // the server says what is wrong with it
    const added = events.filter((event) => !this.#subscribed.get(event)?.has(guest));
    for (const event of added) {
      if (!this.#subscribed.has(event)) this.#subscribed.set(event, new Set());
      this.#subscribed.get(event).add(guest);
    }
    this.#asking.ask(command, (reply) => {
      if (reply.type !== "subscription") this.#unsubscribe(guest, added);
      answer(reply);
    });
  }

  // Whether the server was told: nobody else listens to one of them.
  #unsubscribe(guest, events, answer = () => undefined) {
    const ended = [];
    for (const event of events) {
      const guests = this.#subscribed.get(event);
      if (!guests?.delete(guest) || guests.size) continue;
      this.#subscribed.delete(event);
      ended.push(event);
    }
    if (!ended.length || !this.#isWelcome) return false;
    this.#asking.ask({ type: "unsubscribe", events: ended }, answer);
    return true;
  }
}

function parsed(text) {
  try {
    const command = JSON.parse(text);
    return command && typeof command === "object" && !Array.isArray(command) ? command : null;
  } catch {
    return null;
  }
}
