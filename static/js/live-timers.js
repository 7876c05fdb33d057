// Timeouts by name: starting one again replaces it.

export class Timers {
  #running = {};

  start(name, delay, action) {
    clearTimeout(this.#running[name]);
    this.#running[name] = setTimeout(() => {
      delete this.#running[name];
      action();
    }, delay);
  }

  isRunning(name) {
    return name in this.#running;
  }

  stop(name) {
    clearTimeout(this.#running[name]);
    delete this.#running[name];
  }

  stopAll() {
    Object.keys(this.#running).forEach((name) => this.stop(name));
  }
}
