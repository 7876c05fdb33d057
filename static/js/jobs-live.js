// Keeps every `[data-job-id]` of the page true: bar, figures, percentage, message.

import { counted, pace, waitingFor } from "./figures.js";
import { percent, t } from "./i18n.js";

export function startJobsLive(tables) {
  for (const table of tables) {
    table.listen((job) => {
      for (const element of document.querySelectorAll(`[data-job-id="${CSS.escape(job.job_id)}"]`)) show(element, job);
    });
  }
  // what was fetched may be older than what is known
  document.addEventListener("fragment:swapped", (event) => {
    for (const element of event.target.querySelectorAll("[data-job-id]")) {
      for (const table of tables) {
        const job = table.get(element.dataset.jobId);
        if (job) show(element, job);
      }
    }
  });
}

// Draws `job` into an element unless that shows something newer already.
export function show(element, job) {
  if (Number(element.dataset.revision ?? -1) >= job.revision) return;
  element.dataset.revision = job.revision;
  element.dataset.attempt = job.attempt;
  element.dataset.state = job.state;
  element.dataset.shownState = job.shown_state ?? job.state;
  if (job.state_text) showState(job);
  const bar = element.querySelector(".progress__bar");
  if (bar) drawBar(bar, job);
  setText(element.querySelector(".progress__percent"), job.percent == null ? "" : percent(job.percent));
  setText(element.querySelector(".progress__count"), counted(job));
  setText(element.querySelector(".progress__pace"), pace(job));
  setText(element.querySelector(".progress__waiting"), waitingFor(job));
  setText(element.querySelector(".progress__message"), job.message ? t(job.message) : "");
}

function drawBar(bar, job) {
  bar.classList.toggle("is-indeterminate", job.percent == null && job.state === "running");
  bar.setAttribute("aria-valuetext", counted(job));
  if (job.percent == null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", Math.floor(job.percent));
  bar.querySelector(".progress__fill").setAttribute("width", `${job.percent ?? 0}%`);
  const missing = missingPercent(job);
  const part = bar.querySelector(".progress__missing");
  part?.setAttribute("x", `${(job.percent ?? 0) - missing}%`);
  part?.setAttribute("width", `${missing}%`);
}

// The share of the bar that failed or was left out, at the end of what is done. `missing_percent` of views/formats.py draws the same.
function missingPercent(job) {
  if (!job.missing || !job.total || job.percent == null) return 0;
  return Math.min(job.percent, (100 * job.missing) / job.total);
}

// The badge of a job says what the server says of it: `Stalled`, `Done · 1 failed`.
function showState(job) {
  for (const badge of document.querySelectorAll(`[data-state-of="${CSS.escape(job.job_id)}"]`)) {
    badge.className = `badge badge--${job.shown_state}`;
    badge.dataset.state = job.shown_state;
    setText(badge.querySelector(".badge__text"), job.state_text);
  }
}

// Untouched text keeps selections and spares screen readers.
function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
