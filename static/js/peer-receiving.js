// The end that receives: it asks a person, keeps what comes, says how far it is, and compares the checksums.

import { t } from "./i18n.js";
import { openStore } from "./peer-store.js";
import { Transfer } from "./peer-transfer.js";

const TOLD_MS = 100;
const TOLD_BYTES = 1024 * 1024; // timers of pages that nobody looks at are late
const SENDER_FIRST_MS = 6_000; // the sender looks for another way by itself, if it is still the same page
const LINGER_MS = 5_000;

export class Receiving extends Transfer {
  isSending = false;
  saved = []; // {name, file} of what has come whole
  #index;
  #store = null;
  #turn = Promise.resolve(); // of what came
  #told = 0; // so much the sender was told of
  #telling = null;
  #kept;

  /** `kept(transfer)` is called whenever what a page after this one has to know is another; `index` is the next file. */
  constructor({ index = 0, kept, ...more }) {
    super(more);
    this.#index = index;
    this.#kept = kept;
  }

  get index() {
    return this.#index;
  }

  async accept() {
    this.enter("looking");
    try {
      this.#agreed(await this.ask({ kind: "accept" }));
      this.later(SENDER_FIRST_MS * 5); // whoever offered may be gone
    } catch (error) {
      this.enter("failed", error.message);
    }
  }

  decline() {
    this.tell({ kind: "decline" });
    this.enter("declined");
  }

  heard({ signal, ticket, ways }) {
    // Nobody has agreed to it yet, or somebody wants no more of it; all of one that is done may still be asked for.
    if (this.state === "asked" || (this.isOver && this.state !== "done")) return;
    if (signal.kind === "description") this.take({ attempt: signal.attempt, heard: signal });
    else if (signal.kind === "candidate" && signal.attempt === this.link?.attempt) this.link.heard(signal);
    else if (this.isOver) return;
    else if (signal.kind === "over" && signal.reason !== "taken") this.ended(signal.reason);
    else if (signal.kind === "again") this.#agreed({ ticket, ways });
  }

  /** Also by a page that has just been loaded. */
  async lookAgain() {
    if (this.state === "looking") return this.fail("");
    this.enter("cut");
    try {
      this.#agreed(await this.ask({ kind: "again" }));
    } catch (error) {
      if (error.code === "peer_over") {
        this.enter("failed", error.message);
        return this.stopped();
      }
    }
    return this.later(SENDER_FIRST_MS * 4);
  }

  later(wait = SENDER_FIRST_MS) {
    super.later(wait);
  }

  async opened(link) {
    try {
      await this.#openStore();
    } catch {
      return this.fail(t("There is no room for it in this browser."), "full");
    }
    if (!this.isOver) this.enter("moving");
    this.pace.at(this.#arrived);
    return this.say({ have: { file: this.#index, offset: this.#store?.kept ?? 0 } }, link);
  }

  message(content, link) {
    this.#turn = this.#turn.then(() => this.#take(content, link)).catch(() => this.fail(t("What came could not be kept.")));
  }

  /** Nobody wants what is kept here any more. */
  async discard() {
    this.close();
    await this.#store?.discard();
    await Promise.all(this.saved.map(({ store }) => store.discard()));
  }

  stopped() {
    this.#store?.discard();
    this.#kept(this);
  }

  get #arrived() {
    return this.before(this.#index) + (this.#store?.kept ?? 0);
  }

  #agreed({ ticket, ways }) {
    this.ticket = ticket;
    this.ways = ways;
    this.#kept(this);
  }

  async #openStore() {
    if (this.#store || this.#index >= this.files.length) return;
    this.#store = await openStore(`${this.id}-${this.#index}`, this.files[this.#index].size);
  }

  async #take(content, link) {
    if (link !== this.link || (this.isOver && this.state !== "done")) return;
    if (content instanceof ArrayBuffer) await this.#write(content);
    else if (content.file !== undefined) {
      await this.#openStore();
      if (content.file !== this.#index || content.from !== this.#store.kept) this.giveUp(link);
    } else if (content.end !== undefined) await this.#finish(content, link);
    else if (content.over) this.ended(content.over);
  }

  async #write(bytes) {
    if (this.#store.kept + bytes.byteLength > this.files[this.#index].size) {
      return this.fail(t("More came than was announced."));
    }
    this.#store.kept = await this.#store.write(bytes);
    this.pace.at(this.#arrived);
    if (this.#arrived - this.#told >= TOLD_BYTES) this.#tellArrived();
    else this.#telling ??= setTimeout(() => this.#tellArrived(), TOLD_MS);
    return undefined;
  }

  // Also of the last that came: the sender goes no further than so much beyond what it was told of.
  #tellArrived() {
    clearTimeout(this.#telling);
    this.#telling = null;
    this.#told = this.#arrived;
    if (this.state !== "moving") return;
    this.say({ got: this.#arrived });
    this.changed();
  }

  async #finish({ sha256 }, link) {
    const { name, size } = this.files[this.#index];
    const store = this.#store;
    const own = await store.finish();
    this.#store = null;
    if (store.kept !== size || own !== sha256) {
      await store.discard();
      return this.fail(t("It arrived damaged: its checksum is another one. Have it sent once more."), "damaged");
    }
    this.#index += 1;
    this.saved.push({ name, sha256, store, file: await store.file() });
    this.#kept(this);
    this.pace.at(this.#arrived);
    this.say({ got: this.#arrived }, link);
    this.say({ judged: true }, link);
    if (this.#index === this.files.length) {
      this.say({ done: true }, link);
      this.enter("done");
      this.#kept(this);
      setTimeout(() => this.close(), LINGER_MS);
    } else this.changed();
    return undefined;
  }
}
