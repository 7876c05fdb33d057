// While server-sent events go on: now and then whether WebSockets get through by now.

import { isHidden } from "./live-host.js";

const OPEN_TIMEOUT_MS = 10_000;
const ANOTHER_LOOK_MS = 60_000;

export class Probe {
  #timers;
  #fallback;
  #open;
  #takeOver;

  /** The WebSocket that is being tried; null while none is. */
  link = null;

  /** `open()` makes a WebSocket; `takeOver(link)` is called with one that works. */
  constructor({ timers, fallback, open, takeOver }) {
    this.#timers = timers;
    this.#fallback = fallback;
    this.#open = open;
    this.#takeOver = takeOver;
  }

  /** When it is worth the next try, if that ever is. */
  later() {
    const wait = this.#fallback.msToNextTry;
    if (wait === null) return;
    this.#timers.start("probe", isHidden() ? Math.max(wait, ANOTHER_LOOK_MS) : wait, () => this.#try());
  }

  /** Give up the one that is being tried. */
  drop() {
    const { link } = this;
    this.link = null;
    link?.close();
  }

  /** It works, so it is a probe no more. */
  release() {
    const { link } = this;
    this.link = null;
    this.#takeOver(link);
  }

  #try() {
    if (isHidden()) return this.later();
    const link = this.#open();
    this.link = link;
    const failed = () => {
      if (link !== this.link) return;
      this.drop();
      this.#fallback.stillBlocked();
      this.later();
    };
    link.onopen = () => link === this.link && this.release();
    link.onclose = failed;
    this.#timers.start("probe", OPEN_TIMEOUT_MS, failed);
    return undefined;
  }
}
