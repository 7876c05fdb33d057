// Where a file that comes from another browser is kept until it is whole: in the browser's own file system, or in memory
// where there is none (pages without TLS, some private windows).

import { Sha256 } from "./peer-sha256.js";

const WORKER = new URL("./peer-store-worker.js", import.meta.url);
const MOST_IN_MEMORY_BYTES = 256 * 1024 * 1024;

/** Raises an error named `QuotaExceededError` when there is no room for `size` bytes. */
export async function openStore(name, size) {
  const estimate = await navigator.storage?.estimate?.();
  if (estimate && estimate.quota - estimate.usage < size) throw full();
  if (navigator.storage?.getDirectory && globalThis.Worker) {
    const store = new FileStore(name);
    try {
      await store.open();
      return store;
    } catch {
      store.close();
    }
  }
  if (size > MOST_IN_MEMORY_BYTES) throw full();
  return new MemoryStore();
}

/** What no page of this browser is writing right now. */
export async function emptyStore() {
  try {
    await (await navigator.storage.getDirectory()).removeEntry("transfers", { recursive: true });
  } catch {
    // there is none, or somebody still writes: what is left goes with the next transfer
  }
}

const full = () => new DOMException("There is no room for it.", "QuotaExceededError");

class FileStore {
  kept = 0;
  #name;
  #worker = new Worker(WORKER, { type: "module" });
  #waiting = new Map();
  #id = 0;

  constructor(name) {
    this.#name = name;
    this.#worker.onmessage = ({ data: { id, answer, problem } }) => {
      const [resolve, reject] = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (problem) reject(new DOMException(problem, problem));
      else resolve(answer);
    };
    this.#worker.onerror = () => this.close();
  }

  async open() {
    this.kept = await this.#ask("open", this.#name);
  }

  /** How many bytes there are then. */
  write(bytes) {
    return this.#ask("write", bytes, [bytes]);
  }

  /** Its SHA-256. */
  finish() {
    return this.#ask("finish");
  }

  async file() {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("transfers");
    return (await folder.getFileHandle(this.#name)).getFile();
  }

  async discard() {
    await this.#ask("discard").catch(() => undefined);
    this.close();
  }

  close() {
    this.#worker.terminate();
    for (const [, reject] of this.#waiting.values()) reject(new DOMException("closed", "AbortError"));
    this.#waiting.clear();
  }

  #ask(act, content, moved = []) {
    this.#id += 1;
    const id = this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, [resolve, reject]);
      this.#worker.postMessage({ id, act, content }, moved);
    });
  }
}

class MemoryStore {
  kept = 0;
  #parts = [];
  #hash = new Sha256();

  async write(bytes) {
    this.#parts.push(bytes);
    this.#hash.update(new Uint8Array(bytes));
    this.kept += bytes.byteLength;
    return this.kept;
  }

  async finish() {
    return this.#hash.hex();
  }

  async file() {
    return new Blob(this.#parts);
  }

  async discard() {
    this.close();
  }

  close() {
    this.#parts = [];
  }
}
