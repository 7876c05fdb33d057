// One file on its way: its bar, what can be done with it, and what went wrong in words.

import { at } from "./addresses.js";
import { jobs, live } from "./app.js";
import { ask } from "./dialog.js";
import { show } from "./jobs-live.js";
import { t } from "./i18n.js";
import { fingerprint } from "./upload-fingerprint.js";
import { forgetUpload, SendingMark } from "./upload-memory.js";

const CHUNK_BYTES = 64 * 1024 * 1024; // proxies in front limit the size of one request
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000, 15000];
const WAIT_FOR_CONNECTION_MS = 10000;
const RATE_WINDOW_MS = 3000;
// Worth another try by itself: no answer, a stale offset, a busy upload, too many requests, a server that starts again.
const PASSING = new Set([0, 409, 423, 429, 500, 502, 503, 504]);

// Which buttons each state offers.
const ACTIONS = {
  queued: ["cancel"],
  sending: ["pause", "cancel"],
  waiting: ["retry", "cancel"],
  paused: ["resume", "cancel"],
  failed: ["retry", "cancel"],
  removed: ["cancel"],
  done: ["import"],
};
const JOB_STATES = { queued: "queued", done: "succeeded", failed: "failed", removed: "cancelled" };
const SHOWN_STATES = { ...JOB_STATES, paused: "paused", waiting: "waiting_for_sender" };

export class UploadRow {
  constructor({ file, endpoint, template, whenDone, whenGone, whenStill }) {
    this.file = file;
    this.whenDone = whenDone;
    this.whenGone = whenGone;
    this.whenStill = whenStill; // it no longer sends
    this.element = template.content.cloneNode(true).firstElementChild;
    this.find = (selector) => this.element.querySelector(selector);
    this.progress = 0;
    this.sent = 0;
    this.samples = [];
    this.revision = 0;
    this.upload = new tus.Upload(file, this.options(endpoint));
    this.find(".upload__name").textContent = file.name;
    this.find(".progress__bar").setAttribute("aria-label", file.name);
    this.element.addEventListener("click", (event) => this.act(event.target.closest("[data-action]")?.dataset.action));
    jobs.listen((job) => job.job_id === this.jobId && this.isSending && this.arrived(job.progress));
    window.addEventListener("online", () => this.state === "waiting" && this.send());
    this.enter("queued", t("Waiting"));
  }

  get isQueued() {
    return this.state === "queued" || this.state === "starting";
  }

  // Whether it takes one of the places of those that are sent at once.
  get isBusy() {
    return this.state === "starting" || this.state === "sending";
  }

  get isSending() {
    return this.state === "sending" || this.state === "waiting";
  }

  get id() {
    return this.upload.url?.split("/").pop();
  }

  async start() {
    this.state = "starting";
    const previous = await this.upload.findPreviousUploads();
    if (this.state !== "starting") return; // cancelled meanwhile
    if (previous.length) this.upload.resumeFromPreviousUpload(previous.at(-1));
    this.send();
  }

  options(endpoint) {
    return {
      endpoint,
      fingerprint,
      chunkSize: CHUNK_BYTES,
      retryDelays: RETRY_DELAYS_MS,
      removeFingerprintOnSuccess: true,
      metadata: { filename: this.file.name, filetype: this.file.type },
      onUploadUrlAvailable: () => this.mark(),
      onProgress: (sent) => this.moved(sent),
      onSuccess: () => this.succeeded(),
      onError: (error) => this.broke(error),
      onShouldRetry: (error) => this.shouldRetry(error),
      onAfterResponse: (request, response) => this.checkPosition(request, response),
    };
  }

  act(action) {
    if (action === "pause") this.pause();
    else if (action === "resume" || action === "retry") this.send();
    else if (action === "cancel") this.cancel();
  }

  send() {
    clearTimeout(this.waitTimer);
    this.samples = [];
    this.enter("sending", t("Sending"));
    this.upload.start();
  }

  async pause() {
    const stopped = this.upload.abort();
    this.marker?.stop();
    this.enter("paused", t("Paused"));
    await stopped.catch(() => {});
    // Others look at this upload, too: without a word from here they would think that we are gone.
    if (this.state === "paused" && this.upload.url) await fetch(`${this.upload.url}/pause`, { method: "POST" }).catch(() => {});
  }

  async cancel() {
    const isWorthAsking = this.progress > 0 && this.state !== "removed";
    if (isWorthAsking && !(await ask({
      title: t("Cancel the upload of {name}?", { name: this.file.name }),
      text: t("What was sent so far is removed from the server."),
      confirmLabel: t("Cancel the upload"),
      danger: true,
    }))) return;
    if (this.state === "done") return; // it finished while the question stood
    clearTimeout(this.waitTimer);
    this.marker?.stop();
    const url = this.state === "removed" ? null : this.upload.url;
    this.enter("removed", t("Cancelled"));
    await this.upload.abort().catch(() => {});
    if (url) await tus.Upload.terminate(url, { retryDelays: RETRY_DELAYS_MS }).catch(() => {});
    if (url) forgetUpload(url.split("/").pop());
    this.whenGone();
  }

