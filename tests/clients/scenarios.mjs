// What programs in Node do with tus-js-client; each line of the output says what came of one scenario.

import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import * as tus from "tus-js-client";

const endpoint = `${process.env.JINDU_URL}/api/v1/uploads`;
const headers = { Authorization: `Bearer ${process.env.JINDU_TOKEN}` };
const content = randomBytes(5_000_123);
const metadata = { filename: "订单.csv", filetype: "text/csv" };

function upload(source, options, act = () => {}) {
  return new Promise((resolve, reject) => {
    const progress = [];
    const sending = new tus.Upload(source, {
      endpoint,
      headers,
      metadata,
      retryDelays: [100, 300, 1000],
      onProgress: (sent, total) => {
        progress.push(sent);
        act(sending, sent, total);
      },
      onError: reject,
      onSuccess: () => resolve({ url: sending.url, progress: progress.at(-1) }),
      ...options,
    });
    sending.start();
  });
}

// Stops once, in the middle, and goes on where the server is.
function interrupted(options) {
  let isResumed = false;
  return upload(content, { chunkSize: 1_000_000, ...options }, async (sending, sent) => {
    if (isResumed || sent < 2_000_000) return;
    isResumed = true;
    await sending.abort();
    sending.start();
  });
}

const stream = () => Readable.from(pieces(), { objectMode: false });

function* pieces() {
  for (let start = 0; start < content.length; start += 65_536) yield content.subarray(start, start + 65_536);
}

const SCENARIOS = {
  chunked: () => upload(content, { chunkSize: 700_000 }),
  "in one request": () => upload(content, {}),
  "creation with upload": () => upload(content, { uploadDataDuringCreation: true, chunkSize: 900_000 }),
  "stream of known size": () => upload(stream(), { chunkSize: 500_000, uploadSize: content.length }),
  "stream of unknown size": () => upload(stream(), { chunkSize: 500_000, uploadLengthDeferred: true }),
  "unknown size in one chunk": () => upload(stream(), { chunkSize: 50_000_000, uploadLengthDeferred: true }),
  "PATCH by override": () => upload(content, { overridePatchMethod: true, chunkSize: 2_000_000 }),
  "abort and resume": () => interrupted({}),
  "three parallel parts": () => upload(content, { parallelUploads: 3 }),
  "three parallel parts in chunks": () => upload(content, { parallelUploads: 3, chunkSize: 300_000 }),
  "parallel parts, abort and resume": () => interrupted({ parallelUploads: 2, chunkSize: 400_000 }),
  "unequal parts": () =>
    upload(content, {
      parallelUploads: 2,
      parallelUploadBoundaries: [{ start: 0, end: 1_000 }, { start: 1_000, end: content.length }],
    }),
  "no name": () => upload(content, { metadata: {} }),
  "0 bytes": () => upload(Buffer.alloc(0), {}),
};

async function terminated(options) {
  const seen = await new Promise((resolve, reject) => {
    const urls = [];
    const sending = new tus.Upload(content, {
      endpoint,
      headers,
      chunkSize: 500_000,
      onUploadUrlAvailable: () => urls.push(sending.url),
      onError: reject,
      onProgress: async (sent) => {
        if (sent < 1_000_000 || urls.isOver) return;
        urls.isOver = true;
        await sending.abort(true);
        resolve(urls);
      },
      ...options,
    });
    sending.start();
  });
  const answers = await Promise.all(seen.filter(Boolean).map((url) => fetch(url, { method: "HEAD", headers })));
  return { statuses: answers.map((answer) => answer.status) };
}

async function refused() {
  const wrong = { headers: { Authorization: "Bearer of-nobody" }, retryDelays: null };
  return upload(content, wrong).then(
    () => ({ status: 201 }),
    (error) => ({ status: error.originalResponse?.getStatus() }),
  );
}

const say = (scenario, outcome) => console.log(JSON.stringify({ scenario, ...outcome }));
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

for (const [scenario, run] of Object.entries(SCENARIOS)) {
  const outcome = await run().catch((error) => ({ error: String(error) }));
  say(scenario, { ...outcome, sha256: hash(scenario === "0 bytes" ? Buffer.alloc(0) : content) });
}
say("terminated", await terminated({}));
say("nobody", await refused());
