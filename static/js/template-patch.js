// Changes of a template that touch nothing but their own place: comments, blank lines and quotes elsewhere stay as they are.
//
// Each change is a list of `{from, to, insert}` of the text. Before it is handed out it is tried: the new text must say
// exactly what was wanted. Where it does not, the text is better changed by hand, and `CannotPatch` says so.

import { isMap, isScalar, isSeq, pairOf, treeOf } from "./template-tree.js";
import { afterColon, afterDash, inline, literal } from "./template-writing.js";

export class CannotPatch extends Error {}

/**
 * Sets what stands at `path`: a value that is there, or a key that is not there yet (before the key `before`, or last).
 * A text keeps the quotes of what it replaces, unless they are not somebody's own (`asQuoted`).
 */
export function setValue(tree, path, value, { before, asQuoted = true } = {}) {
  const node = tree.node(path);
  const wanted = (all) => assign(all, path, value);
  if (node === undefined || node === null) return checked(tree, addedKey(tree, path, value, before), wanted);
  return checked(tree, replaced(tree, path, node, value, asQuoted), wanted);
}

/** Takes a key away. Its comments stay, unless it is a part of its own (`whole`). */
export function removeKey(tree, path, { whole = false } = {}) {
  const map = tree.node(path.slice(0, -1));
  const index = map.items.findIndex((pair) => pair === pairOf(map, path.at(-1)));
  if (index < 0) return [];
  const changes = map.flow ? outOfFlow(tree, map, index) : withoutPair(tree, map, index, whole);
  return checked(tree, changes, (all) => remove(all, path));
}

export function insertItem(tree, path, index, value) {
  const list = tree.node(path);
  return checked(tree, inserted(tree, path, list, index, value), (all) => insert(all, path, index, value));
}

export function removeItem(tree, path, index) {
  const list = tree.node(path);
  const changes = list.flow ? outOfFlow(tree, list, index) : withoutItem(tree, path, list, index);
  return checked(tree, changes, (all) => remove(all, [...path, index]));
}

/** The entry at `from` comes to stand at `to`, with its comments; what stands between entries stays in its place. */
export function moveItem(tree, path, from, to) {
  const list = tree.node(path);
  const segments = tree.segments(list);
  const order = segments.map((_, index) => index);
  order.splice(to, 0, ...order.splice(from, 1));
  const [first, last] = [Math.min(from, to), Math.max(from, to)];
  let insert = "";
  for (let place = first; place <= last; place += 1) {
    const { start, end } = segments[order[place]];
    insert += tree.text.slice(start, end);
    if (place < last) insert += tree.text.slice(segments[place].end, segments[place + 1].start);
  }
  const changes = [{ from: segments[first].start, to: segments[last].end, insert }];
  return checked(tree, changes, (all) => {
    const values = at(all, path);
    values.splice(to, 0, ...values.splice(from, 1));
    return all;
  });
}

/** The same entry once more, below itself. */
export function copyItem(tree, path, index) {
  const list = tree.node(path);
  const value = copied(at(tree.value, [...path, index]));
  if (list.flow) return insertItem(tree, path, index + 1, value);
  const { start } = tree.entries(list)[index];
  const { end } = tree.segments(list)[index];
  const changes = [{ from: end, to: end, insert: `\n${" ".repeat(tree.column(start))}${tree.text.slice(start, end)}` }];
  return checked(tree, changes, (all) => insert(all, path, index + 1, value));
}

export function applied(text, changes) {
  let result = text;
  for (const { from, to, insert } of [...changes].sort((one, other) => other.from - one.from)) {
    result = result.slice(0, from) + insert + result.slice(to);
  }
  return result;
}

function checked(tree, changes, wanted) {
  const after = treeOf(applied(tree.text, changes));
  if (after.problem || !isSame(after.value, wanted(copied(tree.value)))) throw new CannotPatch();
  return changes;
}

// values

function replaced(tree, path, node, value, asQuoted) {
  const inFlow = isInFlow(tree, path);
  if (!isScalar(node)) {
    if (!node.flow) throw new CannotPatch();
    return [{ from: node.range[0], to: node.range[1], insert: inline(value, { inFlow }) }];
  }
  if (node.range[0] === node.range[1]) return afterNothing(tree, path, value, inFlow);
  if (node.type.startsWith("BLOCK")) return blockText(tree, node, value, path);
  if (typeof value === "string" && value.includes("\n") && !inFlow && typeof path.at(-1) === "string") {
    const indent = tree.column(tree.entries(tree.node(path.slice(0, -1))).find((entry) => entry.value === node).start);
    const rest = tree.text.slice(node.range[1], tree.lineEnd(node.range[1]));
    const lines = literal(value, indent + 2);
    if (lines !== null && !node.anchor) return [{ from: node.range[0], to: node.range[1] + rest.length, insert: `|${rest}\n${lines}` }];
  }
  const insert = inline(value, { inFlow, style: asQuoted && typeof value === "string" ? node.type : "" });
  return [{ from: node.range[0], to: node.range[1], insert }];
}

