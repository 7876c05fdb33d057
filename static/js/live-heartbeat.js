// Whether the other side still answers, how fast, and what time it is there.

const LATE_MS = 5_000;

/** How long somebody who looks again waits for an answer: the network has most likely changed. */
export const PATIENCE_AFTER_SLEEP_MS = 4_000;

export class Heartbeat {
  #timers;
  #send;
  #silent;
  #intervals = { ping: 25_000, pong: 10_000 };
  #sentAt = 0;
  #dueAt = 0; // when the other side is silent, while an answer is waited for
  #clockOffset = 0; // the server's clock less ours

  /** When something last came, by the server's clock; null until then. */
  heardAt = null;

  /** Milliseconds of the last ping's round trip; null until the first. */
  latency = null;

  /** `send(command)` says whether there was a connection; `silent()` is called when no answer came. */
  constructor({ timers, send, silent }) {
    this.#timers = timers;
    this.#send = send;
    this.#silent = silent;
  }

  /** The server's time, in milliseconds since 1970. */
  get now() {
    return Date.now() + this.#clockOffset;
  }

  get clockOffset() {
    return this.#clockOffset;
  }

  /** As a `connection` message says. */
  begin({ timestamp, ping_interval: ping, pong_timeout: pong }) {
    this.#intervals = { ping: ping * 1000, pong: pong * 1000 };
    this.#learnClock(timestamp, 0);
  }

  /** Ask now, and again in every interval. */
  ping(patience) {
    const due = Date.now() + this.#intervals.ping;
    // A timer that is late slept with the laptop.
    this.#timers.start("ping", this.#intervals.ping, () => {
      this.ping(Date.now() - due > LATE_MS ? PATIENCE_AFTER_SLEEP_MS : undefined);
    });
    this.#sentAt = performance.now();
    if (this.#send({ type: "ping", id: "ping" })) this.#expectPong(patience ?? this.#intervals.pong);
  }

  // One ping more is no reason to wait longer; but a timer that should be over slept with the laptop.
  #expectPong(patience) {
    const dueAt = Date.now() + patience;
    const isSooner = this.#timers.isRunning("pong") && this.#dueAt <= dueAt && this.#dueAt > Date.now();
    if (isSooner) return;
    this.#dueAt = dueAt;
    this.#timers.start("pong", patience, this.#silent);
  }

  /** Something came: that is answer enough. */
  heard() {
    this.heardAt = this.now;
    this.#timers.stop("pong");
  }

  /** Somebody whose connection is ours as well heard something then. */
  heardElsewhere(at) {
    if (at && at > this.heardAt) this.heardAt = at;
  }

  ponged({ timestamp }) {
    this.latency = performance.now() - this.#sentAt;
    this.#learnClock(timestamp, this.latency);
  }

  // Only of messages made this moment: kept ones are as old as what they tell of.
  #learnClock(timestamp, roundTrip) {
    this.#clockOffset = Date.parse(timestamp) + roundTrip / 2 - Date.now();
  }
}
