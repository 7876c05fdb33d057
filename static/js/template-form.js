// The form view of the template editor. It edits the very text that the text view shows: each change is a small patch
// of it, and what the form has no field for stays as it is.

import { beginning, firstItem, freeName, rowsOf, split } from "./template-beginnings.js";
import { appendChange, booleanChange, fieldChange, memberChange, valued } from "./template-form-edits.js";
import { isOther } from "./template-form-fields.js";
import { idOf } from "./template-form-marks.js";
import { entriesOf, formOf, nestedBlocks } from "./template-form-parts.js";
import { t } from "./i18n.js";
import { regrouped } from "./template-form-groups.js";
import { columnsOf, firstGroups, groupedSql, groupsOf } from "./template-groups.js";
import { fittingSteps, readersOf } from "./template-fitting.js";
import { applied, CannotPatch, copyItem, insertItem, moveItem, removeItem, removeKey, setValue } from "./template-patch.js";
import { isMap, isScalar, isSeq, keyOf, pairOf, treeOf } from "./template-tree.js";
import { swap } from "./swap.js";

const TYPED = "input:not([type=checkbox]), textarea";
const LATE_MS = 150; // after a letter; its field shows it at once
const OWN_OPENINGS = ["part", "item", "more", "other"];

export class TemplateForm {
  #root;
  #body;
  #note;
  #source;
  #showText;
  #icons;
  #open = new Set();
  #problems = [];
  #isTyped = false;
  #late = 0;
  #saidOf = ""; // the text of which the note below speaks
  palette = "";

