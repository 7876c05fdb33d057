// Another query for a chart or a table: columns that it does not have give way to ones that it has, or go.

import { removeItem, removeKey, setValue } from "./template-patch.js";
import { isMap, isScalar, isSeq, keyOf, pairOf } from "./template-tree.js";
import { split } from "./template-beginnings.js";

const NAMES = ["column", "columns"]; // types of keys whose values are names of columns

/** Steps that make the chart or table at `path` fit `columns`; none where it does already. */
export function fittingSteps(tree, path, shape, columns, { shapes }) {
  const part = tree.node(path);
  if (!isMap(part) || !columns?.length) return [];
  const kind = pairOf(part, "kind")?.value?.value;
  const steps = part.items.flatMap((pair) => {
    const key = keyOf(pair);
    const general = shapes[shape]?.[key];
    const fact = general?.by_kind?.[kind] ?? general;
    if (NAMES.includes(fact?.type)) return namesFitted([...path, key], pair.value, columns, fact.required && fitting(key, columns));
    if (fact?.shape === "column") return listFitted([...path, key], pair.value, columns);
    return key === "labels" ? labelsFitted([...path, key], pair.value, columns) : [];
  });
  return steps;
}

/** Paths of the charts and tables that read a query. */
export function readersOf(tree, query) {
  const found = [];
  const walk = (node, path) => {
    if (isSeq(node)) node.items.forEach((item, index) => walk(item, [...path, index]));
    if (!isMap(node)) return;
    if (pairOf(node, "query")?.value?.value === query) found.push(path);
    for (const pair of node.items) walk(pair.value, [...path, keyOf(pair)]);
  };
  walk(tree.node(["blocks"]), ["blocks"]);
  return found;
}

function namesFitted(path, node, columns, instead) {
  if (isScalar(node)) {
    if (columns.includes(node.value)) return [];
    const asQuoted = node.value !== ""; // which is what a chart has that was added before its columns were known
    return [instead ? (tree) => setValue(tree, path, instead, { asQuoted }) : (tree) => removeKey(tree, path)];
  }
  if (!isSeq(node)) return [];
  const missing = missingOf(node.items.map((item) => item.value), columns);
  if (missing.length < node.items.length) return without(path, missing);
  if (!instead) return [(tree) => removeKey(tree, path)];
  return [...without(path, missing.slice(1)), (tree) => setValue(tree, [...path, 0], instead)];
}

// Without one that is left a table shows all columns.
function listFitted(path, node, columns) {
  if (!isSeq(node)) return [];
  const missing = missingOf(node.items.map((item) => (isScalar(item) ? item.value : pairOf(item, "name")?.value?.value)), columns);
  return missing.length === node.items.length ? [(tree) => removeKey(tree, path)] : without(path, missing);
}

function labelsFitted(path, node, columns) {
  const names = isMap(node) ? node.items.map(keyOf) : [];
  const missing = names.filter((name) => !columns.includes(name));
  if (missing.length && missing.length === names.length) return [(tree) => removeKey(tree, path)];
  return missing.map((name) => (tree) => removeKey(tree, [...path, name]));
}

const missingOf = (names, columns) => names.flatMap((name, index) => (columns.includes(name) ? [] : [index]));

// From the last to the first: the places of those before stay.
const without = (path, indexes) => [...indexes].reverse().map((index) => (tree) => removeItem(tree, path, index));

function fitting(key, columns) {
  const { numbers, names } = split(columns);
  return (key === "x" ? names[0] : numbers[0]) ?? columns.find((name) => name !== names[0]) ?? columns[0];
}
