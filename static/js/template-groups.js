// Queries that group a dataset and reckon figures: written from what was chosen, and read back into it. Any other query
// is SQL, and shown as such.

import { quoted } from "./sql-names.js";

const NAME = String.raw`(?:"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_]*)`;
const QUERY = new RegExp(
  String.raw`^select (?<items>.+?) from (?<dataset>${NAME})(?: where (?<only>.+?))?(?: group by [\d, ]+)?(?: order by \d+(?<falls> desc nulls last)?)?(?: limit (?<most>\d+))?$`,
  "u",
);
const STEP = new RegExp(String.raw`^date_trunc\('(?<step>\w+)', (?<column>${NAME})\)::date as (?<name>${NAME})$`, "u");
const FIGURE = new RegExp(String.raw`^(?<how>count|sum|avg|min|max)\((?<column>\*|${NAME})\) as (?<name>${NAME})$`, "u");
const COLUMN = new RegExp(`^${NAME}$`, "u");
const ONLY = new RegExp(String.raw`^(?<column>${NAME}) (?<how>=|in) \$(?<parameter>[\p{L}_][\p{L}\p{N}_]*)$`, "u");
const ITEM = new RegExp(String.raw`(?:"(?:[^"]|"")*"|'[^']*'|\((?:"(?:[^"]|"")*"|[^()"])*\)|[^,"'()])+`, "gu");

const MONEY = /amount|revenue|sales|turnover|金额|收入|销售额|营业额/i;

/** How dates are put together, and how figures are reckoned. */
export const STEPS = ["day", "week", "month", "quarter", "year"];
export const FIGURES = ["sum", "avg", "min", "max"];

const plain = (text) => (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);

/** The different values of a column. */
export function valuesOf(dataset, column) {
  return `select distinct ${quoted(column)} from ${quoted(dataset)} where ${quoted(column)} is not null order by 1`;
}

/**
 * @typedef {{dataset: string, by: {column: string, step?: string, name: string}[], of: {how: string, column: string, name: string}[],
 *   only: {column: string, how: string, parameter: string}[], most: number | null}} Groups
 */

/** @param {Groups} groups @returns {string} */
export function groupedSql({ dataset, by, of, only, most }) {
  const keys = by.map(({ column, step, name }) => (step ? `date_trunc('${step}', ${quoted(column)})::date as ${quoted(name)}` : quoted(column)));
  const figures = of.map(({ how, column, name }) => `${how}(${column === "*" ? "*" : quoted(column)}) as ${quoted(name)}`);
  const where = only.map(({ column, how, parameter }) => `${quoted(column)} ${how} $${parameter}`);
  const lines = [`select ${[...keys, ...figures].join(", ")}`, `from ${quoted(dataset)}`];
  if (where.length) lines.push(`where ${where.join(" and ")}`);
  if (by.length) lines.push(`group by ${by.map((_, index) => index + 1).join(", ")}`);
  if (by.length) lines.push(by[0].step || !of.length ? "order by 1" : `order by ${by.length + 1} desc nulls last`);
  if (most) lines.push(`limit ${most}`);
  return lines.join("\n");
}

/** What was chosen for a query; null for one that was written otherwise. @returns {Groups | null} */
export function groupsOf(sql) {
  const text = sql.replace(/\s+/g, " ").trim();
  const found = QUERY.exec(text)?.groups;
  if (!found) return null;
  const groups = { dataset: plain(found.dataset), by: [], of: [], only: [], most: found.most ? Number(found.most) : null };
  for (const item of found.items.match(ITEM).map((each) => each.trim())) {
    const figure = FIGURE.exec(item)?.groups;
    const step = STEP.exec(item)?.groups;
    if (figure) groups.of.push({ how: figure.how, column: plain(figure.column), name: plain(figure.name) });
    else if (step) groups.by.push({ column: plain(step.column), step: step.step, name: plain(step.name) });
    else if (COLUMN.test(item)) groups.by.push({ column: plain(item), name: plain(item) });
    else return null;
  }
  for (const each of found.only?.split(" and ") ?? []) {
    const only = ONLY.exec(each)?.groups;
    if (!only) return null;
    groups.only.push({ column: plain(only.column), how: only.how, parameter: only.parameter });
  }
  return groupedSql(groups).replace(/\s+/g, " ") === text && groups.of.length ? groups : null;
}

/** Names of the columns that the query gives. */
export const columnsOf = ({ by, of }) => [...by, ...of].map(({ name }) => name);

/** An entry for `by`; its name is that of the step, unless another column has it. */
export function key(column, step, columns) {
  if (!step) return { column, name: column };
  return { column, step, name: columns.includes(step) ? `${column}_${step}` : step };
}

/** An entry for `of`. */
export function figure(how, column, taken) {
  const name = how === "count" ? "row_count" : how === "sum" ? column : `${how}_${column}`;
  return { how, column, name: taken.includes(name) ? `${how}_of_${column === "*" ? "rows" : column}` : name };
}

/** Something to begin with: the first texts or dates of a dataset, and its first amount, or how many rows. */
export function firstGroups(dataset, types, { names, numbers }) {
  const columns = Object.keys(types);
  const isNumber = (column) => ["integer", "decimal", "float"].includes(types[column]);
  const isTime = (column) => ["date", "datetime", "timestamp"].includes(types[column]);
  const text = names.find((column) => ["text", "boolean"].includes(types[column]));
  const time = columns.find(isTime);
  const by = text ? [key(text, "", columns)] : time ? [key(time, "month", columns)] : [];
  const amounts = numbers.filter(isNumber);
  const number = amounts.find((column) => MONEY.test(column)) ?? amounts[0] ?? names.find(isNumber);
  const taken = by.map(({ name }) => name);
  return { dataset, by, of: [number ? figure("sum", number, taken) : figure("count", "*", taken)], only: [], most: null };
}
