"""What a template says of a table's columns and rows, and how that is read."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.reports.blocks.reader import BlockReader
from server.reports.expressions import Expression
from server.reports.formats import ValueFormat
from server.reports.reading import MapReader
from server.reports.rows import Aggregate
from server.reports.yaml_source import YamlNode

SparkKind = Literal["line", "bar", ""]
_TOTALS: tuple[Aggregate, ...] = ("sum", "average", "min", "max", "count")
_SPARKS: tuple[SparkKind, ...] = ("line", "bar", "")
_TONES = ("green", "red", "amber", "blue", "grey")
_STYLES = ("strong", "total", "muted", "indent")
_MOST_SCALE = 2


class ColorSpec(msgspec.Struct, frozen=True, kw_only=True):
    when: Expression
    color: str


class StyleSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How rows look of which `when` is true: `strong`, `total`, `muted` or `indent`."""

    when: Expression
    style: str


class TableColumnSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`across`: another column, each value of which has a column of its own with the figures of this one.

    `across_format` is of these values, `row_total` tells what they come to together. `scale`: one color for low to
    high, or two for what is below and above `middle`. `width`: percent of the room.
    """

    name: str
    label: Expression | None = None
    format: ValueFormat = ValueFormat()
    total: Aggregate | Literal[""] = ""
    total_sql: str = ""
    across: str = ""
    across_format: ValueFormat = ValueFormat()
    row_total: bool = False
    bar: bool = False
    spark: SparkKind = ""
    scale: tuple[str, ...] = ()
    middle: float | None = None
    align: str = ""
    width: int = 0
    link: Expression | None = None
    colors: tuple[ColorSpec, ...] = ()
    line: int = 1
    column: int = 1

    @property
    def adds_numbers(self) -> bool:
        """Whether its total is made of numbers: anything can be counted."""
        return self.total not in ("", "count")

    @property
    def has_total(self) -> bool:
        return bool(self.total or self.total_sql)


KEYS_OF_COLUMNS = (
    "name", "label", "format", "currency", "decimals", "negative", "total", "across", "across_format", "row_total",
    "bar", "spark", "scale", "middle", "align", "width", "link", "colors",
)  # fmt: skip


def read_column(blocks: BlockReader, node: YamlNode) -> TableColumnSpec | None:
    if node.kind == "scalar" and node.value is not None:
        return TableColumnSpec(name=str(node.value), line=node.line, column=node.column)
    reader = MapReader(node, blocks.issues, what="A table's column")
    name = reader.column("name", required=True)
    total_sql = _total_sql(reader)
    colors = (_read_color(blocks, item) for item in reader.items("colors"))
    across = reader.column("across")
    row_total = reader.boolean("row_total")
    if row_total and not across and (node_of := reader.get("row_total")):
        blocks.issues.add(node_of, "“row_total” adds up what stands side by side; it needs “across”.")
    spec = TableColumnSpec(
        name=name,
        label=blocks.expressions.text_of(reader, "label"),
        format=blocks.format(reader),
        total="" if total_sql else reader.choice("total", _TOTALS, ""),
        total_sql=total_sql,
        across=across,
        across_format=blocks.format(reader, prefix="across_"),
        row_total=row_total,
        bar=reader.boolean("bar"),
        spark=reader.choice("spark", _SPARKS, ""),
        scale=_scale(blocks, reader),
        middle=reader.number("middle"),
        align=reader.choice("align", ("left", "right", "center"), ""),
        width=reader.integer("width", 0, least=1, most=90),
        link=blocks.expressions.text_of(reader, "link"),
        colors=tuple(color for color in colors if color is not None),
        line=node.line,
        column=node.column,
    )
    reader.finish()
    return spec if name else None


def read_style(blocks: BlockReader, node: YamlNode) -> StyleSpec | None:
    reader = MapReader(node, blocks.issues, what="An entry of “styles”")
    when = blocks.expressions.value_of(reader, "when", required=True)
    style = reader.choice("style", _STYLES, "strong", required=True)
    reader.finish()
    return StyleSpec(when=when, style=style) if when else None


def _total_sql(reader: MapReader) -> str:
    """An expression in SQL has brackets, a word for a total has none."""
    text = reader.text("total").strip()
    return text if "(" in text else ""


def _read_color(blocks: BlockReader, node: YamlNode) -> ColorSpec | None:
    reader = MapReader(node, blocks.issues, what="An entry of “colors”")
    when = blocks.expressions.value_of(reader, "when", required=True)
    color = reader.choice("color", _TONES, "red", required=True)
    reader.finish()
    return ColorSpec(when=when, color=color) if when else None


def _scale(blocks: BlockReader, reader: MapReader) -> tuple[str, ...]:
    blocks.issues.asked(reader, "scale", "choices", options=list(_TONES))
    colors = tuple(reader.texts("scale"))
    node = reader.get("scale")
    if node is not None and (len(colors) > _MOST_SCALE or any(color not in _TONES for color in colors)):
        blocks.issues.add(node, "“scale” is one color or two of: {options}.", options=", ".join(_TONES))
        return ()
    return colors
