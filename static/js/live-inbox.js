// What comes through the line: each message once, to whoever waits for it. The first one of a connection begins it.

import { ANOTHER_USER, SIGNED_OUT } from "./live-codes.js";

export class Inbox {
  /** The last `connection` message. */
  connection = null;

  #user;
  #line;
  #seen;
  #heartbeat;
  #requests;
  #subscriptions;
  #tell;

  /** `user`: whose messages these are to be, if that matters; `tell(type, …content)` reaches whoever listens. */
  constructor({ user, line, seen, heartbeat, requests, subscriptions, tell }) {
    this.#user = user;
    this.#line = line;
    this.#seen = seen;
    this.#heartbeat = heartbeat;
    this.#requests = requests;
    this.#subscriptions = subscriptions;
    this.#tell = tell;
  }

  /** A frame: one message or several. */
  received(text) {
    this.#tell("frame", text);
    const content = JSON.parse(text);
    const { link } = this.#line;
    for (const message of Array.isArray(content) ? content : [content]) {
      if (link === this.#line.link) this.#handle(message);
    }
  }

  /** A command did not get as far as the stream. */
  refused(text, { code, message }) {
    let id;
    try {
      ({ id } = JSON.parse(text));
    } catch {
      // it was no command
    }
    const timestamp = new Date(this.#heartbeat.now).toISOString();
    this.#handle({ type: "error", timestamp, id, code, message });
  }

  #handle(message) {
    if (message.type === "connection" && (this.#user ?? message.user.id) !== message.user.id) {
      return this.#line.end({ code: SIGNED_OUT, reason: ANOTHER_USER });
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
    this.#line.welcomed();
    this.#heartbeat.begin(message);
    this.#tell("clock", this.#heartbeat.clockOffset);
    this.connection = message;
    this.#seen.begin(message);
    const { link } = this.#line;
    this.#subscriptions.renew();
    // Progress is not kept, so the table is asked for in any case; only without recovery does anybody wait for it.
    const snapshot = this.#requests.ask({ type: "jobs" }).catch(() => null);
    if (!message.recovered) await snapshot;
    if (link === this.#line.link && this.#line.isWelcome && message === this.connection) this.#line.caughtUp();
  }

  #ponged(message) {
    this.#heartbeat.ponged(message);
    this.#tell("latency", this.#heartbeat.latency);
    this.#tell("clock", this.#heartbeat.clockOffset);
  }
}
