// The drop zone: files go to the server piece by piece and go on where they were, whatever happens in between.

import { UploadRow } from "./upload-row.js";
import { isBeingSent, unfinishedUploads } from "./upload-memory.js";
import { percent, t } from "./i18n.js";
import { toast } from "./toasts.js";

class DropZone {
  constructor(element) {
    this.element = element;
    this.list = element.querySelector("[data-uploads]");
    this.rows = new Set();
    this.chosen = 0;
  }

  start() {
    const input = this.element.querySelector("[data-dropzone-input]");
    input.addEventListener("change", () => {
      this.add([...input.files]);
      input.value = ""; // the same file can be chosen again
    });
    this.list.addEventListener("upload:known", showOnce);
    document.addEventListener("fragment:swapped", showOnce);
    this.takeDrops();
    this.warnBeforeLeaving();
    this.showUnfinished();
  }

  add(files) {
    this.chosen += files.length;
    for (const file of files) {
      const row = new UploadRow({
        file,
        endpoint: this.element.dataset.endpoint,
        template: this.element.querySelector("[data-upload-row]"),
        whenDone: (id) => this.finished(id),
        whenGone: () => this.remove(row),
      });
      this.rows.add(row);
      this.show(row.element);
      this.forgetHint(file);
      row.start();
    }
  }

  show(element) {
    this.list.append(element);
    this.list.hidden = false;
  }

  remove(row) {
    this.rows.delete(row);
    row.element.remove();
    this.list.hidden = !this.list.children.length;
    showOnce();
  }

  // One file goes straight on to its import; of several, each row offers it.
  finished(id) {
    if (this.chosen === 1) window.location.assign(`/imports/new?upload=${encodeURIComponent(id)}`);
  }

  takeDrops() {
    let depth = 0; // dragenter and dragleave come for every element on the way
    const mark = () => document.body.classList.toggle("is-dragging", depth > 0);
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    document.addEventListener("dragenter", (event) => {
      if (hasFiles(event)) depth += 1;
      mark();
    });
    document.addEventListener("dragleave", (event) => {
      if (hasFiles(event)) depth -= 1;
      mark();
    });
    document.addEventListener("dragover", (event) => {
      if (hasFiles(event)) event.preventDefault();
    });
    document.addEventListener("drop", (event) => {
      depth = 0;
      mark();
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.add(droppedFiles(event.dataTransfer));
    });
  }

  warnBeforeLeaving() {
    window.addEventListener("beforeunload", (event) => {
      if ([...this.rows].some((row) => row.isSending)) event.preventDefault();
    });
  }

  // What this browser began and did not finish: a page cannot reopen a file by itself, so it asks for it.
  async showUnfinished() {
    for (const upload of await unfinishedUploads(this.element.dataset.endpoint)) {
      if (isBeingSent(upload.id)) continue; // in another tab
      const row = this.element.querySelector("[data-unfinished-row]").content.cloneNode(true).firstElementChild;
      row.dataset.uploadJob = upload.job_id;
      row.dataset.name = upload.name;
      row.dataset.size = upload.size;
      row.querySelector(".upload__name").textContent = upload.name;
      row.querySelector(".upload__hint").textContent = t(
        "{percent} of it is here already. Choose the same file again, and it goes on from there.",
        { percent: percent(upload.size ? (100 * upload.offset) / upload.size : 0) },
      );
      row.querySelector("[data-action=remove]").addEventListener("click", async () => {
        const answer = await fetch(upload.links.self, { method: "DELETE" }).catch(() => null);
        if (answer?.ok || answer?.status === 404) this.remove({ element: row });
        else toast(t("The upload could not be removed; try again."), { level: "danger" });
      });
      this.show(row);
    }
    showOnce();
  }

  forgetHint(file) {
    for (const hint of this.list.querySelectorAll(".upload--unfinished")) {
      if (hint.dataset.name === file.name && Number(hint.dataset.size) === file.size) hint.remove();
    }
  }
}

// An upload that has a row here needs none among the jobs of the page.
function showOnce() {
  const here = new Set([...document.querySelectorAll("[data-upload-job]")].map((row) => `job-${row.dataset.uploadJob}`));
  for (const row of document.querySelectorAll(".home-live .job-row")) row.hidden = here.has(row.id);
}

function droppedFiles(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  if (items.some((item) => item.webkitGetAsEntry?.()?.isDirectory)) {
    toast(t("Folders cannot be uploaded; drop the files in them."), { level: "warning" });
  }
  return items
    .filter((item) => !item.webkitGetAsEntry?.()?.isDirectory)
    .map((item) => item.getAsFile())
    .filter(Boolean);
}

for (const element of document.querySelectorAll("[data-dropzone]")) new DropZone(element).start();
