// The live page of a batch: a map of all its reports, tiles of those in view, a tally of states.
// HTML comes from the server alone: a changed report's tile is fetched and swapped, never built here.

import { at } from "./addresses.js";
import { live } from "./app.js";
import { drawMap, positionAt } from "./batch-map.js";
import { refreshFragment } from "./fragments.js";
import { number } from "./i18n.js";
import { parsed, swap, swapWhole } from "./swap.js";

const TILES_EVERY_MS = 250;
const GRID_EVERY_MS = 1000;
const OVER = ["succeeded", "failed", "cancelled"];

const root = document.querySelector("[data-batch]");
const header = root.querySelector("[data-header]");
const grid = root.querySelector("[data-grid]");
const map = root.querySelector("[data-map]");
const canvas = root.querySelector("canvas");
const room = root.querySelector("[data-room]");
const filters = root.querySelector("[data-filters]");
const batch = root.dataset.batch;

const refreshTilesSoon = soon(refreshTiles, TILES_EVERY_MS);
const refreshGridSoon = soon(refreshGrid, GRID_EVERY_MS);
const refreshFiltered = soon(refreshGrid, TILES_EVERY_MS);
const refreshHeaderSoon = soon(refreshHeader, TILES_EVERY_MS);
const refreshSoon = soon(refreshAll, TILES_EVERY_MS);

let reports = []; // [{id, state}], in order; empty until the batch is expanded
let jobId = "";
let jobState = "";
let page = new URLSearchParams(location.search).get("page") ?? "1";
let gridNumber = 0;
let frame = 0;
const loading = new Set(); // for each request under way: what was told since, which is newer than its answer
const waitingTiles = new Set();

live.subscribe(`batch:${batch}`, onReport);
watchJob();
// Only from here on nothing is missed: what is fetched after it and the messages after it make the whole truth.
live.on("subscription", ({ status, events }) => {
  if (status === "subscribed" && events.includes(`batch:${batch}`)) refreshAll();
});
filters.addEventListener("input", () => {
  page = "1";
  refreshFiltered();
});
filters.addEventListener("submit", (event) => {
  event.preventDefault();
  refreshGrid();
});
canvas.addEventListener("click", (event) => {
  const report = reports[positionAt(canvas, event, reports.length)];
  if (report) location.href = at(`/reports/${report.id}`);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
new ResizeObserver(draw).observe(canvas.parentElement);
loadStates();

function onReport(data) {
  if (data.access) {
    if (data.access === "ended") location.reload(); // it is shared with its reader no more
    return;
  }
  for (const arrived of loading) arrived.push(data);
  const report = reports[data.position - 1];
  if (!report) {
    refreshSoon();
    return;
  }
  report.state = data.state;
  showStates();
  // Somebody started it again elsewhere; or the first file is there to be taken away.
  if (OVER.includes(jobState) || !header.querySelector("[download]")) refreshHeaderSoon();
  if (new FormData(filters).get("state")) {
    refreshGridSoon();
  } else if (grid.querySelector(`[data-report-id="${data.report_id}"]`)) {
    waitingTiles.add(data.report_id);
    refreshTilesSoon();
  }
}

function onJob(job) {
  // Cancelling settles every unfinished report at once; what else happens is told report by report.
  if (job.job_id === jobId && job.state !== jobState) refreshSoon();
}

function watchJob() {
  const shown = header.querySelector("[data-job-id]");
  jobState = shown.dataset.state;
  if (shown.dataset.jobId === jobId) return;
  jobId = shown.dataset.jobId;
  if ("seesJob" in root.dataset) live.subscribe(`job:${jobId}`, onJob); // others hear of the batch alone
}

async function refreshAll() {
  await Promise.all([loadStates(), refreshGrid(), refreshHeader()]);
}

async function refreshHeader() {
  await refreshFragment(header);
  watchJob();
}

async function loadStates() {
  const arrived = [];
  loading.add(arrived);
  try {
    const response = await fetch(at(`/batches/${batch}/states`));
    if (!response.ok) return;
    const { ids, states } = await response.json();
    reports = ids.map((id, index) => ({ id, state: states[index] }));
    for (const { position, state } of arrived) if (reports[position - 1]) reports[position - 1].state = state;
    map.hidden = reports.length < 2;
    showStates();
  } catch {
    // offline: once the connection is back, everything is fetched again
  } finally {
    loading.delete(arrived);
  }
}

async function refreshTiles() {
  const ids = [...waitingTiles];
  waitingTiles.clear();
  const query = new URLSearchParams(ids.map((id) => ["id", id]));
  const fresh = await fetchFragment(at(`/batches/${batch}/tiles?${query}`));
  if (!fresh) return;
  for (const tile of fresh.querySelectorAll("[data-report-id]")) {
    const old = grid.querySelector(`[data-report-id="${tile.dataset.reportId}"]`);
    if (old) swapWhole(old, tile);
  }
}

async function refreshGrid() {
  const mine = ++gridNumber;
  const query = new URLSearchParams(new FormData(filters));
  query.set("page", page);
  const fresh = await fetchFragment(at(`/batches/${batch}/tiles?${query}`));
  if (fresh && mine === gridNumber) swap(grid, fresh);
}

async function fetchFragment(url) {
  try {
    const response = await fetch(url);
    if (!response.ok) return null;
    return parsed(await response.text());
  } catch {
    return null; // offline: the client reconnects, and then everything is fetched again
  }
}

// At most once a frame, however many reports changed.
function showStates() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    draw();
    count();
  });
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
  if (!map.hidden) drawMap(canvas, reports.map((report) => report.state), room);
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
