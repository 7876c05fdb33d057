// How far a transfer is, and how fast, as bars are drawn from it (jobs-live.js).

const RATE_MS = 4_000;

export class Pace {
  #total;
  #samples = [];
  #revision = 0;

  constructor(total) {
    this.#total = total;
    this.progress = 0;
  }

  /** So many bytes have arrived; less than before where what came was damaged. */
  at(bytes) {
    const now = performance.now();
    if (bytes < this.progress) this.#samples = [];
    this.progress = bytes;
    this.#samples.push([now, bytes]);
    while (this.#samples.length > 2 && now - this.#samples[0][0] > RATE_MS) this.#samples.shift();
  }

  /** It stands still: what comes after that tells of no speed before it. */
  pause() {
    this.#samples = [];
  }

  job(state) {
    const rate = this.#rate();
    return {
      revision: (this.#revision += 1),
      attempt: 1,
      state,
      unit: "bytes",
      progress: this.progress,
      total: this.#total,
      percent: this.#total ? (100 * this.progress) / this.#total : state === "succeeded" ? 100 : 0,
      rate,
      eta_seconds: rate && state === "running" ? (this.#total - this.progress) / rate : null,
    };
  }

  #rate() {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || last[0] - first[0] < 300) return null;
    return (1000 * (last[1] - first[1])) / (last[0] - first[0]);
  }
}
