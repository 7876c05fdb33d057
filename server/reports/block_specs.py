"""The blocks as a template declares them, and the readers that check every key of theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from server.reports.expressions import Expression, Expressions
from server.reports.formats import FORMATS, Format, is_currency_code
from server.reports.reading import Issues, MapReader
from server.reports.yaml_source import Node

CHART_KINDS = (
    "line", "bar", "stacked_bar", "area", "pie", "scatter", "heatmap", "funnel", "gauge", "combo",
)  # fmt: skip
TOTALS = ("sum", "average", "min", "max", "count")
TONES = ("green", "red", "amber", "blue", "grey")
MAX_ROWS = 500
_MAX_BLOCKS = 500
_UNSAFE_TEXTS = ("javascript:", "http:", "https:", "//", "image:", "path:", "data:", "<")
# What draws pages, opens addresses or offers files; a report shows data.
_UNSAFE_KEYS = frozenset({"link", "sublink", "toolbox", "graphic", "renderitem", "target", "subtarget", "extracsstext"})


class BlockSpec(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """`line` and `column` say where in the template a block begins, `path` which one it is (`blocks[2]`)."""

    line: int
    column: int
    path: str
    kind: str


class HeadingSpec(BlockSpec, frozen=True, kw_only=True):
    text: Expression
    level: int = 2


class TextSpec(BlockSpec, frozen=True, kw_only=True):
    text: Expression


class KpiSpec(msgspec.Struct, frozen=True, kw_only=True):
    label: Expression
    value: Expression
    format: Format
    compare: Expression | None = None
    compare_label: Expression | None = None
    good: str = "up"
    note: Expression | None = None


class KpisSpec(BlockSpec, frozen=True, kw_only=True):
    items: tuple[KpiSpec, ...]


class ChartSpec(BlockSpec, frozen=True, kw_only=True):
    """`chart` is one of `CHART_KINDS`, or `option` when the author wrote an ECharts option."""

    chart: str
    query: str = ""
    title: Expression | None = None
    x: str = ""
    y: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    series: str = ""
    value: Expression | None = None
    value_column: str = ""
    labels: dict[str, str] = {}
    maximum: Expression | None = None
    format: Format = Format()
    line_format: Format = Format()
    height: int = 260
    horizontal: bool = False
    option: dict[str, Any] = {}


class ColorSpec(msgspec.Struct, frozen=True, kw_only=True):
    when: Expression
    color: str


class ColumnSpec(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    label: Expression | None = None
    format: Format = Format()
    total: str = ""
    bar: bool = False
    align: str = ""
    colors: tuple[ColorSpec, ...] = ()
    line: int = 1
    column: int = 1


class TableSpec(BlockSpec, frozen=True, kw_only=True):
    """No `columns`: all of the query's. `group` repeats a heading row for each run of equal values."""

    query: str
    columns: tuple[ColumnSpec, ...] = ()
    title: Expression | None = None
    group: str = ""
    max_rows: int = MAX_ROWS


class ImageSpec(BlockSpec, frozen=True, kw_only=True):
    """`file` is the name of an upload, `width` a share of the room in percent."""

    file: str
    alt: Expression | None = None
    width: int = 40


class PageBreakSpec(BlockSpec, frozen=True, kw_only=True):
    pass


class ColumnsSpec(BlockSpec, frozen=True, kw_only=True):
    columns: tuple[tuple[BlockSpec, ...], ...]


class WhenSpec(BlockSpec, frozen=True, kw_only=True):
    condition: Expression
    blocks: tuple[BlockSpec, ...]
    otherwise: tuple[BlockSpec, ...] = ()


class RepeatSpec(BlockSpec, frozen=True, kw_only=True):
    """`blocks` once per row of the query; the row is `name` in expressions, and bound in `queries` of its own."""

    query: str
    name: str
    blocks: tuple[BlockSpec, ...]


