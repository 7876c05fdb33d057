// The end that sends: it offers the files, and when somebody wants them, sends what the other end does not have yet.

import { t } from "./i18n.js";
import { Sha256 } from "./peer-sha256.js";
import { Transfer } from "./peer-transfer.js";

const CHUNK_BYTES = 64 * 1024; // what every browser takes as one message
const READ_BYTES = 16 * CHUNK_BYTES;
const MOST_AHEAD_BYTES = 8 * 1024 * 1024; // of what has arrived: the other end may write slowly
const SILENT_MS = 8_000;
const WHY = {
  damaged: t("It arrived damaged, and was thrown away there. Send it once more."),
  full: t("There is no room for it in the other browser."),
};

export class Sending extends Transfer {
  isSending = true;
  #attempt = 0;
  #arrived = 0; // over all files
  #sent = 0; // likewise
  #heardAt = 0;
  #hashes = []; // by file: {hash, until}
  #wake = () => undefined;
  #judged = () => undefined;
  #expiry;

  /** `to` is `user:<id>` or `connection:<id>`. Raises what the server refuses. */
  async offer(to) {
    const files = this.files.map(({ name, size }) => ({ name, size }));
    this.enter("asking");
    const reply = await this.ask({ kind: "offer", transfer: this.id, files }, to);
    this.ticket ??= reply.ticket;
    if (this.isOver) return this.tell({ kind: "over", reason: "cancelled" });
    const wait = new Date(reply.expires_at) - new Date(reply.timestamp);
    this.#expiry = setTimeout(() => this.state === "asking" && this.enter("unanswered"), wait);
    return undefined;
  }

  /** What the server or the other end says by it. */
  heard({ signal, ticket, ways }) {
    if (this.isOver || signal.reason === "taken") return; // that is for other devices of ours
    if (signal.kind === "accept" && this.state === "asking") {
      clearTimeout(this.#expiry);
      this.#begin(ticket, ways, "looking");
    } else if (signal.kind === "decline" && this.state === "asking") {
      this.enter("declined");
    } else if (signal.kind === "again" && this.state !== "asking") {
      this.#begin(ticket, ways, this.state === "looking" ? "looking" : "cut");
    } else if (signal.kind === "over") {
      this.ended(signal.reason);
    } else if (signal.attempt === this.link?.attempt) {
      this.link.heard(signal);
    }
  }

  lookAgain() {
    this.#connect();
  }

  opened() {
    this.#heardAt = Date.now();
  }

  message(content, link) {
    this.#heardAt = Date.now();
    if (content.have) this.#goOn(link, content.have).catch(() => this.fail(t("The file can no longer be read.")));
    else if (content.got !== undefined) this.#got(content.got);
    else if (content.judged !== undefined) this.#judged(content.judged);
    else if (content.done) this.#finished();
    else if (content.over) this.ended(content.over, WHY[content.why]);
  }

  stopped() {
    this.#wake();
  }

  #begin(ticket, ways, state) {
    this.ticket = ticket;
    this.ways = ways;
    this.enter(state);
    this.#connect();
  }

  #connect() {
    this.#attempt += 1;
    this.take({ attempt: this.#attempt, offers: true });
  }

  // From where the other end is.
  async #goOn(link, { file, offset }) {
    this.#arrived = this.before(file) + offset;
    this.#sent = this.#arrived; // what was on the way is lost
    this.pace.at(this.#arrived);
    this.enter("moving");
    const watch = setInterval(() => this.#watch(link), 1_000);
    try {
      let from = offset;
      for (let index = file; index < this.files.length; index += 1) {
        if (!(await this.#send(index, from, link))) return;
        from = 0;
      }
      if (file >= this.files.length) this.#finished(); // it had said so, on a way that broke off
    } finally {
      clearInterval(watch);
    }
  }

  /** Whether the next one may follow. */
  async #send(index, from, link) {
    const file = this.files[index];
    this.say({ file: index, from }, link);
    await this.#hash(index, from);
    for (let at = from; at < file.size; at += READ_BYTES) {
      if (!(await this.#mayGoOn(link))) return false;
      const bytes = await file.slice(at, at + READ_BYTES).arrayBuffer();
      this.#hashed(index, at, new Uint8Array(bytes));
      for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) {
        if (!(await link.room())) return false;
        link.send(bytes.slice(start, start + CHUNK_BYTES));
      }
      this.#sent = this.before(index) + Math.min(file.size, at + READ_BYTES);
    }
    const judged = new Promise((resolve) => (this.#judged = resolve));
    this.say({ end: index, sha256: (this.#hashes[index].hex ??= this.#hashes[index].hash.hex()) }, link);
    if (!(await Promise.race([judged, this.#gone(link)]))) return false;
    return true;
  }

  async #mayGoOn(link) {
    while (link.isOpen && this.#sent - this.#arrived > MOST_AHEAD_BYTES) {
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 500);
      });
    }
    return link.isOpen && !this.isOver;
  }

  async #gone(link) {
    while (link.isOpen && !this.isOver) await new Promise((resolve) => setTimeout(resolve, 500));
    return false;
  }

  #got(count) {
    this.#arrived = count;
    this.pace.at(count);
    this.#wake();
    this.changed();
  }

  #watch(link) {
    if (Date.now() - this.#heardAt > SILENT_MS) this.giveUp(link);
  }

  #finished() {
    this.pace.at(this.before(this.files.length));
    this.enter("done");
    this.close();
  }

  // Each byte once, also those that were sent by a page before this one.
  async #hash(index, until) {
    this.#hashes[index] ??= { hash: new Sha256(), until: 0 };
    const known = this.#hashes[index];
    while (known.until < until) {
      const bytes = await this.files[index].slice(known.until, Math.min(until, known.until + READ_BYTES)).arrayBuffer();
      this.#hashed(index, known.until, new Uint8Array(bytes));
    }
  }

  #hashed(index, at, bytes) {
    const known = this.#hashes[index];
    const fresh = at + bytes.length - known.until;
    if (fresh <= 0) return;
    known.hash.update(bytes.subarray(bytes.length - fresh));
    known.until += fresh;
  }
}
