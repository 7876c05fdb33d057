// Keeps every `[data-job-id]` of the page true: bar, figures, percentage, message.

import { counted, isRepeated, pace, valueText, waitingFor } from "./figures.js";
import { percent, t } from "./i18n.js";
import { stageText } from "./job-stages.js";

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
        if (job) showAfterSwap(element, job);
      }
    }
  });
}

// What is as new as the fetched HTML may still have more on its bar: a corrected total makes a percentage smaller, and no
// bar of one attempt goes backwards. Nor is it drawn on the way from what was fetched to what is known: nobody saw that.
function showAfterSwap(element, job) {
  const bar = element.querySelector(".progress__bar");
  bar?.classList.remove("is-anew");
  show(element, job);
  const isSameAttempt = Number(element.dataset.attempt) === job.attempt && element.dataset.state === job.state;
  if (bar && isSameAttempt && job.percent > Number(bar.getAttribute("aria-valuenow") ?? 0)) drawBar(bar, job);
  bar?.classList.add("is-anew");
}

// Draws `job` into an element unless that shows something newer already.
export function show(element, job) {
  if (Number(element.dataset.revision ?? -1) >= job.revision) return;
  element.dataset.revision = job.revision;
  element.dataset.attempt = job.attempt;
  element.dataset.state = job.state;
  element.dataset.shownState = job.shown_state ?? job.state;
  element.toggleAttribute("data-repeated", isRepeated(job));
  if (job.state_text) showState(job);
  const bar = element.querySelector(".progress__bar");
  if (bar) drawBar(bar, job);
  setText(element.querySelector(".progress__count"), counted(job));
  setText(element.querySelector(".progress__pace"), pace(job));
  setText(element.querySelector(".progress__waiting"), waitingFor(job));
  setText(element.querySelector(".progress__message"), job.message ? t(job.message) : "");
}

// A bar that begins anew is drawn so at once: it never moves backwards.
export function fillBar(bar, done) {
  const fill = bar.querySelector(".progress__fill");
  if (bar.classList.contains("is-anew")) fill.getBoundingClientRect(); // is drawn at once, before it may move again
  bar.classList.toggle("is-anew", done < parseFloat(fill.getAttribute("width")));
  fill.setAttribute("width", `${done}%`);
}

function drawBar(bar, job) {
  bar.classList.toggle("is-indeterminate", job.percent == null && job.state === "running");
  bar.setAttribute("aria-valuetext", valueText(job));
  if (job.percent == null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", Math.floor(job.percent));
  const done = job.percent ?? 0;
  fillBar(bar, done);
  const missing = job.missing_percent ?? 0;
  const part = bar.querySelector(".progress__missing");
  part.setAttribute("x", `${done - missing}%`);
  part.setAttribute("width", `${missing}%`);
  setText(bar.parentElement.querySelector(".progress__percent"), job.percent == null ? "" : percent(job.percent));
}

// The badge of a job says what the server says of it: `Stalled`, `Done · 1 failed`; beside it may stand what it does.
function showState(job) {
  const does = job.stage && ["running", "stalled"].includes(job.shown_state) ? stageText(job.stage) : "";
  for (const stage of document.querySelectorAll(`[data-stage-of="${CSS.escape(job.job_id)}"]`)) {
    setText(stage, does);
  }
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
