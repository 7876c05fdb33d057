// Texts, numbers and durations in the reader's language. English texts are the keys; base.html brings the others.

const island = document.getElementById("js-messages");
const translations = island ? JSON.parse(island.textContent) : {};
export const language = document.documentElement.lang || "en";
const timeZone = document.documentElement.dataset.timeZone || "UTC";

// t("{count} running", {count: 2})
export function t(text, values = {}) {
  return filled(translations[text] ?? text, values);
}

// The same with a text that the page brought in the reader's language.
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

const decimal = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
export const number = (value) => decimal.format(value);

// Rounded down, so that 100 % means everything.
const percentFormat = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
export const percent = (value) => percentFormat.format(Math.floor(value) / 100);

const unitFormat = (unit, unitDisplay, digits) =>
  new Intl.NumberFormat(language, {
    style: "unit",
    unit,
    unitDisplay,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: false,
  });

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

// 1234567 → "1.2 MB", in powers of 1000
export function filesize(bytes) {
  let size = bytes;
  let step = 0;
  while (size >= 999.5 && step < SIZES.length - 1) {
    size /= 1000;
    step += 1;
  }
  return unitFormat(SIZES[step], step ? "short" : "long", step === 0 || size >= 100 ? 0 : 1).format(size);
}

const LENGTHS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

// 3725 → "1h 2m": the two largest units that matter
export function duration(seconds) {
  if (seconds < 1) return unitFormat("second", "narrow", seconds > 0.05 ? 1 : 0).format(Math.max(0, seconds));
  let rest = Math.round(seconds);
  const parts = [];
  for (const [unit, length] of LENGTHS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count || parts.length) parts.push([unit, count]);
  }
  return parts
    .slice(0, 2)
    .filter(([, count]) => count)
    .map(([unit, count]) => unitFormat(unit, "narrow", 0).format(count))
    .join(" ");
}

const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", timeZone });
export const datetime = (iso) => moment.format(new Date(iso));

const timeOfDay = new Intl.DateTimeFormat(language, { timeStyle: "medium", timeZone });
const dayOf = new Intl.DateTimeFormat(language, { dateStyle: "short", timeZone });

// "21:06:12" of today, else with the date. `at` in milliseconds.
export function clock(at) {
  const isToday = dayOf.format(at) === dayOf.format(Date.now());
  return (isToday ? timeOfDay : moment).format(at);
}

const relativeFormat = new Intl.RelativeTimeFormat(language, { numeric: "always" });
const dateFormat = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone });

// "5 minutes ago"; a date once that says more. `now` in milliseconds, by the clock that `iso` comes from.
export function relative(iso, now) {
  const seconds = (new Date(iso) - now) / 1000;
  const age = Math.abs(seconds);
  if (age < 5) return t("just now");
  if (age > 7 * 86400) return dateFormat.format(new Date(iso));
  const [unit, length] = LENGTHS.find(([, each]) => age >= each * 0.85) ?? LENGTHS[3];
  return relativeFormat.format(Math.round(seconds / length), unit);
}
