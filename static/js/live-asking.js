// Commands of many pages over one connection: each gets the answers to its own, and together they stay below what the
// server takes of one client.

const PER_SECOND = 10; // the server takes 20, 40 at once; our own pings and whoever else is there want some, too
const BURST = 20;
const MERGED = new Set(["ping", "jobs", "subscribe"]); // whoever asks the same while it is on its way shares its answer

export class Asking {
  #send;
  #asked = new Map(); // command id → {key, answers}
  #queue = [];
  #nextId = 1;
  #allowance = BURST;
  #at = performance.now();
  #timer = null;

  /** `send(text)` over the connection. */
  constructor(send) {
    this.#send = send;
  }

  /** `answer(reply)` is called while the reply is being heard, so that what comes after it is told after it. */
  ask(command, answer) {
    const key = MERGED.has(command.type) ? JSON.stringify(command) : null;
    const same = key && [...this.#asked.values()].find((asked) => asked.key === key);
    if (same) {
      same.answers.push(answer);
      return;
    }
    const id = `hub${this.#nextId++}`;
    this.#asked.set(id, { key, answers: [answer] });
    this.#queue.push(JSON.stringify({ ...command, id }));
    this.#flush();
  }

  heard(reply) {
    const asked = this.#asked.get(reply.id);
    this.#asked.delete(reply.id);
    asked?.answers.forEach((answer) => answer(reply));
  }

  /** No answer will come any more. */
  lost() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#queue = [];
    const all = [...this.#asked.values()];
    this.#asked.clear();
    const reply = { type: "error", code: "offline", message: "The connection was lost." };
    for (const { answers } of all) answers.forEach((answer) => answer(reply));
  }

  #flush() {
    if (this.#timer !== null) return;
    const now = performance.now();
    this.#allowance = Math.min(BURST, this.#allowance + ((now - this.#at) / 1_000) * PER_SECOND);
    this.#at = now;
    while (this.#queue.length && this.#allowance >= 1) {
      this.#allowance -= 1;
      this.#send(this.#queue.shift());
    }
    if (!this.#queue.length) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#flush();
    }, 1_000 / PER_SECOND);
  }
}