  /** `source` is the text view, `showText` goes to a line and column of it. */
  constructor(root, { source, schema, showText }) {
    this.#root = root;
    this.#body = root.querySelector("[data-form-body]");
    this.#note = root.querySelector("[data-form-note]");
    this.#source = source;
    this.schema = schema;
    this.#showText = showText;
    const icons = root.querySelector("[data-form-icons]").content.children;
    this.#icons = new Map([...icons].map((icon) => [/icon--(\S+)/.exec(icon.className)[1], icon.outerHTML]));
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("change", (event) => this.#chosen(event));
    root.addEventListener("input", (event) => !event.isComposing && this.#typed(event.target));
    root.addEventListener("compositionend", (event) => this.#typed(event.target));
    root.addEventListener("keydown", (event) => this.#pressed(event));
    document.addEventListener("keydown", (event) => this.#pressedAnywhere(event)); // what had the focus may be gone
  }

  get isShown() {
    return !this.#root.hidden;
  }

  show() {
    this.#root.hidden = false;
    this.render();
  }

  hide() {
    this.#root.hidden = true;
  }

  render() {
    if (this.#saidOf !== this.#source.value) this.#say(""); // to undo would take something else back
    if (!this.isShown || !this.schema.isKnown) return;
    clearTimeout(this.#late);
    if (this.#isTyped) {
      this.#late = setTimeout(() => this.render(), LATE_MS);
      return;
    }
    this.tree = treeOf(this.#source.value);
    swap(this.#body, this.tree.problem ? this.#broken() : formOf(this), { untouched: "input, textarea" });
  }

  /** Issues with lines and columns, as they were found last. */
  mark(issues) {
    this.#problems = issues;
    this.render();
  }

  /** Opens the part in which a line stands. */
  reveal(line, column) {
    if (!this.tree || this.tree.problem) return this.#showText(line, column);
    const path = this.tree.pathAt(this.tree.positionOf(line, column));
    path.forEach((step, index) => {
      if (typeof step === "number") for (const prefix of ["part", "item"]) this.#open.add(idOf(prefix, path.slice(0, index + 1)));
    });
    const section = { queries: "part-data", parameters: "part-parameters" }[path[0]] ?? (path.includes("blocks") ? "" : "part-report");
    if (section) this.#open.add(section);
    this.render();
    const deepest = path.findLastIndex((step) => typeof step === "number");
    const found = section || (deepest < 0 ? "form-content" : idOf("part", path.slice(0, deepest + 1)));
    const part = document.getElementById(found) ?? document.getElementById(idOf("item", path.slice(0, deepest + 1)));
    part?.scrollIntoView({ block: "nearest" });
    part?.querySelector("button")?.focus({ preventScroll: true });
    return undefined;
  }

  // what the HTML is made of

  node(path) {
    return this.tree.node(path);
  }

  get queryNames() {
    return this.#namesOf("queries");
  }

  sqlOf(query) {
    const node = this.node(["queries", query]);
    return isScalar(node) ? String(node.value ?? "") : "";
  }

  get parameterNames() {
    return this.#namesOf("parameters");
  }

  #namesOf(key) {
    const map = pairOf(this.tree.root, key)?.value;
    return isMap(map) ? map.items.map(keyOf) : [];
  }

  isOpen(id) {
    return this.#open.has(id);
  }

  icon(name) {
    return this.#icons.get(name) ?? "";
  }

  kindOf(node) {
    const names = isMap(node) ? node.items.map(keyOf) : [];
    if (isScalar(node)) return this.schema.blocks.find(({ name, is_bare: isBare }) => isBare && name === node.value);
    return this.schema.blocks.find(({ name }) => names.find((key) => this.schema.blocks.some((block) => block.name === key)) === name);
  }

  list(path, fact, node, around) {
    return entriesOf(this, path, fact, node, around);
  }

  nested(path, fact, node) {
    return nestedBlocks(this, path, fact, node);
  }

  problemsIn(list, index) {
    const segments = this.tree.segments(this.tree.node(list));
    const { start, end } = segments[index];
    const within = this.#problems.filter(({ line, column }) => {
      const position = this.tree.positionOf(line, column);
      return position >= start && position <= end;
    });
    return within.map(({ message }) => message);
  }

  #broken() {
    const [line, column] = this.tree.lineOf(this.tree.problem.position);
    return `<div class="form-broken box rows gap-3"><p class="in-danger row strong">${this.icon("circle-alert")}${t("The text cannot be read as it is")}</p>
      <p>${t("It is wrong at line {line}. Nothing is lost: correct it there, and the form is back.", { line })}</p>
      <button type="button" class="button" data-act="show" data-line="${line}" data-column="${column}">${t("Show it in the text")}</button></div>`;
  }

  // what people do

  #clicked(event) {
    const button = event.target.closest("[data-act]");
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    const { act, id, line, column, kind, shape, query } = button.dataset;
    const path = button.dataset.path ? JSON.parse(button.dataset.path) : [];
    const index = Number(button.dataset.index);
    if (act === "toggle") this.#toggle(id);
    else if (act === "show") this.#showText(Number(line), Number(column));
    else if (act === "undo") this.#undo();
    else if (act === "palette") this.#openPalette(id, button);
    else if (act === "add") this.#add(path, index, kind);
    else if (act === "up") this.#move(path, index, index - 1, "up");
    else if (act === "down") this.#move(path, index, index + 1, "down");
    else if (act === "copy") this.#copy(path, index);
    else if (act === "delete") this.#delete(path, index, button);
    else if (act === "drop") this.#drop(path, "whole" in button.dataset);
    else if (act === "item") this.#addItem(path, shape, query);
    else if (act === "ungroup") {
      const row = button.closest("[role=group]");
      this.#regroup(JSON.parse(button.dataset.group), "");
      row.querySelector(".chosen__add")?.focus({ preventScroll: true });
    }
    else if (act === "column") this.#edit((tree) => insertItem(tree, path, sizeOf(tree.node(path)), []));
    else if (act === "all-columns") this.#edit((tree) => setValue(tree, path, this.schema.queries[query]));
  }

  #toggle(id) {
    if (!this.#open.delete(id)) this.#open.add(id);
    this.render();
  }

  #openPalette(id, button) {
    const before = this.palette;
    this.palette = id;
    this.render();
    const place = document.getElementById(id || before);
    if (place) (place.querySelector(".palette__kind") ?? place.querySelector("button") ?? button).focus();
    place?.scrollIntoView({ block: "nearest" });
  }

  #add(list, index, kind) {
    this.palette = "";
    const value = beginning(kind, this);
    const steps = [];
    if (value.query) steps.push((tree) => setValue(tree, ["queries", value.query.name], value.query.sql, { before: "blocks" }));
    steps.push((tree) => insertItem(tree, list, index, value.block));
    if (!this.#edit(...steps)) return;
    this.#renumber(list, (each) => (each >= index ? each + 1 : each));
    const id = idOf("part", [...list, index]);
    this.#open.add(id);
    this.render();
    const part = document.getElementById(id);
    part?.scrollIntoView({ block: "nearest" });
    (part?.querySelector(".part__body :is(input, select, textarea)") ?? part?.querySelector("button"))?.focus({ preventScroll: true });
  }

  #move(list, from, to, act) {
    if (to < 0 || to >= sizeOf(this.tree.node(list))) return;
    if (!this.#edit((tree) => moveItem(tree, list, from, to))) return;
    this.#renumber(list, (each) => (each === from ? to : each === to ? from : each));
    this.render();
    const part = this.#cardAt([...list, to]);
    const button = part?.querySelector(`[data-act="${act}"]`);
    (button?.getAttribute("aria-disabled") ? part.querySelector(".part__open") : button)?.focus();
    this.#say(t("Now at place {place} of {count}", { place: to + 1, count: sizeOf(this.tree.node(list)) }));
  }

  #copy(list, index) {
    if (!this.#edit((tree) => copyItem(tree, list, index))) return;
    this.#renumber(list, (each) => (each > index ? each + 1 : each));
    this.render();
    this.#cardAt([...list, index + 1])?.querySelector("button")?.focus();
  }

  #delete(list, index, button) {
    const name = button.closest("[data-list]").querySelector(".part__kind").textContent;
    if (!this.#edit((tree) => removeItem(tree, list, index))) return;
    this.#renumber(list, (each) => (each > index ? each - 1 : each === index ? null : each));
    this.render();
    const left = sizeOf(this.tree.node(list));
    const next = this.#cardAt([...list, Math.min(index, left - 1)])?.querySelector("button") ?? this.#root.querySelector(".gap__open");
    next?.focus({ preventScroll: true });
    this.#say(t("Deleted: {name}", { name }), { canUndo: true });
  }

  #drop(path, whole) {
    const key = path.at(-1);
    const done = this.#edit((tree) => (typeof key === "number" ? removeItem(tree, path.slice(0, -1), key) : removeKey(tree, path, { whole })));
    document.getElementById(idOf("add", path.slice(0, -1)))?.focus({ preventScroll: true }); // the button is gone
    if (done && whole) this.#say(t("Deleted: {name}", { name: key }), { canUndo: true });
  }

  #addItem(path, shape, query) {
    const node = this.tree.node(path);
    const count = sizeOf(node);
    const taken = isSeq(node) ? node.items.map((item) => (isScalar(item) ? item.value : (pairOf(item, "name")?.value?.value ?? ""))) : [];
    const value = firstItem(shape, { schema: this.schema, query, taken });
    if (!this.#edit((tree) => insertItem(tree, path, count, value))) return;
    this.#open.add(idOf("item", [...path, count]));
    this.render();
    this.#cardAt([...path, count])?.querySelector(".item__body :is(input, select)")?.focus();
  }

  #chosen({ target }) {
    const { actChange, append, group, name, path, type } = target.dataset;
    const value = target.value.trim();
    if (group) this.#regroup(JSON.parse(group), target.type === "checkbox" && !target.checked ? "" : value);
    else if (actChange && value) this.#addNamed(actChange, value, target);
    else if (append && value) this.#append(JSON.parse(append), value, target);
    else if (name && value) this.#setAndClear([...JSON.parse(name), value], "", target);
    else if (path && type === "member") this.#edit((tree) => memberChange(tree, JSON.parse(path), target.value, target.checked));
    else if (path && type === "boolean") this.#edit((tree) => booleanChange(tree, JSON.parse(path), target.checked, target.dataset.default === "true"));
    else if (path && type === "choice" && isOther(target.value)) this.#openOther(JSON.parse(path));
    else if (path && type === "query") this.#readFrom(JSON.parse(path), target.value);
    else if (path) this.#field(JSON.parse(path), target.value, type);
  }

  #typed(target) {
    if (!target.matches(TYPED) || !target.dataset.path) return;
    this.#isTyped = true;
    try {
      this.#field(JSON.parse(target.dataset.path), target.value, target.dataset.type, { joins: true, isNeeded: target.ariaRequired === "true" });
    } finally {
      this.#isTyped = false;
    }
  }

