// What every page starts. `live` is the page's one connection to the server; null when nobody is signed in.

import { startSubmittingChoices } from "./auto-submit.js";
import { startFittingChoices } from "./choices.js";
import { isLost, startConnectionState } from "./connection-state.js";
import { startConfirming } from "./dialog.js";
import { Fragments } from "./fragments.js";
import { startGoingBack } from "./going-back.js";
import { startKeeping } from "./installed.js";
import { JobTable } from "./job-table.js";
import { startJobsLive } from "./jobs-live.js";
import { LiveClient } from "./live-client.js";
import { startDoubting } from "./live-doubt.js";
import { startLooking } from "./looking.js";
import { startMenus } from "./menus.js";
import { startNotifications } from "./notifications.js";
import { startPalette } from "./palette.js";
import { startRelativeTimes } from "./relative-times.js";
import { startRevealing } from "./reveal-password.js";
import { startRunningStrip } from "./running.js";
import { startSayingWhy } from "./signed-out.js";
import { startShortcuts } from "./shortcuts.js";
import { setClockOffset } from "./server-clock.js";
import { startStars } from "./stars.js";
import { showCurrentTabs } from "./tabs.js";
import { dropDraftsOnSignOut } from "./template-drafts.js";
import { tellTimeZone } from "./time-zone.js";

export const jobs = new JobTable(); // mine
const watched = new JobTable(); // those of others that an administrator looks at
export const live = document.body.classList.contains("body--app") ? new LiveClient(ofThisBrowser()) : null;

tellTimeZone();
startMenus();
showCurrentTabs();
startConfirming();
startGoingBack();
startStars();
startSubmittingChoices();
startFittingChoices();
startRevealing();
dropDraftsOnSignOut();
startRelativeTimes();
startKeeping(live, jobs);
if (live) {
  startShortcuts(startPalette());
  startLive();
}

// All pages of a browser have one connection, as long as they are of the same user and version.
function ofThisBrowser() {
  const { user, scripts } = document.body.dataset;
  return { user, share: `${user} ${scripts}` };
}

function startLive() {
  startJobsLive([jobs, watched]);
  const updateStrip = startRunningStrip(jobs, watched);
  const fragments = new Fragments(live, jobs, watched);
  const loadNotifications = startNotifications(live);
  startSayingWhy(live);
  if ("pushes" in document.body.dataset) startLooking(live);

  for (const type of ["job", "file_upload_progress", "data_import_progress", "batch_report_progress"]) {
    live.on(type, (job) => jobs.apply(job));
  }
  live.on("jobs", (message) => {
    jobs.replace(message.jobs);
    updateStrip();
  });

  live.on("removed", ({ thing, id }) => {
    if (thing === "job") jobs.forget(id);
    fragments.removed(thing, id);
  });

  live.on("subscription", ({ status, events }) => {
    if (status === "subscribed") fragments.hears(events);
  });

  live.on("clock", setClockOffset);
  startConnectionState(live);
  startDoubting(live, () => [jobs, watched].some((table) => table.running().some((job) => job.state === "running")));
  document.addEventListener("live:changed", () => {
    if (isLost()) return;
    // what happened meanwhile may be more than the kept messages tell
    fragments.refreshAll();
    loadNotifications();
  });
  document.addEventListener("list:changed", () => fragments.watch());
  live.connect();
}
