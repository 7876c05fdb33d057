// The form view of a template as HTML: the report itself, its content as cards, its data and its parameters.

import { t } from "./i18n.js";
import { fieldsOf, moneyList, source, textAt } from "./template-form-fields.js";
import { groupFields } from "./template-form-groups.js";
import { escaped, idOf, place } from "./template-form-marks.js";
import { isMap, isScalar, isSeq, keyOf, pairOf } from "./template-tree.js";

const MOST_COLUMNS = 4;
const SHOWN = 70; // characters of what a part says of itself
const HEAD = { figure: ["label", "value"], column: ["label", "name"], target: ["label", "value"], color: ["when"], style: ["when"] };
const SECTIONS = ["blocks", "queries", "parameters"];

/** All of it. `form` knows the text (`tree`), what can be written (`schema`), and what is open. */
export function formOf(form) {
  const { root } = form.tree;
  const content = pairOf(root, "blocks")?.value ?? null;
  return `
    ${section(form, "report", "file-text", t("Report"), textAt(root, "title"), () => fieldsOf(form, [], "template", root, {}, SECTIONS))}
    ${section(form, "data", "database", t("Data"), form.queryNames.join(", "), () => queries(form))}
    ${section(form, "parameters", "sliders-horizontal", t("Parameters"), form.parameterNames.join(", "), () => parameters(form))}
    <h2 class="form-title muted small strong" id="form-content">${t("Content")}</h2>
    ${blocks(form, ["blocks"], content, t("Content"))}
    <datalist id="form-figures">${figures(form)}</datalist>
    <datalist id="form-dates">${(form.schema.shapes.parameter?.default?.options ?? []).map((each) => `<option value="${each}"></option>`).join("")}</datalist>
    ${moneyList()}`;
}

function figures({ schema, parameterNames }) {
  const columns = Object.entries(schema.queries).flatMap(([query, names]) => names.map((name) => `${query}.${name}`));
  return [...columns, ...parameterNames].map((each) => `<option value="${escaped(each)}"></option>`).join("");
}

function section(form, name, icon, title, what, body) {
  const id = `part-${name}`;
  const isOpen = form.isOpen(id);
  return `<section class="part box part--section${isOpen ? " is-open" : ""}" id="${id}">
    <h2 class="part__head">${opener(form, id, icon, title, what)}</h2>
    ${isOpen ? `<div class="part__body rows gap-3">${body()}</div>` : ""}</section>`;
}

function opener(form, id, icon, kind, what) {
  return `<button type="button" class="part__open bare row fills" data-act="toggle" data-id="${id}" aria-expanded="${form.isOpen(id)}">${form.icon(icon)}<span class="part__kind truncate rigid">${escaped(kind)}</span><span class="truncate muted small shrinks">${escaped(shortened(what))}</span>${form.icon("chevron-down")}</button>`;
}

function shortened(text) {
  const oneLine = String(text).replace(/\s+/g, " ").trim();
  return oneLine.length > SHOWN ? `${oneLine.slice(0, SHOWN)}…` : oneLine;
}

// data and parameters

function queries(form) {
  const list = form.node(["queries"]);
  const own = isMap(list) ? list.items : [];
  const each = own.map((pair) => {
    const path = ["queries", keyOf(pair)];
    const columns = form.schema.queries[keyOf(pair)];
    const gives = columns ? `<p class="form-row__hint">${escaped(t("Columns: {names}", { names: columns.join(", ") }))}</p>` : "";
    const field = isScalar(pair.value) || !pair.value ? queryField(form, path, keyOf(pair), pair.value) : source(form, path, keyOf(pair), pair.value);
    return `<div class="entry" id="${idOf("entry", path)}">${field}${gives}${remove(form, path, keyOf(pair))}</div>`;
  });
  const datasets = Object.keys(form.schema.datasets);
  const add = (what, label) =>
    `<div class="form-row"><label for="add-${what}">${label}</label><select class="input input--small" id="add-${what}" data-act-change="${what}"><option value="">${t("choose …")}</option>${datasets.map((name) => `<option value="${escaped(name)}">${escaped(name)}</option>`).join("")}</select></div>`;
  return `${each.join("")}<div class="fields">${add("groups", t("Group and add up a dataset"))}${add("query", t("Add the rows of a dataset"))}</div>`;
}

