// The live page of a batch: a map of all its reports, tiles of those in view, a tally of states.
// HTML comes from the server alone: a changed report's tile is fetched and swapped, never built here.

import { live } from "./app.js";
import { drawMap, positionAt } from "./batch-map.js";
import { number } from "./i18n.js";

const TILES_EVERY_MS = 250;
const GRID_EVERY_MS = 1000;

const root = document.querySelector("[data-batch]");
const grid = root.querySelector("[data-grid]");
const canvas = root.querySelector("canvas");
const map = root.querySelector("[data-map]");
const filters = root.querySelector("[data-filters]");

let jobState = root.dataset.jobState;
let reports = []; // [{id, state}], in order; empty until the batch is expanded
const waitingTiles = new Set();

live.subscribe(`batch:${root.dataset.batch}`, (data) => onReport(data));
live.subscribe(`job:${root.dataset.batchJob}`, onJob);
live.on("state", (state) => {
  if (state === "connected") refreshAll();
});
filters.addEventListener("input", soon(refreshGrid, 250));
filters.addEventListener("submit", (event) => {
  event.preventDefault();
  refreshGrid();
});
canvas.addEventListener("click", (event) => {
  const report = reports[positionAt(canvas, event, reports.length)];
  if (report) location.href = `/reports/${report.id}`;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
new ResizeObserver(draw).observe(canvas.parentElement);
loadStates();

function onReport(data) {
  const report = reports[data.position - 1];
  if (!report) {
    refreshSoon();
    return;
  }
  report.state = data.state;
  draw();
  count();
  const chosen = new FormData(filters).get("state");
  if (chosen) {
    refreshGridSoon();
  } else if (grid.querySelector(`[data-report-id="${data.report_id}"]`)) {
    waitingTiles.add(data.report_id);
    refreshTilesSoon();
  }
}

function onJob(job) {
  // Cancelling settles every unfinished report at once; what else happens is told report by report.
  if (job.state !== jobState) refreshSoon();
  jobState = job.state;
}

const refreshTilesSoon = soon(refreshTiles, TILES_EVERY_MS);
const refreshGridSoon = soon(refreshGrid, GRID_EVERY_MS);
const refreshSoon = soon(refreshAll, TILES_EVERY_MS);

async function refreshAll() {
  await Promise.all([loadStates(), refreshGrid(), refreshHeader()]);
}

async function loadStates() {
  const response = await fetch(`/batches/${root.dataset.batch}/states`, { headers: { Accept: "application/json" } });
  if (!response.ok) return;
  const { ids, states } = await response.json();
  reports = ids.map((id, index) => ({ id, state: states[index] }));
  map.hidden = reports.length < 2;
  draw();
  count();
}

async function refreshTiles() {
  const ids = [...waitingTiles];
  waitingTiles.clear();
  const query = new URLSearchParams(ids.map((id) => ["id", id]));
  const fresh = await fetchFragment(`/batches/${root.dataset.batch}/tiles?${query}`);
  if (!fresh) return;
  for (const tile of fresh.querySelectorAll("[data-report-id]")) {
    const old = grid.querySelector(`[data-report-id="${tile.dataset.reportId}"]`);
    if (!old) continue;
    const focused = old.contains(document.activeElement);
    old.replaceWith(tile);
    if (focused) tile.querySelector("a")?.focus();
  }
}

async function refreshGrid() {
  const query = new URLSearchParams(new FormData(filters));
  const fresh = await fetchFragment(`/batches/${root.dataset.batch}/tiles?${query}`);
  if (fresh) grid.replaceChildren(...fresh.childNodes);
}

async function refreshHeader() {
  const fresh = await fetchFragment(`/batches/${root.dataset.batch}/header`);
  const header = root.querySelector("[data-header]");
  if (!fresh || header.contains(document.activeElement)) return;
  header.replaceChildren(...fresh.childNodes);
}

async function fetchFragment(url) {
  try {
    const response = await fetch(url);
    if (!response.ok) return null;
    const template = document.createElement("template");
    template.innerHTML = await response.text();
    return template.content;
  } catch {
    return null; // offline: the client reconnects, and then everything is fetched again
  }
}

function count() {
  const counts = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  for (const { state } of reports) counts[state] += 1;
  for (const element of root.querySelectorAll("[data-count]")) {
    const value = element.dataset.count ? counts[element.dataset.count] : reports.length;
    element.textContent = number(value);
    element.closest("[data-hide-empty]")?.toggleAttribute("hidden", value === 0);
  }
}

function draw() {
  if (!map.hidden) drawMap(canvas, reports.map((report) => report.state));
}

// Calls `work` at most once every `ms`, the last time after the last call.
function soon(work, ms) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      work();
    }, ms);
  };
}
