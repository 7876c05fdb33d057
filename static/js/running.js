// What runs, on every page: the strip in the top bar and what stands before the tab's title. Several jobs have no common
// percentage: it would fall whenever one of them ends or begins.

import { isLost } from "./connection-state.js";
import { duration, number, percent, t } from "./i18n.js";
import { isFinal } from "./job-table.js";
import { fillBar } from "./jobs-live.js";
import { showInTitle } from "./tab-title.js";

export function startRunningStrip(own, watched) {
  const strip = document.getElementById("running-strip");
  const update = () => {
    const jobs = own.running();
    strip.hidden = jobs.length === 0;
    if (jobs.length) showStrip(strip, jobs);
    const progress = isLost() ? "" : (pageJobPercent(own, watched) ?? progressOf(jobs.filter(isMoving)));
    showInTitle({ progress });
  };
  own.listen(update);
  watched.listen(update);
  document.addEventListener("live:changed", update);
  return update;
}

// How live jobs are counted, each in the first of these groups that it belongs to.
const GROUPS = [
  [(job) => job.shown_state === "paused", (count) => t("{count} paused", { count })],
  [(job) => job.shown_state === "stalled", (count) => t("{count} stalled", { count })],
  [(job) => job.state === "queued" || job.shown_state === "waiting_for_sender", (count) => t("{count} waiting", { count })],
  [() => true, (count) => t("{count} running", { count })],
];
const groupOf = (job) => GROUPS.findIndex(([belongs]) => belongs(job));
const isMoving = (job) => groupOf(job) === GROUPS.length - 1;

function showStrip(strip, jobs) {
  const running = jobs.filter(isMoving);
  const only = onlyPercent(running.length ? running : jobs);
  const left = longestLeft(running);
  const counts = GROUPS.map(([, words], place) => [jobs.filter((job) => groupOf(job) === place).length, words]);
  const parts = counts.filter(([count]) => count).map(([count, words]) => words(number(count))).reverse();
  if (only != null) parts.splice(1, 0, percent(only));
  strip.querySelector(".running__text").textContent = parts.slice(0, 1).join();
  strip.querySelector(".running__more").textContent = parts.slice(1).map((part) => ` · ${part}`).join("");
  strip.querySelector(".progress__pace").textContent = left == null ? "" : ` · ${t("{duration} left", { duration: duration(left) })}`;
  const bar = strip.querySelector(".running__bar");
  bar.classList.toggle("is-indeterminate", running.length > 0 && only == null);
  fillBar(bar, only ?? 0);
}

const onlyPercent = (running) => (running.length === 1 ? running[0].percent : null);

function progressOf(running) {
  const only = onlyPercent(running);
  if (only != null) return percent(only);
  return running.length > 1 ? t("{count} running", { count: number(running.length) }) : "";
}

// Nothing while it is unknown of one of them: that one may take longer than the others.
function longestLeft(running) {
  const times = running.map((job) => job.eta_seconds);
  return times.length && times.every((time) => time != null) ? Math.max(1, ...times) : null;
}

// A page about one job (`[data-page-job]`) shows that one in its title.
function pageJobPercent(own, watched) {
  const id = document.querySelector("[data-page-job]")?.dataset.pageJob;
  const job = own.get(id) ?? watched.get(id);
  return job && !isFinal(job) && job.percent != null ? percent(job.percent) : null;
}
