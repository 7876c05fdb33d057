// The buttons that start a job of each kind, with what this page makes up: a file, a dataset of it, reports of that.

import { at } from "./addresses.js";
import { t } from "./i18n.js";
import { onSubmit, post, request } from "./websocket-test-http.js";

const NAME = "websocket_test";
const FILE = "websocket-test.csv";
const REGIONS = ["North", "East", "South", "West", "北京", "上海", "广州", "深圳", "Centre", "Coast", "Islands", "Overseas"];
const ROWS = 100_000;
const PIECE_BYTES = 256 * 1024; // so that its bar has something to show
const WAIT_MS = 250;
const TEMPLATE = `\
name: WebSocket test
title: "{{ region }}"
formats: [html, xlsx]
parameters:
  region: {type: text, each: "select distinct region from ${NAME} order by 1"}
queries:
  days: select day, sum(amount) as amount from ${NAME} where region = $region group by 1 order by 1
blocks:
  - chart: {query: days, kind: line, x: day, y: amount}
  - table: {query: days}
`;
const TUS = { "Tus-Resumable": "1.0.0" };

/** `bars` draw what was started at once, before the server tells of it. */
export function startJobs(bars) {
  const buttons = document.getElementById("ws-starts");
  if (!buttons) return; // of somebody who may not start anything
  const form = document.getElementById("ws-demonstration");
  const starts = {
    upload: upload,
    import: async () => importing(bars, await finished(await upload())),
    reports: () => reports(bars),
    demonstration: () => form.requestSubmit(),
  };
  buttons.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-start]");
    if (!button) return;
    const line = document.getElementById("ws-start-error");
    button.disabled = true;
    line.hidden = true;
    try {
      await starts[button.dataset.start]();
    } catch (error) {
      line.textContent = error.message;
      line.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
  onSubmit(form, async ({ seconds, total, fail_at: failAt }) => {
    const body = { seconds: Number(seconds.value), total: Number(total.value) };
    if (failAt.value) body.fail_at = Number(failAt.value);
    const started = await post(at("/api/v1/jobs/demonstration"), body);
    bars.draw({ job_id: started.job_id, title: t("Demonstration") });
  });
}

/** The id of the upload, once all bytes are there. */
async function upload() {
  const file = new Blob([rows()]);
  const name = btoa(FILE);
  const announced = await taken(at("/api/v1/uploads"), {
    method: "POST",
    headers: { ...TUS, "Upload-Length": file.size, "Upload-Metadata": `filename ${name},filetype ${btoa("text/csv")}` },
  });
  const place = announced.headers.get("Location");
  for (let offset = 0; offset < file.size; offset += PIECE_BYTES) {
    await taken(place, {
      method: "PATCH",
      headers: { ...TUS, "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" },
      body: file.slice(offset, offset + PIECE_BYTES),
    });
  }
  return place.slice(place.lastIndexOf("/") + 1);
}

/** What was sent, if the server takes it; throws an `Error` with the sentence that it gave. */
async function taken(url, sent) {
  const response = await fetch(url, sent);
  if (!response.ok) throw new Error((await response.json()).detail);
  return response;
}

/** It is whole when its job has looked at all of it. */
async function finished(uploadId) {
  while (!(await request("GET", at(`/api/v1/uploads/${uploadId}`))).completed_at) {
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  return uploadId;
}

async function importing(bars, uploadId) {
  const mode = (await isThere()) ? "replace" : "create";
  const { job_id: jobId } = await post(at("/api/v1/imports"), { upload_id: uploadId, dataset: NAME, mode });
  bars.draw({ job_id: jobId, title: `${FILE} → ${NAME}` });
}

async function reports(bars) {
  if (!(await isThere())) throw new Error(t("There is no dataset “websocket_test” yet; press Import first."));
  await request("PUT", at(`/api/v1/templates/${NAME}`), TEMPLATE, "application/yaml");
  const { job_id: jobId } = await post(at("/api/v1/batches"), { template: NAME });
  bars.draw({ job_id: jobId, title: "WebSocket test" });
}

// Its own address would answer 404, which browsers call an error.
async function isThere() {
  const { items } = await request("GET", at(`/api/v1/datasets?q=${NAME}&limit=100`));
  return items.some(({ name }) => name === NAME);
}

function rows() {
  const lines = ["day,region,amount"];
  for (let row = 0; row < ROWS; row += 1) {
    const day = new Date(Date.UTC(2026, 0, 1 + (row % 300))).toISOString().slice(0, 10);
    lines.push(`${day},${REGIONS[row % REGIONS.length]},${((row * 7919) % 100_000) / 100}`);
  }
  return lines.join("\n");
}
