// A template's text as a tree that knows where each part stands: what the form view reads, and what it changes.

import { isMap, isScalar, isSeq, parseDocument } from "../vendor/yaml-2/yaml.min.js";

const OPTIONS = { keepSourceTokens: true, prettyErrors: false, logLevel: "silent" };
const MOST_ALIASES = 100; // a few lines of them can stand for gigabytes

class Tree {
  #value = {};

  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.document = parseDocument(text, OPTIONS);
    this.root = this.document.contents;
    this.problem = this.#problem();
  }

  // The first thing that keeps the text from being read: {position, message}; null when it can be.
  #problem() {
    const [error] = this.document.errors;
    if (error) return { position: error.pos[0], message: error.message };
    const nothing = isScalar(this.root) && this.root.value === null;
    if (this.root && !nothing && !isMap(this.root)) return { position: this.root.range[0], message: "" };
    try {
      this.#value = this.document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {};
    } catch (aliases) {
      return { position: 0, message: aliases.message };
    }
    return null;
  }

  /** What the text says, as plain values; to be looked at only. */
  get value() {
    return this.#value;
  }

  /** The node at a path of keys and indexes; undefined where there is none, null where nothing stands. */
  node(path) {
    return path.reduce((node, step) => child(node, step), this.root);
  }

  /** The text of a part as it stands there. */
  source(node) {
    return this.text.slice(node.range[0], this.endOf(node));
  }

  lineStart(position) {
    return this.text.lastIndexOf("\n", position - 1) + 1;
  }

  lineEnd(position) {
    const end = this.text.indexOf("\n", position);
    return end < 0 ? this.text.length : end;
  }

  column(position) {
    return position - this.lineStart(position);
  }

  /** The line and column (from 1) of a place in the text, and back. */
  lineOf(position) {
    const line = this.text.slice(0, position).split("\n").length;
    return [line, this.column(position) + 1];
  }

  positionOf(line, column) {
    let start = 0;
    for (let number = 1; number < line; number += 1) {
      const end = this.text.indexOf("\n", start);
      if (end < 0) break;
      start = end + 1;
    }
    return Math.min(start + column - 1, this.text.length);
  }

  /** The path of the innermost part in which a place is. */
  pathAt(position) {
    const path = [];
    let node = this.root;
    while ((isMap(node) || isSeq(node)) && node.items.length) {
      const index = this.segments(node).findIndex(({ start, end }) => position >= start && position <= end);
      if (index < 0) break;
      path.push(isMap(node) ? keyOf(node.items[index]) : index);
      node = isMap(node) ? node.items[index].value : node.items[index];
    }
    return path;
  }

  commentAbove(list, index) {
    const node = this.node(list);
    const above = this.text.slice(this.segments(node)[index].start, this.entries(node)[index].start);
    return above.replace(/^\s*#+ ?/gm, "").trim();
  }

  /** Where the content of a node ends: not its comments, and not the line break after it. */
  endOf(node) {
    if (isScalar(node) && node.type?.startsWith("BLOCK")) {
      const end = node.range[1];
      return this.text[end - 1] === "\n" ? end - 1 : end;
    }
    if ((isMap(node) || isSeq(node)) && !node.flow && node.items.length) {
      const last = this.entries(node).at(-1);
      return last.end;
    }
    return node.range[1];
  }

  /**
   * The entries of a list or map, in order: `start` of its dash, key or value, `end` of its content, and `token` of the
   * reader of YAML.
   */
  entries(node) {
    const tokens = node.srcToken.items.filter((token) => token.key || token.sep || token.value || token.start.some(isDash));
    return node.items.map((item, index) => {
      const token = tokens[index];
      const value = isMap(node) ? item.value : item;
      const start = isMap(node) ? this.#keyStart(item, token) : (token.start.find(isDash)?.offset ?? item.range[0]);
      return { start, end: this.#entryEnd(node, item, token, value, start), value, token };
    });
  }

  /** Entries of a list or map with what belongs to them: comments directly above, those within, and after them on their line. */
  segments(node) {
    if (node.flow) return this.entries(node);
    const entries = this.entries(node);
    return entries.map((entry, index) => {
      const column = this.column(entry.start);
      const floor = index ? this.lineEnd(entries[index - 1].end) : 0;
      const roof = entries[index + 1]?.start ?? this.text.length;
      return { ...entry, start: this.#withAbove(entry.start, column, floor), end: this.#withBelow(entry.end, column, roof) };
    });
  }

  #keyStart(pair, token) {
    const explicit = token.start.find(({ type }) => type === "explicit-key-ind" || type === "anchor" || type === "tag");
    return explicit?.offset ?? pair.key.range[0];
  }

  #entryEnd(node, item, token, value, start) {
    if (value?.range && value.range[1] > value.range[0]) return this.endOf(value);
    const colon = token.sep?.findLast(({ type }) => type === "map-value-ind");
    if (colon) return colon.offset + 1;
    return isMap(node) ? item.key.range[1] : start + (token.start.some(isDash) ? 1 : 0);
  }

  #withAbove(start, column, floor) {
    if (this.text.slice(this.lineStart(start), start).trim()) return start; // not the first of its line
    let first = start;
    for (;;) {
      const line = this.lineStart(first);
      const above = this.lineStart(line - 1);
      if (line <= floor || above < floor || line === 0) return first;
      const text = this.text.slice(above, line - 1);
      if (!/^\s*#/.test(text) || text.indexOf("#") !== column) return first;
      first = above + column;
    }
  }

  #withBelow(end, column, roof) {
    let last = this.lineEnd(end);
    let next = last + 1;
    while (next < roof) {
      const line = this.text.slice(next, this.lineEnd(next));
      if (line.trim() && !(/^\s*#/.test(line) && line.indexOf("#") > column)) break;
      if (line.trim()) last = next + line.length;
      next += line.length + 1;
    }
    return last;
  }
}

const KEPT = 3; // the text that is shown, what it becomes, and one between
const kept = new Map();

/** Trees are never changed, and to read one takes time: those of the last texts are kept. */
export function treeOf(text) {
  const tree = kept.get(text) ?? new Tree(text);
  kept.delete(text);
  kept.set(text, tree);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return tree;
}

export { isMap, isScalar, isSeq };

const isDash = (token) => token.type === "seq-item-ind";

function child(node, step) {
  if (isMap(node)) return pairOf(node, step)?.value;
  if (isSeq(node) && typeof step === "number") return node.items[step];
  return undefined;
}

export function pairOf(map, key) {
  return isMap(map) ? map.items.find((pair) => String(pair.key?.value ?? "") === key) : undefined;
}

export function keyOf(pair) {
  return String(pair.key?.value ?? "");
}
