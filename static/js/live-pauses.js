// How long to wait before coming back: as the server says, else the longer the more often it was in vain.

import { CONNECTION_LIMIT } from "./live-codes.js";
import { isOnline } from "./live-host.js";

const FIRST_MS = 500;
const LONGEST_MS = 20_000;
const NAMED_SPREAD_MS = 1_000;
const PLACE_MS = 30_000; // until we ask whether a place has become free
const DRAINING = new Set([4000, 1012]);

export class Pauses {
  #inVain = 0;

  /** Whether it has hardly been tried: nobody need hear yet that it does not work. */
  get isEarly() {
    return this.#inVain < 2;
  }

  /** It works, or somebody wants to see it tried. */
  forget() {
    this.#inVain = 0;
  }

  /** After such an end: milliseconds, and whether that is soon enough not to speak of it. */
  after({ code, reason }) {
    if (code === CONNECTION_LIMIT) return { delay: PLACE_MS * (1 + Math.random() / 4), isSoon: false };
    const delay = named(code, reason) ?? this.#grown();
    return { delay, isSoon: isOnline() && this.isEarly };
  }

  // Full jitter: after a restart a thousand clients must not come back in the same instant.
  #grown() {
    const delay = Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#inVain);
    this.#inVain += 1;
    return delay;
  }
}

// A server that stops tells each client when it shall come back, so that not all do in the same second.
function named(code, reason) {
  const found = DRAINING.has(code) ? /retry in (\d+(?:\.\d+)?) s/.exec(reason ?? "") : null;
  return found ? Number(found[1]) * 1000 + Math.random() * NAMED_SPREAD_MS : null;
}
