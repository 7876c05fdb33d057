// What happens to many pages at once, for the one connection they have: as `PageWatch` for one.

export class CrowdWatch {
  #handlers = null;

  /** Whoever holds a connection for others does not know whether they are looked at; some most likely are. */
  isHiddenLong = false;

  start(handlers) {
    this.#handlers = handlers;
  }

  stop() {
    this.#handlers = null;
  }

  online() {
    this.#handlers?.online();
  }

  offline() {
    this.#handlers?.offline();
  }

  lookedAt() {
    this.#handlers?.lookedAt();
  }
}
