// Fields of the form view: one for each key, by what the server says its value is. What does not fit is shown as source.

import { t } from "./i18n.js";
import { groupFields } from "./template-form-groups.js";
import { escaped, idOf, place } from "./template-form-marks.js";
import { valuesOf } from "./template-groups.js";
import { isMap, isScalar, isSeq, keyOf, pairOf } from "./template-tree.js";

const OTHER = "\u0001"; // the choice that makes room for another text
const MONEY = ["CNY", "EUR", "USD", "GBP", "JPY", "HKD", "CHF"];
const HALF = 22; // characters that half of the room shows
const LONG = 60; // characters from which a text gets several lines

// What is seen without asking for more, where a shape has many keys. What has a value is always seen.
const MAIN = {
  template: ["title", "name", "description", "language", "formats"],
  parameter: ["type", "label", "default", "each", "options"],
  chart: ["kind", "query", "title", "x", "y", "lines", "series", "value", "max", "format"],
  table: ["query", "title", "columns", "group"],
  figure: ["label", "value", "format", "compare"],
  column: ["name", "label", "format", "total"],
};

/** Fields of a map, `around` telling what holds for all within: the query whose columns are meant, the kind of chart. */
export function fieldsOf(form, path, shape, node, around = {}, without = []) {
  const order = MAIN[shape] ?? [];
  const rank = ([key]) => (order.includes(key) ? order.indexOf(key) : order.length);
  const facts = Object.entries(form.schema.shapes[shape] ?? {})
    .filter(([key]) => !without.includes(key))
    .sort((one, other) => rank(one) - rank(other));
  const inside = { ...around, shape, ...(["table", "chart"].includes(shape) ? { query: textAt(node, "query"), kind: textAt(node, "kind") } : {}) };
  const main = [];
  const more = [];
  for (const [key, general] of facts) {
    const fact = general.by_kind?.[inside.kind] ?? general;
    const value = isMap(node) ? pairOf(node, key)?.value : shorthand(shape, key, node);
    const isSet = value !== undefined;
    if (!isSet && fact.kinds && inside.kind && !fact.kinds.includes(inside.kind)) continue;
    const html = fieldOf(form, [...path, key], fact, value, inside);
    const isMain = isSet || fact.required || !MAIN[shape] || order.includes(key) || isWantedMoney(key, node);
    (isMain ? main : more).push(html);
  }
  return `<div class="fields">${main.join("")}</div>${unknown(form, path, shape, node)}${more.length ? moreFields(form, path, more) : ""}`;
}

// `currency` once the format is money.
function isWantedMoney(key, node) {
  return key.endsWith("currency") && textAt(node, key.replace("currency", "format")) === "currency";
}

function moreFields(form, path, more) {
  const id = idOf("more", path);
  const isOpen = form.isOpen(id);
  const toggle = `<button type="button" class="link-button more" data-act="toggle" data-id="${id}" aria-expanded="${isOpen}">${isOpen ? t("Fewer settings") : t("More settings")}</button>`;
  return toggle + (isOpen ? `<div class="fields">${more.join("")}</div>` : "");
}

/** A scalar that stands for a map: a column's name, a picture's file. */
export const SHORT = { column: "name", image: "file" };

function shorthand(shape, key, node) {
  return SHORT[shape] === key && isScalar(node) && node.value !== null ? node : undefined;
}

export function textAt(node, key) {
  const value = isMap(node) ? pairOf(node, key)?.value : undefined;
  return isScalar(value) && value.value !== null ? String(value.value) : "";
}

function fieldOf(form, path, fact, node, around) {
  if (!fits(fact, node)) return source(form, path, fact.label, node);
  switch (fact.type) {
    case "choice":
      return choice(form, path, fact, node);
    case "choices":
      return choices(path, fact, node);
    case "any":
      return "";
    case "boolean":
      return checkbox(path, fact, node);
    case "query":
      return row(path, fact, querySelect(form, path, node)) + groupFields(form, path.slice(0, -1), valueOf(node));
    case "column":
      return row(path, fact, columnSelect(form, path, valueOf(node), around));
    case "columns":
    case "texts":
      return several(form, path, fact, node, around);
    case "values":
      return isSeq(node) ? several(form, path, fact, node, {}) : row(path, fact, valuesSelect(form, path, node) + area(path, node, "sql"), "wide");
    case "list":
      return form.list(path, fact, node, around);
    case "named":
      return named_(form, path, fact, node, around);
    case "blocks":
    case "block_lists":
      return form.nested(path, fact, node ?? null);
    case "map":
      return `<fieldset class="group"><legend>${escaped(fact.label)}</legend>${fieldsOf(form, path, fact.shape, node, around)}</fieldset>`;
    case "markdown":
    case "sql":
      return row(path, fact, area(path, node, fact.type, fact.required), "wide");
    default:
      return row(path, fact, line(path, fact, node), isLong(node) || valueOf(node).length > HALF ? "wide" : "");
  }
}

