// Which way to try next: WebSockets, or server-sent events where something in between blocks them.

const REFUSALS = 2; // one may be a server that just restarts
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 600_000;

export class Fallback {
  #offered;
  #memory;
  #refusals = 0; // of WebSockets in a row, none of which brought a message
  #blocked = null; // {until, pause}: when WebSockets are worth another try; kept for the next page of this tab

  /** `offered` is what may be used at all; `memory` a `TabMemory`, or what has its two methods. */
  constructor(offered, memory) {
    this.#offered = offered;
    this.#memory = memory;
    this.#blocked = this.#recalled();
    if (this.#blocked) this.#refusals = this.msToNextTry > 0 ? REFUSALS : REFUSALS - 1;
  }

  get next() {
    if (this.#offered.length === 1) return this.#offered[0];
    return this.#refusals < REFUSALS ? "websocket" : "sse";
  }

  /** How long to leave WebSockets alone; null when there is nothing to go back to. */
  get msToNextTry() {
    if (!this.#blocked || this.#offered.length === 1) return null;
    return Math.max(0, this.#blocked.until - Date.now());
  }

  /** `way` brought no message. Whether the other one should be tried at once. */
  failed(way) {
    if (way === "websocket") this.#refusals += 1;
    else this.#refusals = REFUSALS - 1; // plain HTTP does not get through either: nothing blocks, nobody is there
    return way === "websocket" && this.next !== way;
  }

  worked(way) {
    if (way === "websocket") this.forget();
    else if (!this.msToNextTry) this.#pauseLonger();
  }

  /** Another try of a WebSocket failed while server-sent events went on. */
  stillBlocked() {
    this.#pauseLonger();
  }

  /** It may be another network by now. */
  forget() {
    this.#refusals = 0;
    this.#blocked = null;
    this.#memory.keep(null);
  }

  #pauseLonger() {
    const pause = Math.min(LONGEST_PAUSE_MS, this.#blocked ? this.#blocked.pause * 2 : FIRST_PAUSE_MS);
    this.#blocked = { until: Date.now() + pause, pause };
    this.#memory.keep(this.#blocked);
  }

  #recalled() {
    const found = this.#memory.recall();
    return found && found.until - Date.now() <= LONGEST_PAUSE_MS ? found : null; // else the clock was set back
  }
}

/** What a tab knows of one server from page to page. */
export class TabMemory {
  #key;

  constructor(url) {
    this.#key = `jindu.live.blocked ${url}`;
  }

  recall() {
    return withStorage((storage) => JSON.parse(storage.getItem(this.#key)));
  }

  keep(blocked) {
    withStorage((storage) => (blocked ? storage.setItem(this.#key, JSON.stringify(blocked)) : storage.removeItem(this.#key)));
  }
}

// Storage may be forbidden; then each page finds out anew.
function withStorage(use) {
  try {
    return use(sessionStorage);
  } catch {
    return null;
  }
}
