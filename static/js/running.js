// What runs, on every page: the strip in the top bar and the percentage in the tab's title.

import { percent, t } from "./i18n.js";
import { isFinal } from "./job-table.js";

export function startRunningStrip(own, watched) {
  const strip = document.getElementById("running-strip");
  const title = document.title;
  const update = () => {
    const jobs = own.running();
    strip.hidden = jobs.length === 0;
    const overall = overallPercent(jobs);
    if (jobs.length) showStrip(strip, jobs, overall);
    const shown = pageJobPercent(own, watched) ?? overall;
    document.title = shown != null ? `${percent(shown)} · ${title}` : title;
  };
  own.listen(update);
  watched.listen(update);
  return update;
}

function showStrip(strip, jobs, overall) {
  const text = jobs.length === 1 ? t("1 running") : t("{count} running", { count: jobs.length });
  strip.querySelector(".running__text").textContent = overall == null ? text : `${text} · ${percent(overall)}`;
  strip.querySelector(".progress__fill").setAttribute("width", `${overall ?? 0}%`);
}

// The mean of those whose total is known; null when none is.
function overallPercent(jobs) {
  const known = jobs.filter((job) => job.percent != null);
  return known.length ? known.reduce((sum, job) => sum + job.percent, 0) / known.length : null;
}

// A page about one job (`[data-page-job]`) shows that one in its title.
function pageJobPercent(own, watched) {
  const id = document.querySelector("[data-page-job]")?.dataset.pageJob;
  const job = own.get(id) ?? watched.get(id);
  return job && !isFinal(job) ? job.percent : null;
}