class BlockReader:
    """Reads lists of blocks; `queries` are the names that may be used."""

    def __init__(self, issues: Issues, expressions: Expressions, queries: set[str]) -> None:
        self._issues = issues
        self._expressions = expressions
        self._queries = queries
        self._count = 0
        self.used: set[str] = set()
        self.images: set[str] = set()
        self._readers: dict[str, Callable[[Node, MapReader, dict[str, Any]], BlockSpec | None]] = {
            "heading": self._heading,
            "text": self._text,
            "kpis": self._kpis,
            "chart": self._chart,
            "table": self._table,
            "image": self._image,
            "page_break": self._page_break,
            "columns": self._columns,
            "when": self._when,
            "repeat": self._repeat,
        }

    def blocks(self, nodes: list[Node], path: str) -> tuple[BlockSpec, ...]:
        found = (self._block(node, f"{path}[{index}]") for index, node in enumerate(nodes))
        return tuple(block for block in found if block is not None)

    def _block(self, node: Node, path: str) -> BlockSpec | None:
        self._count += 1
        if self._count == _MAX_BLOCKS + 1:
            self._issues.add(node, "A template has at most {limit} blocks; use repeat.", limit=_MAX_BLOCKS)
        if self._count > _MAX_BLOCKS:
            return None
        if node.kind == "scalar" and node.value == "page_break":
            return PageBreakSpec(line=node.line, column=node.column, path=path, kind="page_break")
        names = [str(key.value) for key, _value in node.value] if node.kind == "map" else []
        kind = next((name for name in names if name in self._readers), "")
        if not kind:
            first = names[0] if names else ""
            self._issues.add(
                node,
                "This is no block; begin it with one of: {kinds}.{hint}",
                kinds=", ".join(self._readers),
                hint=self._issues.hint(first, self._readers),
            )
            return None
        reader = MapReader(node, self._issues, what=f"The block “{kind}”")
        place = {"line": node.line, "column": node.column, "path": path, "kind": kind}
        block = self._readers[kind](node, reader, place)
        reader.finish()
        return block

    def _heading(self, _node: Node, reader: MapReader, place: dict[str, Any]) -> BlockSpec | None:
        value = reader.get("heading", required=True)
        text = self._expressions.text(value) if value else None
        level = reader.integer("level", 2, least=1, most=4)
        return HeadingSpec(**place, text=text, level=level) if text else None

    def _text(self, _node: Node, reader: MapReader, place: dict[str, Any]) -> BlockSpec | None:
        value = reader.get("text", required=True)
        text = self._expressions.markdown(value) if value else None
        return TextSpec(**place, text=text) if text else None

    def _kpis(self, _node: Node, reader: MapReader, place: dict[str, Any]) -> BlockSpec:
        items = (self._kpi(item) for item in reader.items("kpis", required=True))
        return KpisSpec(**place, items=tuple(item for item in items if item is not None))

    def _kpi(self, node: Node) -> KpiSpec | None:
        reader = MapReader(node, self._issues, what="A figure of “kpis”")
        label = self._expressions.text_of(reader, "label", required=True)
        value = self._expressions.value_of(reader, "value", required=True)
        compare = self._expressions.value_of(reader, "compare")
        item = None
        if label and value:
            item = KpiSpec(
                label=label,
                value=value,
                format=self._format(reader),
                compare=compare,
                compare_label=self._expressions.text_of(reader, "compare_label"),
                good=reader.choice("good", ("up", "down", "none"), "up"),
                note=self._expressions.text_of(reader, "note"),
            )
        reader.finish(("format", "currency", "decimals", "compare_label", "good", "note"))
        return item

    def _chart(self, _node: Node, outer: MapReader, place: dict[str, Any]) -> BlockSpec | None:
        value = outer.get("chart", required=True)
        if value is None:
            return None
        reader = MapReader(value, self._issues, what="A chart")
        place |= {"line": value.line, "column": value.column} if value.line else {}
        option = self._option(reader)
        kind = "option" if option is not None else reader.choice("kind", CHART_KINDS, "line", required=True)
        needs_query = kind != "gauge" and option is None
        spec = ChartSpec(
            **place,
            chart=kind,
            query=self._query(reader, required=needs_query),
            title=self._expressions.text_of(reader, "title"),
            x=reader.text("x", required=needs_query),
            y=tuple(reader.texts("y", required=needs_query and kind != "combo")),
            lines=tuple(reader.texts("lines")),
            series=reader.text("series"),
            value=self._expressions.value_of(reader, "value", required=True) if kind == "gauge" else None,
            value_column=reader.text("value", required=True) if kind == "heatmap" else "",
            labels=self._labels(reader),
            maximum=self._expressions.value_of(reader, "max"),
            format=self._format(reader),
            line_format=self._format(reader, prefix="line_"),
            height=reader.integer("height", 260, least=80, most=900),
            horizontal=reader.boolean("horizontal"),
            option=option or {},
        )
        if kind == "combo" and not spec.y and not spec.lines:
            self._issues.add(value, "A combo chart needs “y” (bars) and “lines”.")
        reader.finish()
        return spec

    def _labels(self, reader: MapReader) -> dict[str, str]:
        node = reader.get("labels")
        if node is None:
            return {}
        labels = MapReader(node, self._issues, what="“labels”")
        return {name: labels.text(name) for name in labels.names()}

    def _option(self, reader: MapReader) -> dict[str, Any] | None:
        node = reader.get("option")
        if node is None:
            return None
        if node.kind != "map":
            self._issues.add(node, "“option” must be an ECharts option, written as YAML.")
            return None
        option: dict[str, Any] = self._plain(node)
        return option

    def _plain(self, node: Node) -> Any:
        if node.kind == "list":
            return [self._plain(item) for item in node.value]
        if node.kind == "scalar":
            self._require_harmless(node)
            return node.value
        result = {}
        for key, value in node.value:
            name = str(key.value)
            if name.lower() in _UNSAFE_KEYS:
                self._issues.add(key, "“{key}” cannot be used in a chart's option.", key=name)
            result[name] = self._plain(value)
        return result

    def _require_harmless(self, node: Node) -> None:
        text = node.value.lower().lstrip() if isinstance(node.value, str) else ""
        if "function" in text or "=>" in text:
            self._issues.add(
                node, "Functions cannot be used in a chart's option; use a text pattern such as “{b}: {c}”."
            )
        elif any(part in text for part in _UNSAFE_TEXTS):
            self._issues.add(node, "Addresses, images and HTML cannot be used in a chart's option.")

    def _table(self, _node: Node, outer: MapReader, place: dict[str, Any]) -> BlockSpec | None:
        value = outer.get("table", required=True)
        if value is None:
            return None
        reader = MapReader(value, self._issues, what="A table")
        place |= {"line": value.line, "column": value.column}
        columns = (self._column(item) for item in reader.items("columns"))
        spec = TableSpec(
            **place,
            query=self._query(reader, required=True),
            columns=tuple(column for column in columns if column is not None),
            title=self._expressions.text_of(reader, "title"),
            group=reader.text("group"),
            max_rows=reader.integer("max_rows", MAX_ROWS, least=1, most=5_000),
        )
        reader.finish()
        return spec

    def _image(self, _node: Node, outer: MapReader, place: dict[str, Any]) -> BlockSpec | None:
        value = outer.get("image", required=True)
        if value is None:
            return None
        if value.kind == "scalar":
            if not isinstance(value.value, str) or not value.value:
                self._issues.add(value, "Name the picture's file, for example logo.png.")
                return None
            self.images.add(value.value)
            return ImageSpec(**place, file=value.value)
        reader = MapReader(value, self._issues, what="An image")
        spec = ImageSpec(
            **place,
            file=reader.text("file", required=True),
            alt=self._expressions.text_of(reader, "alt"),
            width=reader.integer("width", 40, least=5, most=100),
        )
        reader.finish()
        self.images.add(spec.file)
        return spec if spec.file else None

    def _column(self, node: Node) -> ColumnSpec | None:
        if node.kind == "scalar" and node.value is not None:
            return ColumnSpec(name=str(node.value), line=node.line, column=node.column)
        reader = MapReader(node, self._issues, what="A table's column")
        name = reader.text("name", required=True)
        colors = (self._color(item) for item in reader.items("colors"))
        spec = ColumnSpec(
            name=name,
            label=self._expressions.text_of(reader, "label"),
            format=self._format(reader),
            total=reader.choice("total", TOTALS, ""),
            bar=reader.boolean("bar"),
            align=reader.choice("align", ("left", "right", "center"), ""),
            colors=tuple(color for color in colors if color is not None),
            line=node.line,
            column=node.column,
        )
        reader.finish()
        return spec if name else None

    def _color(self, node: Node) -> ColorSpec | None:
        reader = MapReader(node, self._issues, what="An entry of “colors”")
        when = self._expressions.value_of(reader, "when", required=True)
        color = reader.choice("color", TONES, "red", required=True)
        reader.finish()
        return ColorSpec(when=when, color=color) if when else None

    def _page_break(self, _node: Node, reader: MapReader, place: dict[str, Any]) -> BlockSpec:
        reader.get("page_break")
        return PageBreakSpec(**place)

    def _columns(self, _node: Node, reader: MapReader, place: dict[str, Any]) -> BlockSpec:
        lists = reader.items("columns", required=True)
        if len(lists) > 4:
            self._issues.add(lists[4], "At most 4 columns stand side by side.")
        columns = (
            self.blocks(item.value if item.kind == "list" else [item], f"{place['path']}.columns[{index}]")
            for index, item in enumerate(lists[:4])
        )
        return ColumnsSpec(**place, columns=tuple(columns))

    def _when(self, _node: Node, reader: MapReader, place: dict[str, Any]) -> BlockSpec | None:
        condition = self._expressions.value_of(reader, "when", required=True)
        blocks = self.blocks(reader.items("blocks", required=True), f"{place['path']}.blocks")
        otherwise = self.blocks(reader.items("else"), f"{place['path']}.else")
        return WhenSpec(**place, condition=condition, blocks=blocks, otherwise=otherwise) if condition else None

    def _repeat(self, _node: Node, reader: MapReader, place: dict[str, Any]) -> BlockSpec | None:
        query = self._query(reader, key="repeat", required=True)
        name = reader.text("as", "row")
        if not name.isidentifier():
            self._issues.add(reader.key_node("as"), "“as” must be a name such as “row”.")
            return None
        with self._expressions.also_known(name):
            blocks = self.blocks(reader.items("blocks", required=True), f"{place['path']}.blocks")
        return RepeatSpec(**place, query=query, name=name, blocks=blocks) if query else None

    def _query(self, reader: MapReader, *, key: str = "query", required: bool) -> str:
        name = reader.text(key, required=required)
        if not name:
            return ""
        self.used.add(name)
        if name not in self._queries:
            self._issues.add(
                reader.get(key) or reader.node,
                "There is no query “{name}” under “queries”.{hint}",
                name=name,
                hint=self._issues.hint(name, self._queries),
            )
        return name

    def _format(self, reader: MapReader, *, prefix: str = "") -> Format:
        kind = reader.choice(f"{prefix}format", FORMATS, "")
        currency = reader.text(f"{prefix}currency").upper()
        node = reader.get(f"{prefix}currency")
        if currency and node and not is_currency_code(currency):
            self._issues.add(node, "“{code}” is no currency; use a code such as CNY, EUR or USD.", code=currency)
            currency = ""
        places = reader.integer(f"{prefix}decimals", -1, least=0, most=10)
        return Format(
            kind=kind or ("currency" if currency else ""), currency=currency, decimals=None if places < 0 else places
        )
