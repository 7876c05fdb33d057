// What runs, on every page: the strip in the top bar and what stands before the tab's title. Several jobs have no common
// percentage: it would fall whenever one of them ends or begins.

import { isLost } from "./connection-state.js";
import { duration, percent, t } from "./i18n.js";
import { isFinal } from "./job-table.js";

export function startRunningStrip(own, watched) {
  const strip = document.getElementById("running-strip");
  const title = document.title;
  const update = () => {
    const jobs = own.running();
    const running = jobs.filter((job) => job.state === "running");
    strip.hidden = jobs.length === 0;
    if (jobs.length) showStrip(strip, running, jobs.length - running.length);
    const shown = isLost() ? "" : (pageJobPercent(own, watched) ?? progressOf(running));
    document.title = shown ? `${shown} · ${title}` : title;
  };
  own.listen(update);
  watched.listen(update);
  document.addEventListener("live:changed", update);
  return update;
}

function showStrip(strip, running, waiting) {
  const only = onlyPercent(running);
  const left = longestLeft(running);
  const parts = [running.length && countRunning(running.length), only != null && percent(only)];
  if (waiting) parts.push(waiting === 1 ? t("1 waiting") : t("{count} waiting", { count: waiting }));
  strip.querySelector(".running__text").textContent = parts.filter(Boolean).join(" · ");
  strip.querySelector(".progress__pace").textContent = left == null ? "" : ` · ${t("{duration} left", { duration: duration(left) })}`;
  strip.querySelector(".running__bar").classList.toggle("is-indeterminate", running.length > 0 && only == null);
  strip.querySelector(".progress__fill").setAttribute("width", `${only ?? 0}%`);
}

const countRunning = (count) => (count === 1 ? t("1 running") : t("{count} running", { count }));

const onlyPercent = (running) => (running.length === 1 ? running[0].percent : null);

function progressOf(running) {
  const only = onlyPercent(running);
  if (only != null) return percent(only);
  return running.length > 1 ? countRunning(running.length) : "";
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
