// What a new part of a template begins with: something that is right as it is, with data that are there.

import { t } from "./i18n.js";
import { quoted } from "./sql-names.js";
import { columnsOf, firstGroups, groupedSql } from "./template-groups.js";

const IDS = /(^|_)(id|no|nr|code|number)$|编号|代码/i;
const GROUPED = /\bgroup\s+by\b/i;
const NUMBERS = /amount|revenue|sales|total|sum|count|quantity|price|cost|profit|orders|number|金额|收入|销售|数量|合计|成本|利润|单价/i;

export function rowsOf(dataset) {
  return `select * from ${quoted(dataset)}`;
}

/** `name`, or with a number that nobody has yet. */
export function freeName(name, taken) {
  const plain = name.replace(/[^\p{L}\p{N}_]+/gu, "_").replace(/^_+(?=\p{L})/u, "");
  let free = plain;
  for (let number = 2; taken.includes(free); number += 1) free = `${plain}_${number}`;
  return free;
}

/**
 * @returns {{block: any, query?: {name: string, sql: string}}} `query` is one that the template needs for it
 */
export function beginning(kind, form) {
  const { schema } = form;
  const data = (wish) => dataFor(form, wish);
  switch (kind) {
    case "heading":
      return { block: { heading: t("New section") } };
    case "text":
      return { block: { text: t("Write here. Lists begin with - and **bold** stands between stars.") } };
    case "kpis": {
      const { query, numbers, added } = data({ isList: false });
      return { block: { kpis: [{ label: numbers[0] ? said(numbers[0]) : t("Figure"), value: numbers[0] ? `${query}.${numbers[0]}` : "0" }] }, query: added };
    }
    case "chart": {
      const { query, columns, numbers, names, added } = data();
      const x = names[0] ?? columns[0] ?? "";
      const y = numbers[0] ?? columns.find((name) => name !== x) ?? "";
      return { block: { chart: { kind: "bar", query, title: t("New chart"), x, y } }, query: added };
    }
    case "table": {
      const { query, added } = data({ isGrouped: false });
      return { block: { table: { query } }, query: added };
    }
    case "image":
      return { block: { image: { file: "logo.png" } } };
    case "columns":
      return { block: { columns: [[{ text: t("On the left") }], [{ text: t("On the right") }]] } };
    case "section":
      return { block: { section: { blocks: [{ heading: t("New section") }] } } };
    case "when":
      return { block: { when: "true", blocks: [{ text: t("Only if it is so") }] } };
    case "repeat": {
      const { query, columns, added } = data();
      return { block: { repeat: query, blocks: [{ heading: columns[0] ? `{{ row.${columns[0]} }}` : t("New section") }] }, query: added };
    }
    default:
      return { block: schema.blocks.find(({ name }) => name === kind)?.is_bare ? kind : { [kind]: "" } };
  }
}

/** An entry of a list: a table's column that is not `taken` yet, a figure … */
export function firstItem(shape, { schema, query, taken }) {
  const columns = schema.queries[query] ?? [];
  switch (shape) {
    case "column":
      return { name: columns.find((name) => !taken.includes(name)) ?? columns[0] ?? "" };
    case "figure":
      return { label: t("Figure"), value: firstFigure(schema) };
    case "target":
      return { value: "0", label: t("Target") };
    case "color":
      return { when: "value < 0", color: "red" };
    case "style":
      return { when: `row.${columns[0] ?? "name"} is none`, style: "strong" };
    default:
      return {};
  }
}

function firstFigure({ queries }) {
  const [query, columns] = Object.entries(queries).find(([, names]) => names.length) ?? [];
  return query ? `${query}.${columns[0]}` : "0";
}

// A query of the template that lists something, or all rows of a dataset where there is none.
function dataFor(form, { isList = true, isGrouped = isList } = {}) {
  const { schema, queryNames } = form;
  const several = queryNames.filter((name) => schema.queries[name]?.length > 1);
  const known = several.find((name) => isList && GROUPED.test(form.sqlOf(name))) ?? several[0] ?? queryNames[0];
  if (known) return { query: known, ...split(schema.queries[known] ?? []) };
  const [dataset, columns] = Object.entries(schema.datasets)[0] ?? [];
  if (!dataset) return { query: "", ...split([]) };
  if (!isGrouped) return { query: freeName(dataset, []), ...split(columns), added: { name: freeName(dataset, []), sql: rowsOf(dataset) } };
  const groups = firstGroups(dataset, schema.types[dataset], split(columns));
  const name = freeName(dataset, []);
  return { query: name, ...split(columnsOf(groups)), added: { name, sql: groupedSql(groups) } };
}

/** Which of them are figures, by their names. */
export function split(columns) {
  const numbers = columns.filter((name) => NUMBERS.test(name) && !IDS.test(name));
  return { columns, numbers, names: columns.filter((name) => !numbers.includes(name) && !IDS.test(name)) };
}


const said = (column) => column.replaceAll("_", " ").replace(/^\p{Ll}/u, (letter) => letter.toUpperCase());