function fits(fact, node) {
  if (node === undefined || node === null) return !["option", "any"].includes(fact.type);
  const nothing = isScalar(node) && node.value === null;
  if (["list"].includes(fact.type)) return nothing || isSeq(node);
  if (["named", "map"].includes(fact.type)) return nothing || isMap(node) || (isScalar(node) && fact.shape in SHORT);
  if (["columns", "texts", "choices", "values"].includes(fact.type)) return isScalar(node) || (isSeq(node) && node.items.every(isScalar));
  if (["option", "any"].includes(fact.type)) return nothing && fact.type === "any";
  if (["blocks", "block_lists"].includes(fact.type)) return nothing || isSeq(node);
  return isScalar(node);
}

/** What the form has no field for, as it stands in the text. */
export function source(form, path, label, node) {
  if (node === undefined) return "";
  const text = node === null ? "" : form.tree.source(node);
  const [line, column] = form.tree.lineOf(node?.range?.[0] ?? 0);
  return `<div class="form-row form-row--wide in-place"><span class="label">${escaped(label)}</span><pre class="in-place__source breaks">${escaped(text)}</pre>
    <button type="button" class="link-button" data-act="show" data-line="${line}" data-column="${column}">${t("Change it in the text")}</button></div>`;
}

function unknown(form, path, shape, node) {
  if (!isMap(node)) return "";
  const known = form.schema.shapes[shape] ?? {};
  return node.items
    .filter((pair) => !(keyOf(pair) in known))
    .map((pair) => source(form, [...path, keyOf(pair)], keyOf(pair), pair.value ?? pair.key))
    .join("");
}

// rows and controls

function row(path, fact, control, look = "") {
  const id = idOf("field", path);
  const hint = fact.hint ? `<p class="form-row__hint" id="${id}-hint">${escaped(fact.hint)}</p>` : "";
  const needed = fact.required ? ' <span class="in-danger" aria-hidden="true">*</span>' : "";
  return `<div class="form-row${look ? ` form-row--${look}` : ""}"><label for="${id}">${escaped(fact.label)}${needed}</label>${control}${hint}</div>`;
}

// Several controls below one heading.
function group(fact, controls) {
  const hint = fact.hint ? `<p class="form-row__hint">${escaped(fact.hint)}</p>` : "";
  const needed = fact.required ? ' <span class="in-danger" aria-hidden="true">*</span>' : "";
  return `<div class="form-row form-row--wide" role="group" aria-label="${escaped(fact.label)}"><span class="label">${escaped(fact.label)}${needed}</span>${controls}${hint}</div>`;
}

const control = (path, type) => `id="${idOf("field", path)}" data-path="${place(path)}" data-type="${type}"`;
const valueOf = (node) => (isScalar(node) && node.value !== null ? String(node.value) : "");
const isLong = (node) => valueOf(node).length > LONG || valueOf(node).includes("\n");

const NEEDED = ' aria-required="true"';

function line(path, fact, node) {
  const value = valueOf(node);
  const isNumber = fact.type === "integer" || fact.type === "number";
  if (isLong(node)) return area(path, node, fact.type, fact.required);
  if (isNumber && /^-?\d*(\.\d+)?$/.test(value)) {
    const bounds = `${fact.least === undefined ? "" : ` min="${fact.least}"`}${fact.most === undefined ? "" : ` max="${fact.most}"`}`;
    const usual = fact.default === undefined || fact.default < 0 ? "" : ` placeholder="${fact.default}"`;
    return `<input class="input input--small" type="number" step="${fact.type === "integer" ? 1 : "any"}"${bounds}${usual} ${control(path, "number")} value="${value}">`;
  }
  const list = { expression: "form-figures", currency: "form-money", value: "form-dates" }[fact.type];
  const code = fact.type === "expression" ? " input--code" : "";
  return `<input class="input input--small${code}"${list ? ` list="${list}"` : ""}${fact.required ? NEEDED : ""} autocomplete="off" spellcheck="${code ? "false" : "true"}" ${control(path, fact.type)} value="${escaped(value)}">`;
}

