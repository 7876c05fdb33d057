// One connection for all pages of a browser: a browser opens six to a server over HTTP/1.1, and a user may have twenty.
// Whoever holds it (a `Hub`: in a SharedWorker, else in one of the pages) is to a page what the server is to a single one.

import { ChannelPort, lead, steal } from "./live-leader.js";
import { LOST } from "./live-codes.js";
import { Transport } from "./live-transports.js";

const WORKER = new URL("./live-worker.js", import.meta.url);
const ANSWER_MS = 4_000; // longer than a worker takes to start on a busy machine
const LOOK_MS = 20_000; // while the shared connection is lost: whether its holder is still there
const FAILURES = 3; // then this page has a connection of its own

/** Whether, and how, this page shares. */
export class Sharing {
  #name = null;
  #failures = 0;
  #memory;

  /** `options` of a `LiveClient`; `memory` is where its tab keeps what its `Fallback` found out. */
  constructor({ share, token, url, language, transports, user }, memory) {
    this.#memory = memory;
    if (!share || token || !globalThis.document || new URL(WORKER).origin !== location.origin) return;
    if (!globalThis.SharedWorker && !canLead()) return;
    this.#name = JSON.stringify({ share, url, language, transports, user });
  }

  /** Null where pages cannot share. */
  transport(introduction) {
    if (this.#name === null || this.#failures >= FAILURES) return null;
    const port = globalThis.SharedWorker ? workerPort(this.#name) : this.#channelPort();
    const transport = new SharedTransport(port, { ...introduction, blocked: this.#memory.recall() });
    transport.onhere = () => (this.#failures = 0);
    transport.onblocked = (blocked) => this.#memory.keep(blocked);
    return transport;
  }

  /** Nobody answered. Whether to try at once, in whichever way is next. */
  failed() {
    this.#failures += 1;
    return true;
  }

  // A page that leads may have been frozen: then another one takes its place.
  #channelPort() {
    if (this.#failures) steal(this.#name);
    else lead(this.#name);
    return new ChannelPort(this.#name);
  }
}

// Without locks, which only secure pages have, two pages might lead, or none.
const canLead = () => Boolean(navigator.locks && globalThis.BroadcastChannel);

function workerPort(name) {
  const worker = new SharedWorker(WORKER, { name, type: "module" });
  const { port } = worker;
  const over = new AbortController();
  const own = {
    onmessage: () => undefined,
    onlost: () => undefined,
    post: (content) => port.postMessage(content),
    close() {
      port.close();
      over.abort();
    },
  };
  // Free again when the worker has died.
  const watch = (life) => navigator.locks.request(life, { signal: over.signal }, () => own.onlost()).catch(() => undefined);
  port.onmessage = ({ data }) => (data.life ? watch(data.life) : own.onmessage(data));
  worker.onerror = () => own.onlost(); // it did not load
  return own;
}

/** As the other transports; besides, `onaway(state, {ending, heardAt})`: what is shared is lost, and is being mended. */
export class SharedTransport extends Transport {
  name = "shared"; // later as what carries the connection
  isShared = true;
  isOpen = false;
  onaway = () => undefined;
  onhere = () => undefined;
  onblocked = () => undefined;
  #port;
  #timer;
  #isAway = false;
  #over = new AbortController();

  constructor(port, introduction) {
    super();
    this.#port = port;
    port.onmessage = (content) => this.#heard(content);
    port.onlost = () => this.#end({ code: LOST });
    const { signal } = this.#over;
    window.addEventListener("pagehide", ({ persisted }) => this.#leave(persisted), { signal });
    this.#expectAnswer();
    port.post({ join: introduction });
  }

  send(text) {
    if (this.isOpen) this.#port.post({ text });
    return this.isOpen;
  }

  /** "look": somebody looks at this page; "online" and "offline": what the browser says. */
  tell(what) {
    this.#port.post({ [what]: true });
  }

  close() {
    if (this.#over.signal.aborted) return;
    this.isOpen = false;
    this.#over.abort();
    clearTimeout(this.#timer);
    this.#port.post({ leave: true });
    this.#port.close();
  }

  #heard({ here, carrier, text, away, ended, blocked }) {
    if (this.#over.signal.aborted) return;
    clearTimeout(this.#timer);
    if (here) {
      this.onhere();
      if (!this.isOpen) this.onopen();
      this.isOpen = true;
    }
    if (carrier) this.name = carrier;
    if (blocked !== undefined) this.onblocked(blocked);
    if (text) this.onmessage(text);
    else if (ended) this.#end(ended);
    else if (away) this.onaway(away.state, away);
    if (away || (here && this.#isAway)) this.#lookLater();
    this.#isAway = Boolean(away) || (this.#isAway && !text);
  }

  // Nothing comes by itself now.
  #lookLater() {
    this.#timer = setTimeout(() => {
      this.#expectAnswer();
      this.#port.post({ ask: true });
    }, LOOK_MS);
  }

  #expectAnswer() {
    this.#timer = setTimeout(() => this.#end({ code: LOST }), ANSWER_MS);
  }

  // A page that may come back ("back") has to join anew then.
  #leave(isComingBack) {
    if (isComingBack) this.#end({ code: LOST });
    else this.#port.post({ leave: true });
  }

  #end({ code, reason = "" }) {
    if (this.#over.signal.aborted) return;
    this.close();
    this.onclose({ code, reason });
  }
}