// A literal or folded block stays one (folded ones become literal: their lines are then what they look like).
function blockText(tree, node, value, path) {
  const from = node.range[0];
  const headEnd = tree.lineEnd(from);
  const head = tree.text.slice(from, headEnd);
  const end = tree.endOf(node);
  const body = tree.text.slice(headEnd + 1, end);
  const indent = /^( *)\S/m.exec(body)?.[1].length;
  const lines = typeof value === "string" && indent && !/\d/.test(head.split("#")[0]) ? literal(value, indent) : null;
  if (lines !== null) return [{ from, to: end, insert: `${head.replace(/^>/, "|")}\n${lines}` }];
  const comment = /\s+#.*$/.exec(head)?.[0] ?? "";
  return [{ from, to: end, insert: inline(value, { inFlow: isInFlow(tree, path) }) + comment }];
}

function addedKey(tree, path, value, before) {
  const owner = tree.node(path.slice(0, -1));
  const key = path.at(-1);
  if (isMap(owner) && pairOf(owner, key)) return afterNothing(tree, path, value, isInFlow(tree, path));
  if (isMap(owner) && owner.items.length && !owner.flow) return newPair(tree, owner, key, value, before);
  if (isMap(owner) && owner.flow) return intoFlow(tree, owner, owner.items.length, `${inline(key)}: ${inline(value)}`);
  if (owner === null || (isScalar(owner) && owner.value === null)) {
    if (path.length > 1) return afterNothing(tree, path.slice(0, -1), { [key]: value }, isInFlow(tree, path.slice(0, -1)));
    const end = tree.text.length;
    const line = tree.text && !tree.text.endsWith("\n") ? "\n" : "";
    return [{ from: end, to: end, insert: `${line}${inline(key, { inFlow: false })}:${afterColon(value, 0)}\n` }];
  }
  if (owner === undefined && path.length > 1) return addedKey(tree, path.slice(0, -1), { [key]: value }, before);
  throw new CannotPatch();
}

function newPair(tree, map, key, value, before) {
  const segments = tree.segments(map);
  const indent = tree.column(tree.entries(map)[0].start);
  const line = `${inline(key, { inFlow: false })}:${afterColon(value, indent)}`;
  const next = before === undefined ? -1 : map.items.findIndex((pair) => pair === pairOf(map, before));
  if (next >= 0) {
    const from = segments[next].start;
    return [{ from, to: from, insert: `${line}\n${" ".repeat(indent)}` }];
  }
  const from = tree.lineEnd(tree.entries(map).at(-1).end);
  return [{ from, to: from, insert: `\n${" ".repeat(indent)}${line}` }];
}

// A key, or a dash, with nothing behind it.
function afterNothing(tree, path, value, inFlow) {
  const owner = tree.node(path.slice(0, -1));
  const entries = tree.entries(owner);
  const entry = isMap(owner) ? entries[owner.items.indexOf(pairOf(owner, path.at(-1)))] : entries[path.at(-1)];
  const from = entry.end;
  if (inFlow || isSeq(owner)) return [{ from, to: from, insert: ` ${inline(value, { inFlow })}` }];
  const written = afterColon(value, tree.column(entry.start));
  if (!written.includes("\n")) return [{ from, to: from, insert: written }];
  const lines = written.indexOf("\n");
  const end = tree.lineEnd(from); // a comment stays beside the key
  return [
    { from, to: from, insert: written.slice(0, lines) },
    { from: end, to: end, insert: written.slice(lines) },
  ].filter((change) => change.insert);
}

function isInFlow(tree, path) {
  return path.some((_, length) => tree.node(path.slice(0, length))?.flow);
}

// entries of lists and maps

function inserted(tree, path, list, index, value) {
  if (list === undefined) return addedKey(tree, path, [value]);
  if (!isSeq(list)) {
    if (list !== null && !(isScalar(list) && list.range[0] === list.range[1])) throw new CannotPatch();
    return isInFlow(tree, path) ? afterNothing(tree, path, [value], true) : firstItem(tree, path, value, null);
  }
  if (list.flow && !list.items.length && !isInFlow(tree, path) && typeof path.at(-1) === "string") return firstItem(tree, path, value, list);
  if (list.flow) return intoFlow(tree, list, index, inline(value));
  const segments = tree.segments(list);
  const indent = tree.column(tree.entries(list)[0].start);
  const line = `- ${afterDash(value, indent)}`;
  const gap = segments.length > 1 ? tree.text.slice(segments[0].end, segments[1].start) : "";
  const between = `${/\n[ \t]*\n/.test(gap) ? "\n\n" : "\n"}${" ".repeat(indent)}`;
  if (index < segments.length) return [{ from: segments[index].start, to: segments[index].start, insert: line + between }];
  const from = segments.at(-1).end;
  return [{ from, to: from, insert: between + line }];
}

