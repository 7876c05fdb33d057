// What this browser remembers of its uploads: which it began (kept by tus-js-client), and which a tab is sending now.

import { own } from "./addresses.js";

const MARK = `${own("jindu-sending")}:`;
const FRESH_MS = 6000;
const MARK_EVERY_MS = 2000;

// Uploads begun in this browser that lack bytes, newest first. Without an answer from the server there are none to show.
export async function unfinishedUploads(endpoint) {
  const known = new Set(await begunHere());
  if (!known.size) return [];
  const answer = await fetch(`${endpoint}?limit=100`).catch(() => null);
  if (!answer?.ok) return [];
  const { items } = await answer.json();
  return items.filter((upload) => upload.offset !== upload.size && known.has(upload.id));
}

async function begunHere() {
  const previous = await tus.defaultOptions.urlStorage.findAllUploads();
  return previous.map(idOf).filter(Boolean);
}

export async function forgetUpload(id) {
  const storage = tus.defaultOptions.urlStorage;
  for (const upload of await storage.findAllUploads()) {
    if (idOf(upload) === id) await storage.removeUpload(upload.urlStorageKey);
  }
}

const idOf = (upload) => upload.uploadUrl?.split("/").pop();

// Other tabs see a fresh mark and leave the upload alone.
export class SendingMark {
  constructor(id) {
    this.key = MARK + id;
    this.clear = () => localStorage.removeItem(this.key);
  }

  start() {
    const mark = () => localStorage.setItem(this.key, String(Date.now()));
    mark();
    this.timer = setInterval(mark, MARK_EVERY_MS);
    window.addEventListener("pagehide", this.clear);
  }

  stop() {
    clearInterval(this.timer);
    window.removeEventListener("pagehide", this.clear);
    this.clear();
  }
}

export const isBeingSent = (id) => Date.now() - Number(localStorage.getItem(MARK + id) ?? 0) < FRESH_MS;
