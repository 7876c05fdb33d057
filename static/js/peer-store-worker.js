// Writes one file that comes from another browser into this one's own file system, and hashes it on the way: both would
// hold a page up. What was written before is kept, so that a transfer goes on where it was.

import { Sha256 } from "./peer-sha256.js";

const READ_BYTES = 1024 * 1024;
const OLD_MS = 3600 * 1000;
const LOCKED_TRIES = 50; // the page before this one may hold the file for another moment

let folder;
let name;
let access;
let hash;
let written = 0;
let turn = Promise.resolve();

const acts = {
  async open(wanted) {
    folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("transfers", { create: true });
    name = wanted;
    await removeOld();
    access = await accessTo(await folder.getFileHandle(name, { create: true }));
    await hashKept();
    return written;
  },
  write(bytes) {
    const chunk = new Uint8Array(bytes);
    if (access.write(chunk, { at: written }) !== chunk.length) throw new DOMException("full", "QuotaExceededError");
    hash.update(chunk);
    written += chunk.length;
    return written;
  },
  finish() {
    access.flush();
    access.close();
    access = null;
    return hash.hex();
  },
  async discard() {
    access?.close();
    access = null;
    await folder?.removeEntry(name).catch(() => undefined);
  },
};

self.onmessage = ({ data: { id, act, content } }) => {
  turn = turn.then(async () => {
    try {
      self.postMessage({ id, answer: await acts[act](content) });
    } catch (error) {
      self.postMessage({ id, problem: error.name });
    }
  });
};

async function accessTo(handle) {
  for (let left = LOCKED_TRIES; ; left -= 1) {
    try {
      return await handle.createSyncAccessHandle();
    } catch (error) {
      if (!left) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function hashKept() {
  hash = new Sha256();
  const kept = access.getSize();
  const buffer = new Uint8Array(READ_BYTES);
  for (written = 0; written < kept; ) {
    const read = access.read(buffer, { at: written });
    hash.update(buffer.subarray(0, read));
    written += read;
  }
}

// Of pages that were closed in the middle, or before anybody saved what had come.
async function removeOld() {
  for await (const [each, handle] of folder.entries()) {
    const { lastModified } = await handle.getFile();
    if (each !== name && Date.now() - lastModified > OLD_MS) await folder.removeEntry(each).catch(() => undefined);
  }
}