// Choices where the query can be told by them, SQL where it cannot, or where it is wanted.
function queryField(form, path, name, node) {
  const grouped = groupFields(form, path, name);
  if (!grouped) return sqlField(path, name, node);
  const id = idOf("sql", path);
  const isSql = form.isOpen(id);
  const toggle = `<button type="button" class="link-button more" data-act="toggle" data-id="${id}" aria-expanded="${isSql}">${isSql ? t("Without SQL") : t("As SQL")}</button>`;
  return (isSql ? sqlField(path, name, node) : `<span class="label mono">${escaped(name)}</span>${grouped}`) + toggle;
}

function sqlField(path, name, node) {
  const value = isScalar(node) && node.value !== null ? String(node.value).replace(/\n$/, "") : "";
  const rows = Math.min(16, Math.max(2, value.split("\n").length + 1, Math.ceil(value.length / 60)));
  const id = idOf("field", path);
  return `<div class="form-row"><label for="${id}" class="mono">${escaped(name)}</label><textarea class="input input--code" id="${id}" rows="${rows}" spellcheck="false" data-path="${place(path)}" data-type="sql">\n${escaped(value)}</textarea></div>`;
}

function parameters(form) {
  const list = form.node(["parameters"]);
  const own = isMap(list) ? list.items : [];
  const each = own.map((pair) => {
    const path = ["parameters", keyOf(pair)];
    const isKnown = isMap(pair.value) || !pair.value || (isScalar(pair.value) && pair.value.value === null);
    const fields = isKnown ? fieldsOf(form, path, "parameter", pair.value) : source(form, path, keyOf(pair), pair.value);
    return `<fieldset class="entry" id="${idOf("entry", path)}"><legend class="mono">${escaped(keyOf(pair))}</legend>${fields}${remove(form, path, keyOf(pair))}</fieldset>`;
  });
  return `${each.join("")}<div class="form-row"><label for="add-parameter">${t("Add a parameter")}</label><input class="input input--small" id="add-parameter" data-act-change="parameter" placeholder="${escaped(t("name, e.g. region"))}" autocomplete="off" value=""></div>`;
}

function remove(form, path, name) {
  return `<button type="button" class="link-button entry__remove in-danger small" data-act="drop" data-whole data-path="${place(path)}">${escaped(t("Remove {name}", { name }))}</button>`;
}

// content

/** A list of blocks, with a place to add one before each and at the end. */
export function blocks(form, path, list, label) {
  if (list && !isSeq(list) && !(isScalar(list) && list.value === null)) return source(form, path, label, list);
  const items = isSeq(list) ? list.items : [];
  const cards = items.map((item, index) => gap(form, path, index) + block(form, path, index, item, items.length));
  return `<div class="parts" role="list" aria-label="${escaped(label)}">${cards.join("")}${gap(form, path, items.length, true)}</div>`;
}

function gap(form, path, index, isEnd = false) {
  const id = `${idOf("gap", path)}-${index}`;
  const isOpen = form.palette === id;
  const look = isEnd ? "gap gap--end" : "gap";
  const text = isEnd ? `${form.icon("plus")}${t("Add")}` : form.icon("plus");
  const button = `<button type="button" class="gap__open" data-act="palette" data-id="${id}" aria-expanded="${isOpen}"${isEnd ? "" : ` aria-label="${escaped(t("Add here"))}"`}>${text}</button>`;
  return `<div class="${look}${isOpen ? " is-open" : ""}" id="${id}" role="listitem">${isOpen ? palette(form, path, index) : button}</div>`;
}

