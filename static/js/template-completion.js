// What could be written at a place in a template: keys, kinds of blocks, formats, names of data. All of it is the server's.

import { t } from "./i18n.js";
import { candidates } from "./query-completion.js";
import { placeAt } from "./template-place.js";

const WORD = /[\p{L}\p{N}_]*$/u;
const WITHIN_WORD = /^[\p{L}\p{N}_]*$/u;
const SQL_KEYS = new Set(["each", "options", "each_row"]);
const NEAR = 1500; // characters around, in which the query of a block is looked for

/** For CodeMirror: `schema` is asked each time, as it knows more after each check. */
export function completing(schema) {
  return (context) => {
    if (!schema.isKnown) return null;
    const text = context.state.doc.toString();
    const [word] = WORD.exec(text.slice(0, context.pos));
    const place = placeAt(text, context.pos);
    if (!word && !context.explicit && !/[.:{[,$|]\s?$|- $/.test(text.slice(0, context.pos))) return null;
    const options = optionsAt(schema, place, text, context.pos, word);
    if (!options?.length) return null;
    return { from: context.pos - word.length, options, validFor: WITHIN_WORD };
  };
}

function optionsAt(schema, place, text, position, word) {
  const { path, key, isKey } = place;
  if (isSql(path, key) && text[position - word.length - 1] === "$") return bound(schema);
  if (isSql(path, key)) return names(schema, sqlBefore(text, position), word);
  const at = schema.shapeAt(key === null ? path : [...path, key]);
  if (key === null) {
    if (at?.fact && path.at(-1) !== "-" && ["blocks", "list"].includes(at.fact.type)) return null; // a dash is missing
    if (at?.shape === "block" && path.at(-1) === "-") return blocks(schema);
    if (at?.shape === "column" && path.at(-1) === "-" && !isKey) return columns(schema, text, position);
    return at && !at.fact?.type?.endsWith("lists") ? keys(schema, at.shape) : valuesOf(schema, factOf(schema, path), text, position, word);
  }
  return valuesOf(schema, factOf(schema, [...path, key]), text, position, word);
}

function isSql(path, key) {
  if (path[0] === "queries") return key !== null || path.length > 1;
  return SQL_KEYS.has(key) || SQL_KEYS.has(path.at(-1));
}

/** The fact of the last key of a path. */
function factOf(schema, path) {
  const steps = path.at(-1) === "-" ? path.slice(0, -1) : path;
  const owner = schema.shapeAt(steps.slice(0, -1));
  if (!owner) return null;
  if (owner.fact?.type === "named") return { type: schema.shapes[owner.shape] ? "any" : "text" };
  return schema.fact(owner.shape, steps.at(-1)) ?? null;
}

function valuesOf(schema, fact, text, position, word) {
  if (!fact) return null;
  const open = /\{\{[^}]*$/.test(text.slice(text.lastIndexOf("\n", position - 1) + 1, position));
  if (fact.type === "expression" || open) return expressions(schema, text.slice(0, position - word.length));
  if (fact.type === "query") return Object.keys(schema.queries).map((name) => ({ label: name, type: "variable", detail: t("query") }));
  if (fact.type === "column" || fact.type === "columns") return columns(schema, text, position);
  if (fact.type === "boolean") return ["true", "false"].map((label) => ({ label, type: "keyword" }));
  return fact.options?.map((label) => ({ label, type: "enum", detail: fact.words?.[label] ?? "" }));
}

function blocks(schema) {
  return schema.blocks.map(({ name, label, hint, is_bare: isBare }) => ({
    label: name,
    type: "class",
    detail: label,
    info: hint,
    apply: isBare ? name : `${name}: `,
  }));
}

function keys(schema, shape) {
  const facts = shape === "block" ? Object.assign({}, ...schema.blocks.map(({ name }) => schema.shapes[`block ${name}`])) : schema.shapes[shape];
  return Object.entries(facts ?? {}).map(([label, fact]) => ({
    label,
    type: "property",
    detail: fact.label,
    info: fact.hint || undefined,
    boost: fact.required ? 2 : 0,
    apply: `${label}: `,
  }));
}

function columns(schema, text, position) {
  const query = queryNear(text, position);
  const known = schema.queries[query] ?? [...new Set(Object.values(schema.queries).flat())];
  return known.map((label) => ({ label, type: "property", detail: query in schema.queries ? query : "" }));
}

// Of the block that the place is in: named before it, or soon after.
function queryNear(text, position) {
  const before = [...text.slice(Math.max(0, position - NEAR), position).matchAll(/\b(?:query|repeat): *[\x22\x27]?([\p{L}\p{N}_]+)/gu)].at(-1);
  return (before ?? /\bquery: *[\x22\x27]?([\p{L}\p{N}_]+)/u.exec(text.slice(position, position + NEAR)))?.[1] ?? "";
}

function expressions(schema, before) {
  if (/\|\s*$/.test(before)) return schema.filters.map((label) => ({ label, type: "function" }));
  const owner = /([\p{L}\p{N}_]+)\.$/u.exec(before)?.[1];
  if (owner) return (schema.queries[owner] ?? []).map((label) => ({ label, type: "property", detail: owner }));
  const queries = Object.keys(schema.queries).map((label) => ({ label, type: "variable", detail: t("query") }));
  const parameters = schema.parameters.map(({ name, label }) => ({ label: name, type: "variable", detail: label === name ? "" : label }));
  return [...parameters, ...queries];
}

// What SQL binds as `$name`.
function bound({ parameters }) {
  return [...parameters.map(({ name }) => name), "today"].map((label) => ({ label, type: "variable" }));
}

function sqlBefore(text, position) {
  return text.slice(Math.max(0, position - NEAR), position);
}

// Datasets first where a table is expected.
function names(schema, before, word) {
  const isTable = /\b(?:from|join)\s+[\p{L}\p{N}_]*$/iu.test(before);
  return candidates(schema.datasets, before, word, before).map(({ name, of, text }) => ({
    label: name,
    apply: text,
    detail: of || t("dataset"),
    type: of ? "property" : "class",
    boost: isTable && !of ? 50 : 0,
  }));
}
