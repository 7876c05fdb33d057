// Values as YAML: as plain as they can be, in the way of what stood there before.

import { isScalar, parseDocument } from "../vendor/yaml-2/yaml.min.js";

const NEVER_PLAIN = /^[^\p{L}_$]|[\p{Cc}\u2028\u2029\ufeff]|: |:$| #|\s$/u;
const UNPRINTABLE = /[^\t\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;
const STEP = 2;

/** In one line, for the inside of brackets or elsewhere. */
export function inline(value, { inFlow = true, style = "" } = {}) {
  if (Array.isArray(value)) return `[${value.map((each) => inline(each)).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    return `{${Object.entries(value)
      .map(([key, each]) => `${inline(key)}: ${inline(each)}`)
      .join(", ")}}`;
  }
  return typeof value === "string" ? text(value, { inFlow, style }) : String(value);
}

function text(value, { inFlow, style }) {
  if (style === "QUOTE_SINGLE" && !/[\n\r\t]/.test(value) && !UNPRINTABLE.test(value)) return `'${value.replaceAll("'", "''")}'`;
  if (style === "QUOTE_DOUBLE" || !isPlain(value, inFlow)) return quoted(value);
  return value;
}

function quoted(value) {
  return JSON.stringify(value).replace(/[\x7f-\x9f\u2028\u2029\ufeff]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function isPlain(value, inFlow) {
  if (NEVER_PLAIN.test(value) || (inFlow && /[[\]{},]/.test(value))) return false;
  const node = parseDocument(inFlow ? `[${value}]` : value, { logLevel: "silent" }).contents;
  const scalar = inFlow ? node?.items?.[0] : node;
  return isScalar(scalar) && scalar.value === value && (!inFlow || node.items.length === 1);
}

/** Lines of a literal block below its head, or null where its way of writing cannot hold the text. */
export function literal(value, indent) {
  const lines = value.replace(/\n$/, "").split("\n");
  const first = lines.find((line) => line.trim());
  if (!first || /^\s/.test(first) || UNPRINTABLE.test(value) || !lines.at(-1).trim() || /\r/.test(value)) return null;
  if (lines.some((line) => !line.trim() && line)) return null;
  return lines.map((line) => (line ? " ".repeat(indent) + line : "")).join("\n");
}

/** What follows the colon of a key whose line is indented by `indent`; maps and lists of maps over several lines. */
export function afterColon(value, indent) {
  if (typeof value === "string" && value.includes("\n")) {
    const lines = literal(value, indent + STEP);
    if (lines !== null) return ` |\n${lines}`;
  }
  if (Array.isArray(value) && value.some((each) => each !== null && typeof each === "object")) {
    return value.map((each) => `\n${" ".repeat(indent + STEP)}- ${inline(each)}`).join("");
  }
  if (isMapping(value) && Object.keys(value).length) {
    return Object.entries(value)
      .map(([key, each]) => `\n${" ".repeat(indent + STEP)}${inline(key, { inFlow: false })}:${afterColon(each, indent + STEP)}`)
      .join("");
  }
  return ` ${inline(value, { inFlow: false })}`;
}

/** An entry of a list after its dash, which stands at `indent`. */
export function afterDash(value, indent) {
  if (!isMapping(value) || !Object.keys(value).length) return inline(value, { inFlow: false });
  return Object.entries(value)
    .map(([key, each]) => `${inline(key, { inFlow: false })}:${afterColon(each, indent + STEP)}`)
    .join(`\n${" ".repeat(indent + STEP)}`);
}

function isMapping(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
