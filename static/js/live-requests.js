// Commands that wait for their answers.

/** Why a command was not done; `code` is stable. */
export class LiveError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export class Requests {
  #send;
  #waiting = new Map(); // command id → {resolve, reject}
  #nextId = 1;

  /** `send(command)` says whether there was a connection to send it on. */
  constructor(send) {
    this.#send = send;
  }

  /** A promise of the answer. */
  ask(command) {
    const id = `r${this.#nextId++}`;
    return new Promise((resolve, reject) => {
      if (this.#send({ ...command, id })) this.#waiting.set(id, { resolve, reject });
      else reject(new LiveError("offline", "Not connected."));
    });
  }

  /** A message came; it may be an answer. */
  heard(message) {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    if (message.type === "error") waiting.reject(new LiveError(message.code, message.message));
    else waiting.resolve(message);
  }

  /** No answer will come any more. */
  lost() {
    for (const { reject } of this.#waiting.values()) reject(new LiveError("offline", "The connection was lost."));
    this.#waiting.clear();
  }
}
