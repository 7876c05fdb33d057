// The language of templates: YAML, in which queries are SQL and `{{ }}` is Jinja. Looks only; the server checks.

import {
  Decoration,
  LanguageSupport,
  MatchDecorator,
  parseMixed,
  SQLDialect,
  syntaxHighlighting,
  tagHighlighter,
  tags,
  ViewPlugin,
  yamlLanguage,
} from "../vendor/codemirror-6/codemirror.min.js";

const SQL = SQLDialect.define({
  keywords:
    "all and any array as asc between by case cast cross cube date day desc distinct else end escape except exclude exists extract false filter for from full group grouping having hour ilike in inner intersect interval is join last lateral left like limit month natural not null nulls offset on or order outer over partition pivot preceding qualify range right rollup row rows sample select semi sets similar some table then time timestamp true unbounded union unnest unpivot using values when where window with within year",
  builtin: "avg coalesce concat count date_diff date_part date_trunc greatest least lower max median min mode nullif quantile_cont replace round row_number strftime sum trim upper",
  types: "bigint boolean decimal double float integer smallint text uuid varchar",
  hashComments: false,
  doubleQuotedStrings: false,
  specialVar: "$",
});

// Keys whose value is SQL wherever they stand; below `queries` every value is.
const WITH_SQL = new Set(["each", "each_row", "options"]);
const TEXTS = new Set(["Literal", "QuotedLiteral", "BlockLiteralContent"]);

const mixed = yamlLanguage.configure({
  wrap: parseMixed((node, input) => (TEXTS.has(node.name) && isSql(node, input) ? { parser: SQL.language.parser } : null)),
});

function isSql({ node }, input) {
  const pair = pairAround(node);
  const key = pair?.getChild("Key");
  if (!key || key.from === node.from) return false;
  const name = input.read(key.from, key.to);
  const owner = pairAround(pair)?.getChild("Key");
  if (!owner) return name === "each_row";
  return input.read(owner.from, owner.to) === "queries" ? !pairAround(pairAround(pair)) : WITH_SQL.has(name);
}

function pairAround(node) {
  let above = node?.parent;
  while (above && above.name !== "Pair") above = above.parent;
  return above;
}

const classes = tagHighlighter([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], class: "c-key" },
  { tag: [tags.lineComment, tags.blockComment, tags.comment], class: "c-comment" },
  { tag: [tags.string, tags.special(tags.string)], class: "c-text" },
  { tag: [tags.keyword, tags.operatorKeyword, tags.bool, tags.null, tags.standard(tags.name), tags.typeName], class: "c-sql" },
  { tag: tags.number, class: "c-number" },
  { tag: [tags.special(tags.name)], class: "c-parameter" },
  { tag: [tags.squareBracket, tags.brace, tags.paren, tags.separator, tags.punctuation], class: "c-bracket" },
]);

const jinja = new MatchDecorator({
  regexp: /\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}/g,
  decoration: Decoration.mark({ class: "c-expression" }),
});

const jinjaMarks = ViewPlugin.fromClass(
  class {
    constructor(view) {
      this.marks = jinja.createDeco(view);
    }

    update(update) {
      this.marks = jinja.updateDeco(update, this.marks);
    }
  },
  { decorations: (plugin) => plugin.marks },
);

export function templateLanguage() {
  return [new LanguageSupport(mixed), syntaxHighlighting(classes), jinjaMarks];
}
