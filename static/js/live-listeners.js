// Functions by name; one that throws keeps no other from hearing.

import { report } from "./live-host.js";

export class Listeners {
  #groups = new Map(); // name → Set of functions

  get names() {
    return [...this.#groups.keys()];
  }

  has(name) {
    return this.#groups.has(name);
  }

  /** Returns a function that takes it away again. */
  add(name, listener) {
    if (!this.#groups.has(name)) this.#groups.set(name, new Set());
    const group = this.#groups.get(name);
    group.add(listener);
    return () => {
      group.delete(listener);
      if (group.size === 0 && this.#groups.get(name) === group) this.#groups.delete(name);
    };
  }

  tell(name, ...values) {
    for (const listener of this.#groups.get(name) ?? []) {
      try {
        listener(...values);
      } catch (error) {
        report(error);
      }
    }
  }
}