function area(path, node, type, isNeeded = false) {
  const value = valueOf(node).replace(/\n$/, "");
  const rows = Math.min(14, Math.max(type === "markdown" ? 4 : 2, value.split("\n").length + (type === "sql" ? 1 : 0), Math.ceil(value.length / LONG)));
  const code = type === "sql" || type === "expression" ? " input--code" : "";
  return `<textarea class="input${code}" rows="${rows}" spellcheck="${!code}"${isNeeded ? NEEDED : ""} ${control(path, type)}>\n${escaped(value)}</textarea>`;
}

const option = (value, text, chosen) => `<option value="${escaped(value)}"${value === chosen ? " selected" : ""}>${escaped(text)}</option>`;

function choice(form, path, fact, node) {
  const value = valueOf(node);
  const isOther = value !== "" && !fact.options.includes(value);
  const words = (each) => fact.words?.[each] ?? each;
  const usual = fact.default && fact.options.includes(fact.default) ? words(fact.default) : t("as the value is");
  const none = fact.open ? t("none") : usual;
  const options = [
    ...(fact.required && value ? [] : [option("", fact.required ? t("choose …") : none, value)]),
    ...fact.options.filter((each) => each && (fact.required || value === each || each !== fact.default)).map((each) => option(each, words(each), value)),
    ...(fact.open ? [option(OTHER, t("an expression …"), isOther || form.isOpen(idOf("other", path)) ? OTHER : "")] : isOther ? [option(value, value, value)] : []),
  ];
  const select = `<select class="input input--small" ${control(path, "choice")}>${options.join("")}</select>`;
  if (!fact.open || !(isOther || form.isOpen(idOf("other", path)))) return row(path, fact, select);
  const given = isOther ? value : "";
  const input = `<input class="input input--small input--code" id="${idOf("other", path)}" data-path="${place(path)}" data-type="text" aria-label="${escaped(fact.label)}" placeholder="sum(profit) / sum(revenue)" spellcheck="false" value="${escaped(given)}">`;
  return row(path, fact, select + input, "wide");
}

export const isOther = (value) => value === OTHER;

function choices(path, fact, node) {
  const chosen = isSeq(node) ? node.items.map(valueOf) : node ? [valueOf(node)] : [];
  const boxes = fact.options.map(
    (each) => `<label class="check"><input type="checkbox" data-path="${place(path)}" data-type="member" value="${escaped(each)}"${chosen.includes(each) ? " checked" : ""}>${escaped(fact.words?.[each] ?? each)}</label>`,
  );
  return `<fieldset class="form-row form-row--wide"><legend>${escaped(fact.label)}</legend><div class="cluster">${boxes.join("")}</div></fieldset>`;
}

function checkbox(path, fact, node) {
  const isOn = isScalar(node) && node.value !== null ? node.value === true : fact.default === true;
  return `<label class="check form-check small strong"><input type="checkbox" ${control(path, "boolean")} data-default="${fact.default === true}"${isOn ? " checked" : ""}>${escaped(fact.label)}</label>`;
}

function querySelect(form, path, node) {
  const value = valueOf(node);
  const names = form.queryNames;
  const known = names.includes(value) || !value ? [] : [option(value, value, value)];
  const datasets = Object.keys(form.schema.datasets).map((name) => option(`+${name}`, name, ""));
  const grouped = Object.keys(form.schema.datasets).map((name) => option(`=${name}`, t("{name}, grouped", { name }), ""));
  const others = datasets.length
    ? `<optgroup label="${escaped(t("A dataset, grouped and added up"))}">${grouped.join("")}</optgroup><optgroup label="${escaped(t("All of a dataset"))}">${datasets.join("")}</optgroup>`
    : "";
  const none = value ? "" : option("", t("choose …"), "");
  return `<select class="input input--small" ${control(path, "query")}>${none}${known.join("")}${names.map((name) => option(name, name, value)).join("")}${others}</select>`;
}

