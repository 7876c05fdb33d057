// Colours for template source: YAML keys, texts, comments, {{ expressions }} and SQL words. Looks only; the server checks.

const SQL =
  /^(select|from|where|group|order|by|and|or|not|as|on|join|left|right|inner|outer|full|cross|union|all|distinct|with|case|when|then|else|end|in|is|null|like|ilike|between|limit|offset|having|desc|asc|over|partition|cast|using|interval|date|sum|count|avg|min|max|round|coalesce)$/i;
const SECTIONS_WITH_SQL = new Set(["parameters", "queries", "each_row"]);
const TOKENS =
  /(#.*$)|(\{\{.*?\}\}|\{%.*?%\})|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(^\s*(?:- )*[A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff-]*(?=:(?:\s|$)))|(\$[A-Za-z_]\w*)|(\b\d+(?:\.\d+)?\b)|([A-Za-z_]+)|([{}[\]])/g;
const CLASSES = [null, "comment", "expression", "text", "key", "parameter", "number", "word", "bracket"];

/** Safe HTML of `source`, a block for each line; `marks` says which lines (from 1) are wrong. */
export function highlight(source, marks) {
  let section = "";
  return source
    .split("\n")
    .map((line, index) => {
      section = /^(\w+):/.exec(line)?.[1] ?? section;
      const mark = marks.get(index + 1);
      const html = coloured(line, SECTIONS_WITH_SQL.has(section)) || "<br>";
      return `<div class="line${mark ? ` is-${mark}` : ""}">${html}</div>`;
    })
    .join("");
}

function coloured(line, hasSql) {
  let html = "";
  let end = 0;
  for (const match of line.matchAll(TOKENS)) {
    const kind = CLASSES[match.findIndex((group, index) => index > 0 && group !== undefined)];
    html += escaped(line.slice(end, match.index));
    end = match.index + match[0].length;
    if (kind === "comment" && match.index > 0 && !/\s/.test(line[match.index - 1])) html += escaped(match[0]);
    else if (kind === "word" && !(hasSql && SQL.test(match[0]))) html += escaped(match[0]);
    else html += `<span class="c-${kind === "word" ? "sql" : kind}">${escaped(match[0])}</span>`;
  }
  return html + escaped(line.slice(end));
}

const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
