// SHA-256 (FIPS 180-4) of bytes that come one after the other: the browser's own wants all of them at once, in memory.

const PRIMES = firstPrimes(64);
const fraction = (value) => Math.floor((value - Math.floor(value)) * 2 ** 32);
const BEGINNING = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const ROUNDS = Uint32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const BLOCK_BYTES = 64;

export class Sha256 {
  #state = Uint32Array.from(BEGINNING);
  #words = new Uint32Array(64);
  #rest = new Uint8Array(BLOCK_BYTES); // what fills no block yet
  #length = 0;

  /** @param {Uint8Array} bytes */
  update(bytes) {
    let taken = 0;
    const waiting = this.#length % BLOCK_BYTES;
    this.#length += bytes.length;
    if (waiting) {
      taken = Math.min(BLOCK_BYTES - waiting, bytes.length);
      this.#rest.set(bytes.subarray(0, taken), waiting);
      if (waiting + taken < BLOCK_BYTES) return;
      this.#block(this.#rest, 0);
    }
    for (; taken + BLOCK_BYTES <= bytes.length; taken += BLOCK_BYTES) this.#block(bytes, taken);
    this.#rest.set(bytes.subarray(taken));
  }

  /** The end: nothing may be added afterwards. */
  hex() {
    const bits = this.#length * 8;
    const gap = (BLOCK_BYTES * 2 - 9 - (this.#length % BLOCK_BYTES)) % BLOCK_BYTES;
    const padding = new Uint8Array(gap + 9);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(gap + 1, Math.floor(bits / 2 ** 32));
    view.setUint32(gap + 5, bits % 2 ** 32);
    this.update(padding);
    return Array.from(this.#state, (word) => word.toString(16).padStart(8, "0")).join("");
  }

  #block(bytes, at) {
    const words = this.#words;
    for (let i = 0, j = at; i < 16; i += 1, j += 4) {
      words[i] = (bytes[j] << 24) | (bytes[j + 1] << 16) | (bytes[j + 2] << 8) | bytes[j + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const [early, late] = [words[i - 15], words[i - 2]];
      const one = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
      const two = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
      words[i] = words[i - 16] + one + words[i - 7] + two;
    }
    let [a, b, c, d, e, f, g, h] = this.#state;
    for (let i = 0; i < 64; i += 1) {
      const choice = (e & f) ^ (~e & g);
      const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + choice + ROUNDS[i] + words[i]) | 0;
      const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    const state = this.#state;
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

const turned = (word, by) => (word >>> by) | (word << (32 - by));

function firstPrimes(count) {
  const found = [];
  for (let each = 2; found.length < count; each += 1) {
    if (found.every((prime) => each % prime)) found.push(each);
  }
  return found;
}
