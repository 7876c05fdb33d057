// What a template makes, beside its source. Each preview loads into a fresh frame, which replaces the old one once it
// is there and known to be right: no flash, no entry in the history. Until then the old one is dimmed. The new one begins as
// far down as the old one was: its name tells it.

import { t } from "./i18n.js";

export class TemplatePreview {
  #form;
  #frames;
  #count = 0;
  #edits = 0;
  #scrolled = 0;

  // `form` posts the source, `frames` is where previews are shown.
  constructor(form, frames) {
    this.#form = form;
    this.#frames = frames;
    addEventListener("message", ({ source, data }) => {
      const isOurs = [...frames.children].some((frame) => frame.contentWindow === source);
      if (isOurs && Number.isInteger(data?.scrolled)) this.#scrolled = data.scrolled;
    });
  }

  stale() {
    this.#edits += 1;
    this.#frames.classList.add("is-stale");
  }

  // Show what `text` makes, unless `allowed` (a promise) says no; a newer call lets an older one drop.
  async show(text, allowed = true) {
    const frame = this.#added();
    const edits = this.#edits;
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
    this.#form.elements.source.value = text;
    this.#form.target = frame.name;
    this.#form.submit();
    const mayShow = await allowed;
    if (!mayShow) frame.remove();
    else await loaded;
    if (frame.isConnected) {
      frame.previousElementSibling?.remove();
      frame.classList.remove("is-coming");
      if (edits === this.#edits) this.#frames.classList.remove("is-stale");
    }
    if (!this.#frames.querySelector(".is-coming")) this.#frames.removeAttribute("aria-busy");
  }

  #added() {
    const frame = document.createElement("iframe");
    frame.name = `preview-${++this.#count} ${this.#scrolled}`;
    frame.title = t("Preview");
    frame.setAttribute("sandbox", "allow-scripts allow-modals");
    frame.className = "preview__frame whole box box--l is-coming";
    this.#frames.querySelector(".is-coming")?.remove();
    this.#frames.append(frame);
    this.#frames.setAttribute("aria-busy", "true");
    return frame;
  }
}
