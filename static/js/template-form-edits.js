// What a control of the form view does to the text: changes of it, from the path of the field and what it now says.

import { insertItem, removeItem, removeKey, setValue } from "./template-patch.js";
import { isScalar, isSeq } from "./template-tree.js";

/** What was typed, as the value that is meant. */
export function valued(text, type) {
  if (text === "") return "";
  if (type === "number") return Number(text);
  if (type === "value" && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (type === "value" && /^(true|false)$/.test(text)) return text === "true";
  return text;
}

/** A field that was emptied goes, unless the part is nothing without it: that keeps its place for what is written next. */
export function fieldChange(tree, path, value, { blocks, isNeeded = false }) {
  const [above, key] = [path.slice(0, -1), path.at(-1)];
  const owner = tree.node(above);
  if (isScalar(owner) && owner.value !== null && typeof key === "string") {
    const short = typeof above.at(-1) === "number" ? "name" : "file"; // a column, a picture
    return setValue(tree, above, key === short ? value : { [short]: owner.value, [key]: value });
  }
  if (value !== "") return setValue(tree, path, value, above.length ? {} : { before: "blocks" });
  if (typeof key === "number") return removeItem(tree, above, key);
  const isKept = isNeeded || blocks.some(({ name }) => name === key) || above.at(-1) === "labels" || above[0] === "queries";
  return isKept ? setValue(tree, path, "") : removeKey(tree, path);
}

export function booleanChange(tree, path, isOn, usual) {
  if (isOn !== usual) return setValue(tree, path, isOn);
  return tree.node(path) ? removeKey(tree, path) : [];
}

/** Of a list of some of several texts. */
export function memberChange(tree, path, value, isOn) {
  const node = tree.node(path);
  const now = isScalar(node) && node.value !== null ? [node.value] : [];
  if (!isSeq(node) && !isOn) return node ? removeKey(tree, path) : [];
  if (!isSeq(node)) return setValue(tree, path, [...now, value], { before: "blocks" });
  const index = node.items.findIndex((item) => item.value === value);
  if (isOn) return index < 0 ? insertItem(tree, path, node.items.length, value) : [];
  return index < 0 ? [] : removeItem(tree, path, index);
}

/** One value becomes a list of two. */
export function appendChange(tree, path, value) {
  const node = tree.node(path);
  if (isSeq(node)) return insertItem(tree, path, node.items.length, value);
  return setValue(tree, path, isScalar(node) && node.value !== null ? [node.value, value] : value);
}