  // From here on other tabs leave this upload alone.
  async mark() {
    this.marker?.stop();
    this.marker = new SendingMark(this.id);
    this.marker.start();
    const answer = await fetch(this.upload.url).catch(() => null);
    if (!answer?.ok) return;
    this.jobId = (await answer.json()).job_id;
    this.element.dataset.uploadJob = this.jobId;
    this.element.dispatchEvent(new CustomEvent("upload:known", { bubbles: true }));
  }

  // The browser counts what it handed over, which may still be on the way; the server counts what has come.
  moved(sent) {
    if (!this.isSending) return;
    this.sent = sent;
    if (this.state === "waiting") this.enter("sending", t("Sending"));
    if (!this.jobId || live?.state !== "connected") this.arrived(sent);
  }

  arrived(bytes) {
    const now = Date.now();
    this.samples.push([now, bytes]);
    while (this.samples.length > 2 && now - this.samples[0][0] > RATE_WINDOW_MS) this.samples.shift();
    this.progress = Math.max(this.progress, bytes); // bytes that were lost on the way do not move the bar back
    this.draw();
  }

  succeeded() {
    this.marker?.stop();
    this.progress = this.file.size;
    const link = this.find("[data-action=import]");
    link.href = at(`/imports/new?upload=${encodeURIComponent(this.id)}`);
    this.enter("done", t("Uploaded"));
    this.whenDone(this.id);
  }

  shouldRetry(error) {
    if (this.state === "removed" || this.state === "paused") return false;
    const isPassing = !this.isGone && PASSING.has(this.refusalOf(error)?.getStatus() ?? 0);
    if (isPassing) this.enter("waiting", t("Reconnecting …"));
    return isPassing;
  }

  refusalOf(error) {
    return error.originalResponse ?? this.refusal;
  }

  // Whenever the position cannot be asked for, tus-js-client would begin a new upload from the first byte. That is right
  // only when this one is gone and nothing was sent here yet: else somebody cancelled it, or the server is just starting.
  checkPosition(request, response) {
    this.refusal = null;
    const status = response.getStatus();
    if (request.getMethod() !== "HEAD" || status < 400 || status === 423) return;
    const isMissing = status === 404 || status === 410;
    if (isMissing && this.sent === 0) return;
    this.isGone = isMissing;
    this.refusal = response;
    throw new Error(`the server answered ${status}`);
  }

  broke(error) {
    if (this.state === "removed" || this.state === "paused") return;
    const refusal = this.refusalOf(error);
    if (!this.isGone && !refusal) {
      this.enter("waiting", t("No connection; it goes on by itself when it is back."));
      this.waitTimer = setTimeout(() => this.send(), WAIT_FOR_CONNECTION_MS);
      return;
    }
    this.marker?.stop();
    if (this.isGone) {
      forgetUpload(this.id);
      this.enter("removed", t("Cancelled"), t("This upload was cancelled or removed elsewhere."));
    } else {
      this.enter("failed", t("Failed"), problemText(refusal));
    }
  }

  enter(state, status, error = "") {
    this.state = state;
    this.element.dataset.uploadState = state;
    this.find(".upload__status").textContent = status;
    const message = this.find(".upload__error");
    message.textContent = error;
    message.hidden = !error;
    for (const button of this.element.querySelectorAll("[data-action]")) {
      button.hidden = !ACTIONS[state].includes(button.dataset.action);
    }
    this.draw();
    if (!this.isBusy) this.whenStill();
  }

  draw() {
    const total = this.file.size;
    const rate = this.state === "sending" ? this.rate() : null;
    show(this.find(".progress"), {
      revision: (this.revision += 1),
      attempt: 1,
      state: JOB_STATES[this.state] ?? "running",
      shown_state: SHOWN_STATES[this.state] ?? "running",
      unit: "bytes",
      progress: this.progress,
      total,
      percent: total ? (100 * this.progress) / total : 100,
      rate,
      eta_seconds: rate ? (total - this.progress) / rate : null,
    });
  }

  rate() {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    return first && last[0] - first[0] > 500 ? (1000 * (last[1] - first[1])) / (last[0] - first[0]) : null;
  }
}

function problemText(response) {
  if (response.getStatus() === 401) return t("You were signed out. Sign in again, then choose the file again to go on.");
  try {
    const problem = JSON.parse(response.getBody());
    return problem.detail || problem.title;
  } catch {
    return t("The server answered with an error ({status}); try again.", { status: response.getStatus() });
  }
}