// The first entry below a key, in place of nothing or of empty brackets.
function firstItem(tree, path, value, brackets) {
  const owner = tree.node(path.slice(0, -1));
  const entry = tree.entries(owner)[owner.items.indexOf(pairOf(owner, path.at(-1)))];
  const indent = tree.column(entry.start) + 2;
  const end = tree.lineEnd(brackets ? brackets.range[1] : entry.end);
  const item = { from: end, to: end, insert: `\n${" ".repeat(indent)}- ${afterDash(value, indent)}` };
  if (!brackets) return [item];
  const colon = entry.token.sep.findLast(({ type }) => type === "map-value-ind").offset + 1;
  if (/[#\n]/.test(tree.text.slice(colon, brackets.range[1]))) throw new CannotPatch();
  return [{ from: colon, to: brackets.range[1], insert: "" }, item];
}

function intoFlow(tree, node, index, written) {
  const entries = tree.entries(node);
  if (!entries.length) return [{ from: node.range[0] + 1, to: node.range[0] + 1, insert: written }];
  if (index < entries.length) return [{ from: entries[index].start, to: entries[index].start, insert: `${written}, ` }];
  const { end } = entries.at(-1);
  return [{ from: end, to: end, insert: `, ${written}` }];
}

function outOfFlow(tree, node, index) {
  const entries = tree.entries(node);
  const { start, end } = entries[index];
  const next = entries[index + 1];
  if (next && !tree.text.slice(end, next.start).includes("#")) return [{ from: start, to: next.start, insert: "" }];
  if (next) return [{ from: start, to: commaAfter(tree, end, next.start), insert: "" }];
  if (!index) return [{ from: start, to: commaAfter(tree, end, node.range[1]), insert: "" }];
  const before = entries[index - 1].end;
  if (tree.text.slice(before, start).includes("#")) return [{ from: start, to: end, insert: "" }];
  return [{ from: before, to: end, insert: "" }];
}

function commaAfter(tree, from, to) {
  const between = /^[\s]*,/.exec(tree.text.slice(from, to));
  return between ? from + between[0].length : from;
}

function withoutPair(tree, map, index, whole) {
  const entries = tree.entries(map);
  const segments = tree.segments(map);
  const { start, end } = whole ? segments[index] : entries[index];
  if (entries.length === 1) return [{ from: start, to: end, insert: map === tree.root ? "" : "{}" }];
  const lineStart = tree.lineStart(start);
  const rest = tree.text.slice(end, tree.lineEnd(end));
  const sharesLine = tree.text.slice(lineStart, start).trim() !== "";
  if (rest.trim()) return [{ from: start, to: end + /^\s*/.exec(rest)[0].length, insert: "" }]; // its comment
  if (!sharesLine) return [lines(tree, lineStart, end)];
  const next = segments[index + 1].start;
  const onlySpace = !tree.text.slice(end, next).trim();
  return [{ from: start, to: onlySpace ? next : end, insert: "" }];
}

function withoutItem(tree, path, list, index) {
  const segments = tree.segments(list);
  const { start, end } = segments[index];
  const lineStart = tree.lineStart(start);
  const sharesLine = tree.text.slice(lineStart, start).trim() !== "";
  if (segments.length === 1 && (sharesLine || typeof path.at(-1) !== "string")) return [{ from: start, to: end, insert: "[]" }];
  if (segments.length === 1) {
    const owner = tree.node(path.slice(0, -1));
    const pair = tree.entries(owner)[owner.items.indexOf(pairOf(owner, path.at(-1)))];
    const colon = pair.token.sep.findLast(({ type }) => type === "map-value-ind").offset + 1;
    return [{ from: colon, to: colon, insert: " []" }, lines(tree, lineStart, end)];
  }
  if (!sharesLine) return [lines(tree, lineStart, end)];
  return [{ from: start, to: segments[index + 1].start, insert: "" }];
}

// Whole lines, with the line break after them, or else before them.
function lines(tree, from, to) {
  const end = tree.lineEnd(to);
  if (end < tree.text.length) return { from, to: end + 1, insert: "" };
  return { from: Math.max(0, from - 1), to: end, insert: "" };
}

// what is wanted, on plain values

// What two places share through an alias is two things then.
function copied(value) {
  if (Array.isArray(value)) return value.map(copied);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copied(each)]));
}

function at(all, path) {
  return path.reduce((value, step) => value?.[step], all);
}

function assign(all, path, value) {
  let owner = all;
  path.slice(0, -1).forEach((step) => {
    owner[step] ??= {};
    owner = owner[step];
  });
  owner[path.at(-1)] = value;
  return all;
}

function insert(all, path, index, value) {
  if (!Array.isArray(at(all, path))) assign(all, path, []);
  at(all, path).splice(index, 0, value);
  return all;
}

function remove(all, path) {
  const owner = at(all, path.slice(0, -1));
  if (Array.isArray(owner)) owner.splice(path.at(-1), 1);
  else delete owner[path.at(-1)];
  return all;
}

// The line break at the end of a block of text is no part of what it says.
function isSame(one, other) {
  if (typeof one === "string" && typeof other === "string") return one.replace(/\n$/, "") === other.replace(/\n$/, "");
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") return Object.is(one, other);
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => key in other && isSame(one[key], other[key]));
}
