// Figures over time on the administrators' overview: uPlot draws them, all with one cursor.

import { at } from "./addresses.js";
import { clock, duration, filesize, language, number, t } from "./i18n.js";
import { wallHeaders } from "./wall-secret.js";

const POINTS = 360; // a phone has no more pixels
const EVERY_MS = { "1h": 10_000, "24h": 60_000, "7d": 300_000, "90d": 300_000 };
const STALE_MS = 90_000;

const section = document.getElementById("monitoring");
const state = section.querySelector("[data-monitoring-state]");
const charts = [...section.querySelectorAll("[data-chart]")].map((element) => ({
  element,
  scale: element.dataset.scale,
  lines: JSON.parse(element.dataset.lines),
  plot: null,
}));
const metrics = charts.flatMap((chart) => chart.lines.map(([name]) => name));
const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 2 });
const isWall = "isWall" in section.dataset;
const nodeChoice = section.querySelector("[data-node]");
let range = section.dataset.range;
let node = "";
let shownAt = 0;
let timer = null;

const WRITTEN = {
  number: (value) => number(Math.round(value * 10) / 10),
  rate: (value) => number(value < 10 ? Math.round(value * 100) / 100 : Math.round(value)),
  per_minute: (value) => number(Math.round(value * 600) / 10),
  bytes: filesize,
  seconds: (value) => (value < 1 ? t("{number} ms", { number: number(Math.round(value * 10_000) / 10) }) : duration(value)),
  milliseconds: (value) => (value < 1000 ? t("{number} ms", { number: number(Math.round(value)) }) : duration(value / 1000)),
  share: (value) => percent.format(value),
};

async function refresh() {
  clearTimeout(timer);
  const wanted = `${range} ${node}`;
  try {
    const query = new URLSearchParams({ range, points: POINTS, metrics, of: "whole", node });
    const response = await (isWall
      ? fetch(at(section.dataset.source), { headers: wallHeaders() })
      : fetch(at(`/api/v1/admin/monitoring?${query}`)));
    if (isWall && response.status === 401) return; // wall.js says so, and begins anew with another address
    if (!response.ok) throw new Error(response.statusText);
    const answer = await response.json();
    if (wanted === `${range} ${node}`) show(answer);
  } catch {
    sayHowOld();
  }
  timer = setTimeout(() => !document.hidden && refresh(), EVERY_MS[range]);
}

function show(answer) {
  shownAt = Date.now();
  const byMetric = Map.groupBy(answer.series, (series) => series.metric);
  const marks = marksOf(answer);
  offerNodes(answer.nodes);
  for (const chart of charts) drawChart(chart, chart.lines.map(([name]) => byMetric.get(name)?.[0]), answer, marks);
  section.classList.remove("is-stale");
  state.textContent = answer.series.length ? "" : t("The first figures come within ten seconds of the start.");
}

function sayHowOld() {
  if (!shownAt) state.textContent = t("The figures could not be loaded. They are asked for again by themselves.");
  else state.textContent = t("These figures are of {time}: the server does not answer.", { time: clock(new Date(shownAt)) });
  section.classList.toggle("is-stale", Date.now() - shownAt > STALE_MS);
}

// Only where there are several; one that was chosen stays, also when nothing is known of it any more.
function offerNodes(nodes) {
  if (!nodeChoice) return;
  const offered = [...new Set([...nodes, node])].filter(Boolean).sort();
  const options = offered.map((name) => new Option(name, name, false, name === node));
  nodeChoice.replaceChildren(nodeChoice.options[0], ...options);
  nodeChoice.hidden = offered.length < 2;
}

// What happened meanwhile, in seconds since 1970: starts of the server, maintenance, and alerts that fired.
function marksOf(answer) {
  const seconds = (text) => Date.parse(text) / 1000;
  return {
    starts: answer.runs.map((run) => seconds(run.started_at)),
    maintenance: answer.maintenance.map(([begin, end]) => [seconds(begin), seconds(end)]),
    alerts: answer.alerts.map((alert) => [seconds(alert.fired_at), seconds(alert.ended_at ?? answer.end)]),
  };
}

function drawChart(chart, found, answer, marks) {
  const times = [];
  const end = Date.parse(answer.end) / 1000;
  for (let at = Date.parse(answer.begin) / 1000; at < end; at += answer.step_seconds) times.push(at);
  const nothing = { values: times.map(() => null), peaks: times.map(() => null) };
  const lineOf = ({ points }) => ({ values: points.map(([, value]) => value), peaks: points.map(([, , most]) => most) });
  const lines = found.map((series) => (series ? lineOf(series) : nothing));
  const data = [times, ...lines.map((line) => line.values), lines[0].peaks];
  sayNow(chart, lines);
  chart.marks = marks;
  const place = chart.element.querySelector("[data-chart-plot]");
  if (chart.plot) {
    chart.plot.setData(data);
  } else {
    chart.plot = new window.uPlot(optionsOf(chart, place), data, place);
  }
}

