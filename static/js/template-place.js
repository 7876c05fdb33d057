// Where in a template a place in its text is: the keys around it. By indentation and brackets, so that it is known
// while the text is still wrong.

const LINE = /^(\s*)((?:-\s+|-$)*)(?:("?)([\p{L}_][\p{L}\p{N}_-]*)\3:(?=\s|$))?\s*/u;
const FLOW_LINES = 20; // of one flow value, above the place

/**
 * `path` are keys and "-" for entries of lists; `key` is that whose value stands there, or null where a key or an
 * entry of a list does. `word` is what was typed of it so far.
 * `isKey`: it can only be a key.
 * @returns {{path: string[], key: string | null, isKey: boolean, word: string}}
 */
export function placeAt(text, position) {
  const lines = text.slice(0, position).split("\n");
  for (let first = lines.length - 1; first >= Math.max(0, lines.length - FLOW_LINES); first -= 1) {
    const head = LINE.exec(lines[first]);
    const rest = [lines[first].slice(head[0].length), ...lines.slice(first + 1)].join("\n");
    if (!/^[{[]/.test(rest)) continue;
    const inner = withinFlow(rest);
    if (!inner) continue;
    const own = entriesOf(head);
    return { ...inner, path: [...pathAbove(lines, first, own), ...own.map((each) => each.name), ...inner.path] };
  }
  const last = lines.length - 1;
  const head = LINE.exec(lines[last]);
  const own = entriesOf(head);
  const path = [...pathAbove(lines, last, own, head[0].length), ...own.map((each) => each.name)];
  const key = own.length && own.at(-1).name !== "-" ? path.pop() : null;
  return { path, key, isKey: !own.length, word: lines[last].slice(head[0].length) };
}

function entriesOf([, indent, dashes, , key]) {
  const found = [];
  for (const match of dashes.matchAll(/-/g)) found.push({ name: "-", column: indent.length + match.index });
  if (key) found.push({ name: key, column: indent.length + dashes.length });
  return found;
}

// Keys and dashes on lines above that stand further to the left. A list may begin below its key itself.
function pathAbove(lines, index, own, column = 0) {
  const path = [];
  let limit = own.length ? own[0].column + (own[0].name === "-" ? 0.5 : 0) : column;
  for (let above = index - 1; above >= 0 && limit > 0; above -= 1) {
    if (!lines[above].trim() || /^\s*#/.test(lines[above])) continue;
    for (const { name, column: at } of entriesOf(LINE.exec(lines[above])).reverse()) {
      if (at >= limit) continue;
      path.unshift(name);
      limit = at + (name === "-" ? 0.5 : 0);
    }
  }
  return path;
}

// The place at the end of `text`, which begins with a bracket; null when that is closed by then.
function withinFlow(text) {
  const open = [];
  let word = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    const level = open.at(-1);
    if (!word.trim() && (character === '"' || character === "'")) {
      const end = text.indexOf(character, at + 1);
      word = end < 0 ? text.slice(at) : text.slice(at, end + 1);
      at = end < 0 ? text.length : end;
    } else if (character === "{" || character === "[") {
      open.push({ isMap: character === "{", key: null });
      word = "";
    } else if (character === "}" || character === "]") {
      open.pop();
      word = " ";
      if (!open.length) return null;
    } else if (character === "," && level) {
      level.key = null;
      word = "";
    } else if (character === ":" && level?.isMap && level.key === null && /[\s]|^$/.test(text[at + 1] ?? "")) {
      level.key = word.trim().replace(/^["']|["']$/g, "");
      word = "";
    } else word += character;
  }
  const last = open.at(-1);
  const path = open.slice(0, -1).map((each) => (each.isMap ? each.key : "-"));
  if (!last.isMap) path.push("-");
  return { path, key: last.isMap ? last.key : null, isKey: last.isMap && last.key === null, word: word.trimStart() };
}
