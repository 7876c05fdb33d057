// The page of one job: while it runs, its log is brought up to date every few seconds, and when it ends.

import { refreshFragment } from "./fragments.js";

const EVERY_MS = 3000;
const fragment = document.querySelector("[data-page-job]");

const isRunning = () => fragment.querySelector(".progress")?.dataset.state === "running";

setInterval(() => {
  const asking = document.querySelector("dialog[open]"); // the form being asked about must stay
  if (isRunning() && !document.hidden && !asking) refreshFragment(fragment);
}, EVERY_MS);