// What the picture tells, for those who do not see it: the newest values, and the most.
function sayNow(chart, lines) {
  const now = chart.element.querySelector("[data-chart-now]");
  now.replaceChildren(
    ...lines.map((line, place) => {
      const told = document.createElement("span");
      const key = document.createElement("i");
      key.className = `chart__key chart__key--${place + 1}`;
      const newest = line.values.findLast((value) => value !== null);
      const most = line.peaks.reduce((largest, value) => (value === null ? largest : Math.max(largest ?? value, value)), null);
      const written = (value) => (value === null || value === undefined ? "–" : WRITTEN[chart.scale](value));
      const name = chart.lines[place][1];
      told.append(key, t("{name} {now}, at most {most}", { name, now: written(newest), most: written(most) }));
      return told;
    }),
  );
}

function optionsOf(chart, place) {
  const colour = (name) => getComputedStyle(chart.element).getPropertyValue(name).trim();
  const resolved = (name) => asColour(colour(name), place);
  const written = WRITTEN[chart.scale];
  const axis = { stroke: resolved("--ink-soft"), grid: { stroke: resolved("--line"), width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
  const line = (place_, extra) => ({ stroke: resolved(`--chart-${place_}`), width: 2, spanGaps: false, ...extra });
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    legend: { show: false },
    cursor: { sync: { key: "monitoring" }, y: false, points: { size: 6 } },
    scales: { y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, values: timesOf, space: 70, size: 26 },
      { ...axis, size: 58, values: (_plot, ticks) => ticks.map(written), space: 34 },
    ],
    series: [
      {},
      ...chart.lines.map((_line, index) => line(index + 1, { points: { show: onlyLonePoints } })),
      line(1, { width: 0.75, points: { show: false } }),
    ],
    hooks: {
      drawClear: [
        (plot) => {
          drawSpans(plot, chart.marks.maintenance, resolved("--info-tint"));
          drawSpans(plot, chart.marks.alerts, resolved("--danger-tint"));
        },
      ],
      draw: [(plot) => drawStarts(plot, chart.marks.starts, resolved("--line-strong"))],
      setCursor: [(plot) => sayAt(plot, chart)],
    },
  };
}

// `light-dark()` is known to styles, not to a canvas.
function asColour(value, element) {
  const probe = document.createElement("span");
  probe.style.color = value;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// A value between two gaps would be a line of no length.
function onlyLonePoints(plot, index) {
  const values = plot.data[index];
  return values.some((value, place) => value !== null && values[place - 1] == null && values[place + 1] == null);
}

function timesOf(_plot, ticks) {
  const isLong = range === "7d" || range === "90d";
  const format = new Intl.DateTimeFormat(language, {
    timeZone: document.documentElement.dataset.timeZone || "UTC",
    ...(isLong ? { month: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit" }),
  });
  return ticks.map((tick) => format.format(new Date(tick * 1000)));
}

function drawSpans(plot, spans, fill) {
  const { ctx, bbox } = plot;
  const within = (second) => Math.min(Math.max(plot.valToPos(second, "x", true), bbox.left), bbox.left + bbox.width);
  ctx.save();
  ctx.fillStyle = fill;
  for (const [begin, end] of spans) {
    const [left, right] = [within(begin), within(end)];
    if (right > left) ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
  }
  ctx.restore();
}

function drawStarts(plot, starts, stroke) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.setLineDash([3, 3]);
  for (const start of starts) {
    const x = plot.valToPos(start, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function sayAt(plot, chart) {
  const { idx } = plot.cursor;
  const title = chart.element.querySelector("[data-chart-plot]");
  if (idx == null) return title.removeAttribute("title");
  const when = new Date(plot.data[0][idx] * 1000);
  const told = chart.lines.map(([, name], place) => {
    const value = plot.data[place + 1][idx];
    return `${name} ${value == null ? "–" : WRITTEN[chart.scale](value)}`;
  });
  title.title = `${when.toLocaleString(language, { timeZone: document.documentElement.dataset.timeZone || "UTC" })}\n${told.join("\n")}`;
  return undefined;
}

function drawAnew() {
  for (const chart of charts) {
    chart.plot?.destroy();
    chart.plot = null;
  }
  refresh();
}

section.querySelector(".ranges")?.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-range]");
  if (!button) return;
  range = button.dataset.range;
  for (const each of section.querySelectorAll("button[data-range]")) each.setAttribute("aria-pressed", String(each === button));
  refresh();
});
nodeChoice?.addEventListener("change", () => {
  node = nodeChoice.value;
  refresh();
});
let sizing = null;
addEventListener("resize", () => {
  clearTimeout(sizing);
  sizing = setTimeout(() => {
    for (const { plot, element } of charts) {
      const place = element.querySelector("[data-chart-plot]");
      plot?.setSize({ width: place.clientWidth, height: place.clientHeight });
    }
  }, 150);
});
document.addEventListener("visibilitychange", () => !document.hidden && refresh());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAnew);
new MutationObserver(drawAnew).observe(document.documentElement, { attributeFilter: ["data-theme"] });
setInterval(() => Date.now() - shownAt > STALE_MS && sayHowOld(), 10_000);
refresh();
