// What happens to the page a connection lives in: the network goes and comes, the tab is hidden, frozen, looked at again.

const HIDDEN_LONG_MS = 60_000;

export class PageWatch {
  #hiddenSince = null;
  #over = null;

  /** Whether nobody has looked for so long that coming back can wait until somebody does. */
  get isHiddenLong() {
    return this.#hiddenSince !== null && Date.now() - this.#hiddenSince > HIDDEN_LONG_MS;
  }

  start({ online, offline, lookedAt }) {
    if (this.#over || !globalThis.document) return;
    this.#over = new AbortController();
    const { signal } = this.#over;
    this.#hiddenSince = document.hidden ? Date.now() : null;
    const visibilityChanged = () => {
      this.#hiddenSince = document.hidden ? Date.now() : null;
      if (!document.hidden) lookedAt();
    };
    window.addEventListener("online", online, { signal });
    window.addEventListener("offline", offline, { signal });
    window.addEventListener("pageshow", ({ persisted }) => persisted && lookedAt(), { signal }); // by "back"
    document.addEventListener("resume", lookedAt, { signal }); // after having been frozen
    document.addEventListener("visibilitychange", visibilityChanged, { signal });
  }

  stop() {
    this.#over?.abort();
    this.#over = null;
  }
}