  // One letter at a time or all at once; what stands there already is no change.
  #field(path, text, type, { joins = false, isNeeded = false } = {}) {
    const value = valued(text, type);
    const node = treeOf(this.#source.value).node(path);
    const now = isScalar(node) ? node.value : undefined;
    if (now === value || (typeof now === "string" && now.replace(/\n$/, "") === value) || (value === "" && (now ?? null) === null)) return;
    if (type === "choice") this.#open.delete(idOf("other", path));
    this.#editWith({ joins }, (tree) => fieldChange(tree, path, value, { ...this.schema, isNeeded }));
  }

  #setAndClear(path, value, target) {
    if (this.#edit((tree) => setValue(tree, path, value))) {
      target.value = "";
      document.getElementById(idOf("field", path))?.focus();
    }
  }

  #append(path, value, target) {
    if (this.#edit((tree) => appendChange(tree, path, value))) target.value = "";
    this.render();
  }

  #openOther(path) {
    this.#open.add(idOf("other", path));
    this.render();
    document.getElementById(idOf("other", path))?.focus();
  }

  // `wish` is a query, or a dataset after a sign: a query is added for all its rows (+), or one that groups them (=).
  #readFrom(path, wish) {
    const added = /^[+=]/.test(wish) ? this.#queryFor(wish.slice(1), { isGrouped: wish.startsWith("=") }) : null;
    const name = added?.name ?? wish;
    const columns = added?.columns ?? this.schema.queries[name];
    const owner = path.slice(0, -1);
    const fitted = fittingSteps(treeOf(this.#source.value), owner, owner.at(-1), columns, this.schema);
    const done = this.#edit(...(added ? [added.step] : []), (tree) => fieldChange(tree, path, name, this.schema), ...fitted);
    if (done && fitted.length) this.#say(t("Columns that “{name}” does not have were changed or taken out.", { name }), { canUndo: true });
  }

  #queryFor(dataset, { isGrouped }) {
    const columns = this.schema.datasets[dataset];
    const groups = isGrouped ? firstGroups(dataset, this.schema.types[dataset], split(columns)) : null;
    const name = freeName(groups?.by.length ? `${dataset}_by_${groups.by[0].name}` : dataset, this.queryNames);
    const sql = groups ? groupedSql(groups) : rowsOf(dataset);
    return {
      name,
      columns: groups ? columnsOf(groups) : columns,
      step: (tree) => setValue(tree, ["queries", name], sql, { before: "blocks" }),
    };
  }

  // What a grouped query gives has other names then: the parts that read it follow.
  #regroup(place, value) {
    const [name] = place;
    const groups = groupsOf(this.sqlOf(name));
    if (!groups) return;
    const changed = regrouped(groups, place, value, this.schema.datasets[groups.dataset] ?? []);
    const now = treeOf(this.#source.value);
    const steps = readersOf(now, name).flatMap((path) => fittingSteps(now, path, path.at(-1), columnsOf(changed), this.schema));
    this.#edit((tree) => setValue(tree, ["queries", name], groupedSql(changed)), ...steps);
    this.render();
  }

  #addNamed(what, value, target) {
    if (what === "query" || what === "groups") this.#edit(this.#queryFor(value, { isGrouped: what === "groups" }).step);
    else {
      const name = freeName(value.toLowerCase().replace(/[^\p{L}\p{N}_]+/gu, "_").replace(/^(?=\d)/, "_"), this.parameterNames);
      this.#edit((tree) => setValue(tree, ["parameters", name], { type: "text", label: value }, { before: tree.node(["queries"]) ? "queries" : "blocks" }));
    }
    target.value = "";
    this.render();
  }

  #pressed(event) {
    if (event.key === "Escape" && this.palette) this.#openPalette("", null);
    const card = event.target.closest("[data-list]");
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.altKey && step && card && !event.target.matches("textarea, select")) {
      event.preventDefault();
      const index = Number(card.dataset.index);
      this.#move(JSON.parse(card.dataset.list), index, index + step, step < 0 ? "up" : "down");
    } else if (event.key === "Enter" && event.target.matches("input") && !event.isComposing) {
      event.preventDefault(); // would save
      event.target.dispatchEvent(new Event("change", { bubbles: true })); // what was written is meant
    }
  }

  #pressedAnywhere(event) {
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
    if (!isUndo || !this.isShown || event.target.closest("input, textarea, dialog")) return;
    event.preventDefault();
    if (event.shiftKey) this.#source.redo();
    else this.#undo();
  }

  #undo() {
    this.#source.undo();
    this.#say("");
  }

  // the text

  #edit(...steps) {
    return this.#editWith({}, ...steps);
  }

  // Each step sees what the one before has made; together they are one step to be undone.
  #editWith({ joins = false }, ...steps) {
    const before = this.#source.value;
    try {
      const text = steps.reduce((now, step) => applied(now, step(treeOf(now))), before);
      this.#say("");
      if (text !== before) this.#source.replace(text, { joins });
      return true;
    } catch (error) {
      if (!(error instanceof CannotPatch)) throw error;
      this.#say(t("This can only be changed in the text."));
      this.render();
      return false;
    }
  }

  // Ids of parts are their places: what is open stays with what it belongs to.
  #renumber(list, placed) {
    const bases = OWN_OPENINGS.map((prefix) => `${idOf(prefix, list)}-`);
    this.#open = new Set(
      [...this.#open].flatMap((id) => {
        const base = bases.find((each) => id.startsWith(each) && /^\d+(-|$)/.test(id.slice(each.length)));
        if (!base) return [id];
        const [number] = /^\d+/.exec(id.slice(base.length));
        const next = placed(Number(number));
        return next === null ? [] : [`${base}${next}${id.slice(base.length + number.length)}`];
      }),
    );
  }

  #cardAt(path) {
    return document.getElementById(idOf("part", path)) ?? document.getElementById(idOf("item", path));
  }

  #say(text, { canUndo = false } = {}) {
    this.#saidOf = this.#source.value;
    this.#note.querySelector("[data-form-said]").textContent = text;
    this.#note.querySelector("[data-act=undo]").hidden = !canUndo;
    this.#note.classList.toggle("is-empty", !text);
  }
}

const sizeOf = (node) => (isSeq(node) ? node.items.length : 0);
