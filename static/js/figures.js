// A job's figures in words, as `Formats` on the server writes them: "12,400 of 50,000 rows" and " · 8,120/s · 5s left".

import { clock, duration, filesize, number, t } from "./i18n.js";

const LEAST_RATE = 0.05; // less rounds to nothing

export const amount = (value, unit) => (unit === "bytes" ? filesize(value) : number(Math.round(value * 100) / 100));

// What follows the count while it moves. Told apart, since a page that is not live hides it.
export function pace(job) {
  const parts = [""];
  if (job.state === "running" && job.rate >= LEAST_RATE) {
    parts.push(t("{amount}/s", { amount: rate(job.rate, job.unit) }));
  }
  if (job.stalled_since && job.state === "running") {
    parts.push(t("nothing since {time}", { time: clock(new Date(job.stalled_since)) }));
  }
  if (job.eta_seconds != null) {
    parts.push(t("{duration} left", { duration: duration(Math.max(1, job.eta_seconds)) }));
  }
  return parts.join(" · ");
}

// As `Formats.waiting_for` on the server writes it: "place 3 in line · waits for 2 reports of others, about 6 s".
export function waitingFor(job) {
  if (job.waiting_for && job.stalled_since && job.state === "queued") {
    return t("{words} since {time}", { words: job.waiting_for, time: clock(new Date(job.stalled_since)) });
  }
  const place = job.place == null ? "" : t("place {place} in line", { place: number(job.place) });
  return [place, job.waiting_for].filter(Boolean).join(" · ");
}

// What a bar says to who cannot see it: "Paused · 40 of 100 rows".
export const valueText = (job) => [job.state_text, counted(job), waitingFor(job)].filter(Boolean).join(" · ");

// Whether an attempt came before this one, or the one that it waits for: then its message says why.
export const isRepeated = (job) => job.attempt > 1 || (job.attempt === 1 && job.state === "queued");

// Slow work has a decimal: 0.4 reports a second are not none.
function rate(value, unit) {
  if (unit === "bytes") return filesize(value);
  return number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value));
}

export function counted(job) {
  if (job.state === "queued" && !job.progress) return "";
  const done = amount(job.progress, job.unit);
  const unit = t(job.unit);
  if (job.total == null) return job.unit === "bytes" ? done : `${done} ${unit}`;
  const total = amount(job.total, job.unit);
  if (job.unit === "bytes") return t("{done} of {total}", { done, total });
  const failed = (job.unit === "reports" && job.missing) || 0; // they are over, but none came of them
  const made = amount(job.progress - failed, job.unit);
  const text = t("{done} of {total} {unit}", { done: made, total, unit });
  return failed ? `${text} · ${t("{count} failed", { count: number(failed) })}` : text;
}

// What `t(job.unit)` and the state words may be, where the extraction of texts can see them.
export const UNITS = [
  ...[t("bytes"), t("rows"), t("reports"), t("steps")],
  ...[t("items"), t("files"), t("records"), t("lines"), t("pages"), t("requests")], // what scripts often count
];

export const stateLabel = (state) =>
  ({
    queued: t("Waiting"),
    running: t("Running"),
    succeeded: t("Done"),
    failed: t("Failed"),
    cancelled: t("Cancelled"),
  })[state] ?? state;
