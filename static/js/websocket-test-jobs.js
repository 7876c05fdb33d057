// Bars of every job of mine, whatever started it: the newest first, and those that run before those that are over.

import { at } from "./addresses.js";
import { t } from "./i18n.js";
import { show } from "./jobs-live.js";
import { post } from "./websocket-test-http.js";

const MESSAGES = ["job", "file_upload_progress", "data_import_progress", "batch_report_progress"];
const MOST = 8;
const OVER = ["succeeded", "failed", "cancelled"];

const list = document.getElementById("ws-jobs");
const blank = document.getElementById("ws-job");

export class JobBars {
  constructor(live) {
    for (const type of MESSAGES) live.on(type, (job) => this.draw(job));
    live.on("jobs", ({ jobs }) => {
      for (const job of jobs) if (!OVER.includes(job.state)) this.draw(job);
    });
  }

  /** As much as is known of it: what was just started has an id and a title. */
  draw(job) {
    const bar = this.#barOf(job);
    if (job.revision === undefined) return;
    show(bar, job);
    named(bar, job);
    bar.querySelector("button").hidden = OVER.includes(job.state);
    if (job.error) bar.querySelector(".progress__message").textContent = job.error.message;
  }

  #barOf(job) {
    const known = list.querySelector(`[data-job="${CSS.escape(job.job_id)}"]`);
    if (known) return known;
    const bar = blank.content.firstElementChild.cloneNode(true);
    bar.dataset.job = job.job_id;
    bar.querySelector(".badge").dataset.stateOf = job.job_id;
    named(bar, job);
    bar.querySelector("a").href = at(`/jobs/${job.job_id}`);
    bar.querySelector("button").addEventListener("click", () => post(at(`/api/v1/jobs/${job.job_id}/cancel`)));
    list.prepend(bar);
    this.#forgetOld();
    document.getElementById("ws-no-jobs").hidden = true;
    return bar;
  }

  #forgetOld() {
    const bars = [...list.children].reverse(); // the oldest first
    const doomed = bars.filter(({ dataset }) => OVER.includes(dataset.state));
    while (list.childElementCount > MOST && doomed.length) doomed.shift().remove();
  }
}

function named(bar, job) {
  bar.querySelector("a").textContent = t(job.title);
  bar.querySelector(".progress__bar").setAttribute("aria-label", t(job.title));
}
