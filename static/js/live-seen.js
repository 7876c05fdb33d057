// What has come already: the position in the stream of kept messages, and the newest revision of each job.

const REVISIONS_KEPT = 5_000;
const JOB_MESSAGES = new Set(["job", "file_upload_progress", "data_import_progress", "batch_report_progress"]);

export class Seen {
  #position = null; // of the last kept message we have: {epoch, offset}
  #revisions = new Map(); // job id → the newest revision seen

  /** `since` is the `position` of an earlier page, if that is to go on. */
  constructor(since) {
    const [epoch, offset] = since?.split(":") ?? [];
    if (epoch) this.#position = { epoch, offset: Number(offset) };
  }

  /** `<epoch>:<offset>` to go on after; null before the first connection. */
  get position() {
    return this.#position && `${this.#position.epoch}:${this.#position.offset}`;
  }

  /** Begin as a `connection` message says. */
  begin({ epoch, offset, recovered, missed }) {
    // With missed messages on their way, each of them moves the position; losing the link meanwhile loses none.
    if (!recovered || missed === 0) this.#position = { epoch, offset };
  }

  /** Whether a message, or something newer, has come before; remembers it. */
  isOld(message) {
    if (message.type === "jobs") message.jobs.forEach((job) => this.#isStale(job));
    if (Number.isInteger(message.offset) && message.type !== "connection" && message.type !== "history") {
      if (this.#position && message.offset <= this.#position.offset) return true;
      if (this.#position) this.#position = { ...this.#position, offset: message.offset };
    }
    return JOB_MESSAGES.has(message.type) && this.#isStale(message);
  }

  #isStale({ job_id: id, revision }) {
    if (revision < (this.#revisions.get(id) ?? -1)) return true;
    this.#revisions.delete(id);
    this.#revisions.set(id, revision); // the newest last, so that the oldest is forgotten first
    if (this.#revisions.size > REVISIONS_KEPT) this.#revisions.delete(this.#revisions.keys().next().value);
    return false;
  }
}