function columnSelect(form, path, value, { query }, label = "") {
  const known = form.schema.queries[query];
  const said = label ? ` aria-label="${escaped(label)}"` : "";
  if (!known?.length) return `<input class="input input--small" ${control(path, "column")}${said} spellcheck="false" autocomplete="off" value="${escaped(value)}">`;
  const unknownOne = value && !known.includes(value) ? [option(value, value, value)] : [];
  return `<select class="input input--small" ${control(path, "column")}${said}>${option("", "–", value)}${[...unknownOne, ...known.map((name) => option(name, name, value))].join("")}</select>`;
}

// What a parameter can be: the values of a column, without a word of SQL.
function valuesSelect(form, path, node) {
  if (valueOf(node)) return "";
  const groups = Object.entries(form.schema.types).map(([dataset, types]) => {
    const columns = Object.keys(types).map((column) => option(valuesOf(dataset, column), column, ""));
    return `<optgroup label="${escaped(dataset)}">${columns.join("")}</optgroup>`;
  });
  return groups.length ? `<select class="input input--small" aria-label="${escaped(t("the values of a column …"))}" data-path="${place(path)}" data-type="values"><option value="">${t("the values of a column …")}</option>${groups.join("")}</select>` : "";
}

// One value or a list of them.
function several(form, path, fact, node, around) {
  const isList = isSeq(node);
  const values = isList ? node.items.map(valueOf) : valueOf(node) ? [valueOf(node)] : [];
  const ones = values.map((value, index) => {
    const own = isList ? [...path, index] : path;
    const label = `${fact.label} ${index + 1}`;
    const input =
      fact.type === "columns"
        ? columnSelect(form, own, value, around, label)
        : `<input class="input input--small" ${control(own, "text")} aria-label="${escaped(label)}" value="${escaped(value)}">`;
    return `<span class="with-icon">${input}<button type="button" class="icon-only" data-act="drop" data-path="${place(own)}" aria-label="${escaped(t("Remove {name}", { name: value }))}">${form.icon("x")}</button></span>`;
  });
  const left = (form.schema.queries[around.query] ?? []).filter((name) => !values.includes(name));
  const add =
    fact.type === "columns" && left.length
      ? `<select class="input input--small chosen__add" aria-label="${escaped(`${fact.label}: ${t("add …")}`)}" id="${idOf("add", path)}" data-append="${place(path)}"><option value="">${t("add …")}</option>${left.map((name) => option(name, name, "")).join("")}</select>`
      : `<input class="input input--small chosen__add" aria-label="${escaped(`${fact.label}: ${t("add …")}`)}" id="${idOf("add", path)}" data-append="${place(path)}" placeholder="${escaped(t("add …"))}" value="">`;
  return group(fact, `<div class="chosen cluster">${ones.join("")}${add}</div>`);
}

// Names that the author gives, with a text each.
function named_(form, path, fact, node, around) {
  const pairs = isMap(node) ? node.items : [];
  const texts = pairs.map((pair) => {
    const own = [...path, keyOf(pair)];
    if (pair.value && !isScalar(pair.value)) return source(form, own, keyOf(pair), pair.value);
    return `<div class="pair rows gap-2"><label for="${idOf("field", own)}">${escaped(keyOf(pair))}</label><input class="input input--small" ${control(own, "text")} value="${escaped(valueOf(pair.value))}"><button type="button" class="icon-only" data-act="drop" data-path="${place(own)}" aria-label="${escaped(t("Remove {name}", { name: keyOf(pair) }))}">${form.icon("x")}</button></div>`;
  });
  const left = (form.schema.queries[around.query] ?? []).filter((name) => !pairs.some((pair) => keyOf(pair) === name));
  const list = left.length ? ` list="${idOf("names", path)}"` : "";
  const offered = left.length ? `<datalist id="${idOf("names", path)}">${left.map((name) => `<option value="${escaped(name)}"></option>`).join("")}</datalist>` : "";
  const add = `<input class="input input--small chosen__add" aria-label="${escaped(`${fact.label}: ${t("name to add …")}`)}" id="${idOf("add", path)}" data-name="${place(path)}"${list} placeholder="${escaped(t("name to add …"))}" autocomplete="off" value="">${offered}`;
  return group(fact, `<div class="pairs rows gap-2">${texts.join("")}${add}</div>`);
}

export const moneyList = () => `<datalist id="form-money">${MONEY.map((code) => `<option value="${code}"></option>`).join("")}</datalist>`;
