// An import's page while it runs: the count of rows left out. All else is jobs-live.js's.

import { live } from "./app.js";
import { number } from "./i18n.js";

const page = document.querySelector("[data-page-job]");

live?.on("data_import_progress", (job) => {
  if (job.job_id !== page?.dataset.pageJob) return;
  const line = page.querySelector("[data-rejected-line]");
  const count = job.detail?.rejected ?? 0;
  line.querySelector("[data-rejected]").textContent = number(count);
  line.classList.toggle("has-rejects", count > 0);
});
