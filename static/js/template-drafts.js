// Texts of templates that were not saved yet, kept in this browser for whoever wrote them, until they are saved.

import { at, own } from "./addresses.js";

const PREFIX = `${own("jindu-draft")}:`;
const KEPT_MS = 30 * 24 * 3600 * 1000;

const user = document.body.dataset.user ?? "";

export class Draft {
  constructor(name) {
    this.key = `${PREFIX}${user}:${name}`;
  }

  // {text, etag, at}, where `etag` is the version it was written from; null when there is none.
  read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key));
      return typeof kept?.text === "string" ? kept : null;
    } catch {
      return null;
    }
  }

  write(text, etag) {
    try {
      localStorage.setItem(this.key, JSON.stringify({ text, etag, at: Date.now() }));
    } catch {
      // the browser keeps nothing, or has no room: the question before leaving remains
    }
  }

  drop() {
    localStorage.removeItem(this.key);
  }
}

export function dropOldDrafts() {
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(PREFIX)) continue;
    let at = 0;
    try {
      at = JSON.parse(localStorage.getItem(key)).at;
    } catch {
      // unreadable: goes
    }
    if (!(Date.now() - at < KEPT_MS)) localStorage.removeItem(key);
  }
}

// Whoever signs out leaves nothing behind for the next one at this browser.
export function dropDraftsOnSignOut() {
  document.querySelector(`form[action="${at("/logout")}"]`)?.addEventListener("submit", () => {
    for (const key of Object.keys(localStorage)) if (key.startsWith(`${PREFIX}${user}:`)) localStorage.removeItem(key);
  });
}
