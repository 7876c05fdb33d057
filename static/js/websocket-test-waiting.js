// Waiting on /websocket-test, always with a deadline.

import { t } from "./i18n.js";

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What `promise` brings; an error that can be shown when it takes too long. */
export function within(promise, milliseconds) {
  const late = pause(milliseconds).then(() => Promise.reject(new Error(t("The answer did not come in time."))));
  late.catch(() => undefined); // nobody waits for it any more
  return Promise.race([promise, late]);
}

/** Until `isDone()`, or until it has taken too long. */
export async function until(isDone, milliseconds) {
  const end = performance.now() + milliseconds;
  while (!isDone() && performance.now() < end) await pause(20);
}
