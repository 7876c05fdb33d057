// The drop zone: files go to the server piece by piece and go on where they were, whatever happens in between.

import { at } from "./addresses.js";
import { chosenFiles, droppedFiles } from "./dropped-files.js";
import { UploadRow } from "./upload-row.js";
import { isBeingSent, unfinishedUploads } from "./upload-memory.js";
import { number, percent, t } from "./i18n.js";
import { toast } from "./toasts.js";

const AT_ONCE = 3; // more would only share the same line, and each be later

class DropZone {
  constructor(element) {
    this.element = element;
    this.list = element.querySelector("[data-uploads]");
    this.rows = new Set();
    this.chosen = 0;
    this.waiting = []; // rows whose turn to be sent has not come
  }

  start() {
    for (const input of this.element.querySelectorAll("[data-dropzone-input]")) {
      input.addEventListener("change", () => {
        this.add(chosenFiles([...input.files]));
        input.value = ""; // the same file can be chosen again
      });
    }
    this.list.addEventListener("upload:known", showOnce);
    document.addEventListener("fragment:swapped", showOnce);
    this.takeDrops();
    this.warnBeforeLeaving();
    this.showUnfinished();
  }

  add({ files, tooMany }) {
    if (tooMany) {
      toast(t("{count} more files were left out; drop them once these are here.", { count: number(tooMany) }), { level: "warning" });
    } else if (!files.length) toast(t("There is no file in it."), { level: "warning" });
    this.chosen += files.length;
    for (const file of files) {
      const row = new UploadRow({
        file,
        endpoint: this.element.dataset.endpoint,
        template: this.element.querySelector("[data-upload-row]"),
        whenDone: (id) => this.finished(id),
        whenGone: () => this.remove(row),
        whenStill: () => this.sendNext(),
      });
      this.rows.add(row);
      this.show(row.element);
      this.forgetHint(file);
      this.waiting.push(row);
    }
    this.sendNext();
  }

  // Those that are paused, have failed or wait for the line to come back take nobody's turn.
  sendNext() {
    while (this.waiting.length && [...this.rows].filter((row) => row.isBusy).length < AT_ONCE) this.waiting.shift().start();
  }

  show(element) {
    this.list.append(element);
    this.list.hidden = false;
  }

  remove(row) {
    this.rows.delete(row);
    this.waiting = this.waiting.filter((other) => other !== row);
    row.element.remove();
    this.list.hidden = !this.list.children.length;
    showOnce();
  }

  // One file goes straight on to its import; of several, each row offers it.
  finished(id) {
    if (this.chosen === 1) window.location.assign(at(`/imports/new?upload=${encodeURIComponent(id)}`));
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
    document.addEventListener("drop", async (event) => {
      depth = 0;
      mark();
      if (!hasFiles(event)) return;
      event.preventDefault();
      try {
        this.add(await droppedFiles(event.dataTransfer));
      } catch {
        toast(t("The folder could not be read; choose the files in it."), { level: "danger" });
      }
    });
  }

  warnBeforeLeaving() {
    window.addEventListener("beforeunload", (event) => {
      if ([...this.rows].some((row) => row.isSending || row.isQueued)) event.preventDefault();
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

for (const element of document.querySelectorAll("[data-dropzone]")) new DropZone(element).start();
