// What both ends of a transfer have: its state, its way to the other end, and what happens when that breaks off.

import { Link } from "./peer-link.js";
import { Pace } from "./peer-pace.js";

const AGAIN_MS = 1_000;
const GIVE_UP_MS = 120_000; // without any way in between

/** States after which nothing more comes. */
export const OVER = new Set(["done", "cancelled", "declined", "unanswered", "unreachable", "failed"]);

export class Transfer {
  state = "";
  problem = ""; // in words, when it failed
  ticket = null; // what we tell goes to it
  ways = [];
  #ask;
  #changed;
  #link = null;
  #wasOpen;
  #cutAt = null;
  #again;

  /** `ask(to, signal)` is answered as the server does; `changed(transfer)` draws it; `wasOpen`: it went on before. */
  constructor({ id, files, other, ask, changed, wasOpen = false }) {
    this.id = id;
    this.files = files;
    this.other = other;
    this.pace = new Pace(files.reduce((sum, { size }) => sum + size, 0));
    this.#ask = ask;
    this.#changed = changed;
    this.#wasOpen = wasOpen;
  }

  get isOver() {
    return OVER.has(this.state);
  }

  get link() {
    return this.#link;
  }

  /** Bytes of the files before that one. */
  before(index) {
    return this.files.slice(0, index).reduce((sum, { size }) => sum + size, 0);
  }

  enter(state, problem = "") {
    if (this.isOver) return;
    this.state = state;
    this.problem = problem;
    if (state !== "moving") this.pace.pause();
    if (this.isOver) clearTimeout(this.#again);
    this.changed();
  }

  changed() {
    this.#changed(this);
  }

  ask(signal, to = this.ticket) {
    return this.#ask(to, signal);
  }

  /** What is lost on the way is made up for by the next attempt. */
  tell(signal) {
    this.ask(signal).catch(() => undefined);
  }

  cancel() {
    this.#end("cancelled");
  }

  /** `problem` in words; `why` is one for the other end. */
  fail(problem, why) {
    this.#end("failed", problem, why);
  }

  /** The other end says that nothing more comes. */
  ended(reason, problem = "") {
    this.#drop();
    if (reason === "cancelled") this.enter("cancelled");
    else this.enter(this.#wasOpen ? "failed" : "unreachable", problem);
    this.stopped();
  }

  /** Takes a new way, instead of the one there was. */
  take({ attempt, offers, heard }) {
    clearTimeout(this.#again);
    this.#drop();
    const link = new Link({
      ways: this.ways,
      attempt,
      offers,
      signal: (content) => this.tell(content),
      told: {
        open: () => this.#opened(link),
        message: (data) => this.message(typeof data === "string" ? parsed(data) : data, link),
        lost: () => this.#lost(link),
      },
    });
    this.#link = link;
    if (heard) link.heard(heard);
  }

  say(content, link = this.#link) {
    link?.send(JSON.stringify(content));
  }

  /** It is silent, or says what cannot be: another way is looked for. */
  giveUp(link) {
    if (this.#link !== link || !link) return;
    link.close();
    this.#lost(link);
  }

  close() {
    clearTimeout(this.#again);
    this.#drop();
  }

  #opened(link) {
    if (link !== this.#link) return;
    this.#wasOpen = true;
    this.#cutAt = null;
    this.opened(link);
  }

  #lost(link) {
    if (link !== this.#link) return;
    this.#link = null;
    if (this.isOver) return;
    this.#cutAt ??= Date.now();
    if (!this.#wasOpen) this.#end("unreachable");
    else if (Date.now() - this.#cutAt > GIVE_UP_MS) this.#end("failed");
    else {
      this.enter("cut");
      this.later();
    }
  }

  /** Look for another way, if none has come by then. */
  later(wait = AGAIN_MS) {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => !this.isOver && !this.#link && this.lookAgain(), wait);
  }

  // Whoever can still be reached directly is told why; the server tells the others, and who is not there after all.
  #end(state, problem, why) {
    if (this.isOver) return;
    this.say({ over: state, why });
    this.enter(state, problem);
    const link = this.#link;
    this.#link = null;
    const tell = () => this.ticket && this.tell({ kind: "over", reason: state === "cancelled" ? "cancelled" : "failed" });
    const close = () => {
      tell();
      link.close(); // what was said last went out first
    };
    if (link?.isOpen) setTimeout(close, AGAIN_MS);
    else {
      link?.close();
      tell();
    }
    this.stopped();
  }

  /** It will not go on. */
  stopped() {}

  #drop() {
    this.#link?.close();
    this.#link = null;
  }
}

// The other end may say what it likes.
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