function palette(form, path, index) {
  const kinds = form.schema.blocks.map(
    ({ name, label, hint, icon }) =>
      `<button type="button" class="palette__kind bare rows gap-0-2" data-act="add" data-kind="${name}" data-path="${place(path)}" data-index="${index}">${form.icon(icon)}<span class="palette__name">${escaped(label)}</span><span class="palette__hint muted small">${escaped(hint)}</span></button>`,
  );
  return `<div class="palette panel relative rows gap-1" role="group" aria-label="${escaped(t("What to add"))}">${kinds.join("")}<button type="button" class="icon-only corner" data-act="palette" data-id="" aria-label="${escaped(t("Close"))}">${form.icon("x")}</button></div>`;
}

function block(form, list, index, node, count) {
  const path = [...list, index];
  const id = idOf("part", path);
  const kind = form.kindOf(node);
  const isOpen = form.isOpen(id);
  const title = kind ? kind.label : t("Only in the text");
  const what = kind ? saying(form, kind.name, node) : form.tree.source(node);
  const problems = form.problemsIn(list, index);
  const wrong = problems.length ? `<p class="part__problem in-danger beside gap-2 small breaks">${form.icon("circle-alert")}<span>${problems.map(escaped).join("<br>")}</span></p>` : "";
  return `<div class="part box${isOpen ? " is-open" : ""}${wrong ? " is-wrong" : ""}" id="${id}" role="listitem" data-list="${place(list)}" data-index="${index}">
    <div class="part__head">${opener(form, id, kind?.icon ?? "code", title, what)}${tools(form, list, index, count, title)}</div>${wrong}
    ${isOpen ? `<div class="part__body rows gap-3">${said(form, list, index)}${kind ? bodyOf(form, path, kind.name, node) : source(form, path, t("Source"), node)}</div>` : ""}</div>`;
}

function tools(form, list, index, count, title) {
  const button = (act, icon, label, isOff = false) =>
    `<button type="button" class="icon-only" data-act="${act}" data-path="${place(list)}" data-index="${index}" aria-label="${escaped(`${label}: ${title}`)}" title="${escaped(label)}"${isOff ? ' aria-disabled="true"' : ""}>${form.icon(icon)}</button>`;
  return `<span class="part__tools beside rigid">${button("up", "arrow-up", t("Move up"), index === 0)}${button("down", "arrow-down", t("Move down"), index === count - 1)}${button("copy", "copy", t("Copy"))}${button("delete", "trash-2", t("Delete"))}</span>`;
}

// Comments above a block say why it is there.
function said(form, list, index) {
  const text = form.tree.commentAbove(list, index);
  return text ? `<p class="part__comment muted small">${escaped(text)}</p>` : "";
}

function saying(form, kind, node) {
  if (!isMap(node)) return "";
  const value = pairOf(node, kind)?.value;
  if (kind === "kpis" && isSeq(value)) return value.items.map((item) => textAt(item, "label")).join(", ");
  if (kind === "columns" && isSeq(value)) return value.items.map((each) => (isSeq(each) ? each.items.map((item) => form.kindOf(item)?.label ?? "").join(" + ") : "")).join(" | ");
  if (isScalar(value)) return value.value ?? "";
  const chart = kind === "chart" ? (form.schema.shapes.chart.kind.words?.[textAt(value, "kind")] ?? "") : "";
  return [textAt(value, "title") || textAt(value, "query") || textAt(value, "file"), chart].filter(Boolean).join(" · ");
}

function bodyOf(form, path, kind, node) {
  const shape = `block ${kind}`;
  const { hint, is_bare: isBare } = form.schema.blocks.find(({ name }) => name === kind);
  const fact = form.schema.shapes[shape]?.[kind];
  const value = isMap(node) ? pairOf(node, kind)?.value : null;
  const said = isBare ? `<p class="muted small">${escaped(hint)}</p>` : "";
  if (isScalar(node)) return said;
  if (fact?.type === "map" && (isMap(value) || !value || isScalar(value))) {
    return fieldsOf(form, [...path, kind], fact.shape, value) + fieldsOf(form, path, shape, node, {}, [kind]);
  }
  return said + fieldsOf(form, path, shape, node);
}

