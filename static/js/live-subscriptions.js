// Which event names somebody listens to, and the commands that tell the server so: at once, and again on each connection.

import { Listeners } from "./live-listeners.js";

const EVENTS_PER_COMMAND = 100;

export class Subscriptions {
  #listeners = new Listeners(); // by event
  #ask;
  #isWelcome;

  /** `ask(command)` gives a promise; `isWelcome()` says whether the connection takes commands yet. */
  constructor({ ask, isWelcome }) {
    this.#ask = ask;
    this.#isWelcome = isWelcome;
  }

  /** Returns a function that takes it away again. */
  add(event, listener) {
    const isFirst = !this.#listeners.has(event);
    const stop = this.#listeners.add(event, listener);
    if (isFirst && this.#isWelcome()) this.#subscribe([event]);
    return () => {
      stop();
      if (this.#listeners.has(event) || !this.#isWelcome()) return;
      this.#ask({ type: "unsubscribe", events: [event] }).catch(() => null); // or the connection is gone
    };
  }

  /** An `event` message came. */
  tell(message) {
    this.#listeners.tell(message.event, message.data, message);
  }

  /** To a new connection, which knows of none. */
  renew() {
    this.#subscribe(this.#listeners.names);
  }

  #subscribe(events) {
    for (let start = 0; start < events.length; start += EVENTS_PER_COMMAND) {
      const some = events.slice(start, start + EVENTS_PER_COMMAND);
      this.#ask({ type: "subscribe", events: some }).catch((error) => this.#notSubscribed(some, error));
    }
  }

  // All of a command's events are subscribed or none: one that is gone must not take the others along.
  #notSubscribed(events, error) {
    if (error.code === "offline") return;
    if (events.length > 1) events.forEach((event) => this.#subscribe([event]));
    else console.warn(`live: cannot subscribe to ${events[0]}: ${error.message}`);
  }
}
