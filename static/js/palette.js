// Ctrl K: finds whatever may be seen, and goes there. The field keeps the focus; the list is moved through beside it.

import { at } from "./addresses.js";
import { language, t } from "./i18n.js";

const PAUSE_MS = 80; // between a letter and the question
const together = new Intl.ListFormat(language);
const headings = () => ({
  page: t("Go to"),
  dataset: t("Datasets"),
  column: t("Columns"),
  template: t("Templates"),
  batch: t("Batches"),
  report: t("Reports"),
  job: t("Jobs"),
  user: t("Users"),
  doc: t("Documentation"),
});

// Returns what opens it.
export function startPalette() {
  const dialog = document.getElementById("palette");
  const palette = new Palette(dialog);
  for (const button of document.querySelectorAll("[data-open-palette]")) {
    button.addEventListener("click", () => palette.open());
  }
  return () => palette.open();
}

class Palette {
  constructor(dialog) {
    this.dialog = dialog;
    this.input = dialog.querySelector("[role=combobox]");
    this.list = dialog.querySelector("[role=listbox]");
    this.note = dialog.querySelector("[role=status]");
    this.asked = null; // what was asked last and is not answered
    this.goesAtOnce = false; // Enter was pressed before the answer came
    this.input.addEventListener("input", (event) => event.isComposing || this.ask(PAUSE_MS));
    this.input.addEventListener("compositionend", () => this.ask(PAUSE_MS));
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.list.addEventListener("pointermove", (event) => this.choose(event.target.closest("[role=option]")));
    this.list.addEventListener("click", ({ ctrlKey, metaKey }) => ctrlKey || metaKey || dialog.close());
    dialog.addEventListener("close", () => this.drop());
  }

  get chosen() {
    return this.list.querySelector("[aria-selected=true]");
  }

  open() {
    if (this.dialog.open) return;
    this.dialog.showModal();
    this.input.focus();
    this.input.select();
    this.ask(0);
  }

  drop() {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.asked = null;
    this.goesAtOnce = false;
  }

  ask(pause) {
    this.drop(); // what comes late is of other words
    const asked = (this.asked = new AbortController());
    this.timer = setTimeout(() => this.answer(asked), pause);
  }

  async answer(asked) {
    const q = this.input.value;
    try {
      const response = await fetch(at(`/api/v1/search?${new URLSearchParams({ q })}`), { signal: asked.signal });
      const found = await response.json();
      if (asked !== this.asked) return;
      this.asked = null;
      if (response.ok) this.show(q, found);
      else this.say(found.detail ?? found.title);
    } catch (error) {
      if (asked !== this.asked) return;
      this.asked = null;
      this.say(t("The search did not answer. Check the connection and type again."));
    }
    if (this.goesAtOnce) this.go();
  }

  say(text) {
    this.list.replaceChildren();
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.note.textContent = text;
  }

  show(q, { items, has_more: hasMore }) {
    if (!items.length) return this.say(t("Nothing that you may see is called so: “{q}”.", { q: q.trim() }));
    const names = headings();
    const kinds = [...new Set(items.map(({ kind }) => kind))]; // that of the best first
    let count = 0;
    const shown = kinds.map((kind) => {
      const group = made("div", { className: "finder__group" });
      group.setAttribute("role", "group");
      const heading = made("p", { className: "finder__heading muted small strong", id: `palette-${kind}`, textContent: names[kind] });
      group.setAttribute("aria-labelledby", heading.id);
      heading.setAttribute("role", "presentation");
      group.append(heading, ...items.filter((item) => item.kind === kind).map((item) => this.option(item, count++)));
      return group;
    });
    this.list.replaceChildren(...shown);
    this.list.scrollTop = 0;
    this.input.setAttribute("aria-expanded", "true");
    this.choose(this.list.querySelector("[role=option]"));
    this.note.textContent = hasMore.length
      ? t("There are more: {kinds}. Type another word.", { kinds: together.format(hasMore.map((kind) => names[kind])) })
      : "";
  }

  option(item, number) {
    const option = made("a", { className: "finder__option row gap-3 plain-link", id: `palette-${number}`, href: item.url, tabIndex: -1 });
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    const icon = this.dialog.querySelector(`[data-icon=${item.kind}]`).content.cloneNode(true);
    const name = made("span", { className: "finder__name truncate shrinks" });
    name.append(...item.parts.map((part) => made(part.is_hit ? "mark" : "span", { textContent: part.text })));
    const said = [item.said, item.owner && t("of {owner}", { owner: item.owner })].filter(Boolean).join(" · ");
    option.append(icon, name, made("span", { className: "finder__said truncate muted small push ends", textContent: said }));
    return option;
  }

  choose(option) {
    if (!option || option === this.chosen) return;
    this.chosen?.setAttribute("aria-selected", "false");
    option.setAttribute("aria-selected", "true");
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  press(event) {
    if (event.isComposing || event.keyCode === 229) return; // of whoever chooses a character
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (event.key === "Escape") {
      event.preventDefault();
      this.dialog.close();
    } else if (step) {
      event.preventDefault();
      this.move(step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.goesAtOnce = this.asked !== null;
      if (!this.goesAtOnce) this.go();
    }
  }

  move(step) {
    const options = [...this.list.querySelectorAll("[role=option]")];
    if (!options.length) return;
    const here = options.indexOf(this.chosen);
    const last = options.length - 1;
    const there = Math.abs(step) > 1
      ? Math.min(last, Math.max(0, here + step))
      : (here + step + options.length) % options.length;
    this.choose(options[there]);
    const heading = there === 0 ? options[0].previousElementSibling : options[there];
    heading.scrollIntoView({ block: "nearest" });
  }

  go() {
    this.goesAtOnce = false;
    this.chosen?.click();
  }
}

const made = (tag, properties) => Object.assign(document.createElement(tag), properties);