/** Blocks within a block: one list of them, or columns side by side. */
export function nestedBlocks(form, path, fact, value) {
  const nested = (own, label, list) => `<div class="nested shrinks full-width"><span class="label">${escaped(label)}</span>${blocks(form, own, list, label)}</div>`;
  if (fact.type === "blocks") return nested(path, fact.label, value);
  const columns = isSeq(value) ? value.items : [];
  const each = columns.map((column, index) => nested([...path, index], t("Column {number}", { number: index + 1 }), column));
  const more = `<button type="button" class="button button--small" data-act="column" data-path="${place(path)}">${form.icon("plus")}${t("Another column")}</button>`;
  return `<div class="nested shrinks full-width nested--columns rows gap-3">${each.join("")}${columns.length < MOST_COLUMNS ? more : ""}</div>`;
}

/** A list of maps: a table's columns, figures, target lines, colours. */
export function entriesOf(form, path, fact, node, around) {
  const items = isSeq(node) ? node.items : [];
  const each = items.map((item, index) => {
    const own = [...path, index];
    const id = idOf("item", own);
    const name = nameOf(fact.shape, item) || `${fact.label} ${index + 1}`;
    if (!isMap(item) && !(isScalar(item) && fact.shape === "column")) return source(form, own, name, item);
    const isOpen = form.isOpen(id);
    return `<div class="item box${isOpen ? " is-open" : ""}" id="${id}" data-list="${place(path)}" data-index="${index}" role="listitem">
      <div class="item__head"><button type="button" class="part__open bare row fills" data-act="toggle" data-id="${id}" aria-expanded="${isOpen}"><span class="part__kind truncate rigid">${escaped(name)}</span><span class="truncate muted small shrinks">${escaped(facts(form, fact.shape, item))}</span>${form.icon("chevron-down")}</button>${tools(form, path, index, items.length, name)}</div>
      ${isOpen ? `<div class="item__body rows gap-2">${fieldsOf(form, own, fact.shape, item, around)}</div>` : ""}</div>`;
  });
  const all = fact.shape === "column" && !items.length && form.schema.queries[around.query]?.length
    ? `<button type="button" class="button button--small" data-act="all-columns" data-query="${escaped(around.query)}" data-path="${place(path)}">${t("Choose columns")}</button><p class="form-row__hint">${t("All columns are shown as they are.")}</p>`
    : `<button type="button" class="button button--small" data-act="item" data-shape="${fact.shape}" data-query="${escaped(around.query ?? "")}" data-path="${place(path)}">${form.icon("plus")}${t("Add")}</button>`;
  return `<div class="form-row form-row--wide"><span class="label">${escaped(fact.label)}</span><div class="items rows gap-1" role="list" aria-label="${escaped(fact.label)}">${each.join("")}</div>${all}</div>`;
}

function nameOf(shape, item) {
  if (isScalar(item)) return String(item.value ?? "");
  return (HEAD[shape] ?? []).map((key) => textAt(item, key)).find(Boolean) ?? "";
}

// What else is said of an entry, in a few words: its format, its total.
function facts(form, shape, item) {
  const words = ["format", "total", "value", "color", "style"].map((key) => {
    const value = textAt(item, key);
    const fact = form.schema.shapes[shape]?.[key];
    if (!value || (HEAD[shape]?.includes(key) && nameOf(shape, item) === value)) return "";
    if (key === "total") return `${fact?.label ?? ""}: ${fact?.words?.[value] ?? value}`;
    return fact?.words?.[value] ?? value;
  });
  return words.filter(Boolean).join(" · ");
}
