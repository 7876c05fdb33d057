"""`table`: a query's rows, with totals, groups and colours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder, ColumnUse, TotalUse
from server.reports.blocks.table_cells import Cell, TableColumn, TableRow
from server.reports.blocks.table_drawn import Table
from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.formats import Formats, ValueFormat
from server.reports.reading import MapReader
from server.reports.rows import (
    Aggregate,
    QueryRow,
    Rows,
    columns_of,
    is_truncated,
    over_all,
    rows_of,
    totals_of,
    unknown_column,
)
from server.reports.sums import exact_sum
from server.reports.words import Words
from server.reports.yaml_source import YamlNode

_TOTALS: tuple[Aggregate, ...] = ("sum", "average", "min", "max", "count")
_TONES = ("green", "red", "amber", "blue", "grey")
_MAX_ROWS = 500
_MOST_GROUPS = 3


class ColorSpec(msgspec.Struct, frozen=True, kw_only=True):
    when: Expression
    color: str


class TableColumnSpec(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    label: Expression | None = None
    format: ValueFormat = ValueFormat()
    total: Aggregate | Literal[""] = ""
    total_sql: str = ""
    bar: bool = False
    align: str = ""
    colors: tuple[ColorSpec, ...] = ()
    line: int = 1
    column: int = 1

    @property
    def has_total(self) -> bool:
        return bool(self.total or self.total_sql)


class TableSpec(BlockSpec, frozen=True, kw_only=True):
    """No `columns`: all of the query's. `groups` are columns whose equal values stand together under a heading."""

    query: str
    columns: tuple[TableColumnSpec, ...] = ()
    title: Expression | None = None
    groups: tuple[str, ...] = ()
    total_label: Expression | None = None
    max_rows: int = _MAX_ROWS

    def build(self, builder: Builder) -> Iterator[Block]:
        rows = builder.query(self.query)
        labels = [builder.text(column.label, self) if column.label else "" for column in self.columns]
        title = builder.text(self.title, self) if self.title else ""

        def is_so(expression: Expression, value: Any, row: QueryRow) -> bool:
            return bool(builder.value(expression, self, value=value, row=row))

        if is_truncated(rows):
            builder.warn(builder.words.truncated.format(count=len(rows)))
        with builder.failing(self):
            written = _Written(self, rows, labels, is_so, builder.formats, builder.words)
            table = Table(
                title=title,
                name=title or self.query.replace("_", " "),
                within=builder.around,
                columns=written.columns,
                rows=list(written.rows()),
                max_rows=self.max_rows,
                row_count=len(rows),
                truncated=is_truncated(rows),
                total_label=builder.text(self.total_label, self) if self.total_label else builder.words.total,
            )
        yield table

    def columns_used(self) -> Iterator[ColumnUse]:
        for column in self.columns:
            yield ColumnUse(self.query, column.name, column.line, column.column)
        for group in self.groups:
            yield ColumnUse(self.query, group, self.line, self.column)

    def totals_used(self) -> Iterator[TotalUse]:
        for column in self.columns:
            if column.total_sql:
                yield TotalUse(self.query, column.total_sql, column.line, column.column)


class _Written:
    """The columns and rows of a table as they are shown."""

    def __init__(
        self,
        spec: TableSpec,
        rows: Rows,
        labels: Sequence[str],
        is_so: Callable[[Expression, Any, QueryRow], bool],
        formats: Formats,
        words: Words,
    ) -> None:
        """`labels` are those of the columns of `spec`, in order. Raises `InvalidInput` for a column that is not there.

        The same column may be shown twice, written in different ways.
        """
        names, data = columns_of(rows), rows_of(rows)
        self._spec = spec
        self._all = rows
        self._data = data
        self._is_so = is_so
        self._formats = formats
        self._words = words
        self._wanted = spec.columns or tuple(TableColumnSpec(name=name) for name in names if name not in spec.groups)
        for column in self._wanted:
            if column.name not in names:
                raise unknown_column(spec.query, column.name, names)
        self._sums = self._totals_by_sql()
        labels = labels or [""] * len(self._wanted)
        self.columns = [self._column(*pair) for pair in zip(self._wanted, labels, strict=True)]
        self._widest = [_widest(column, data) for column in self._wanted]

    def rows(self) -> Iterator[TableRow]:
        yield from self._within((), self._data)

    def _within(self, above: tuple[Any, ...], data: Sequence[QueryRow]) -> Iterator[TableRow]:
        """The rows that have the values `above` in the first columns of `groups`, under their further headings."""
        level = len(above)
        if level == len(self._spec.groups):
            yield from map(self._row, data)
            return
        for value, members in _groups(self._spec.groups[level], data):
            text = self._formats.text(value)
            yield TableRow(kind="group", level=level, cells=[Cell(value=value, text=text)])
            yield from self._within((*above, value), members)
            if any(column.has_total for column in self._wanted):
                yield TableRow(kind="subtotal", level=level, cells=self._subtotals(text, (*above, value), members))

    def _column(self, spec: TableColumnSpec, label: str) -> TableColumn:
        first = next((row[spec.name] for row in self._data if row[spec.name] is not None), None)
        kind = spec.format.kind or self._formats.kind_of(first)
        format = ValueFormat(kind=kind, currency=spec.format.currency, decimals=spec.format.decimals)  # noqa: A001
        total = self._total(spec)
        return TableColumn(
            name=spec.name,
            label=label or spec.name.replace("_", " "),
            format=format,
            align=spec.align or ("right" if format.is_numeric else "left"),
            bar=spec.bar,
            total=total,
            total_text=self._total_text(spec, total, format),
            how=spec.total,
            of_all=spec.has_total and is_truncated(self._all),
        )

    def _totals_by_sql(self) -> dict[tuple[Any, ...], dict[str, Any]]:
        """By the values of the groups from the first on: what the columns' expressions give, by expression."""
        wanted = list(dict.fromkeys(column.total_sql for column in self._wanted if column.total_sql))
        groups = self._spec.groups
        return {
            key: dict(zip(wanted, values, strict=True))
            for level in range(len(groups) + 1)
            for key, values in totals_of(self._all, wanted, groups[:level]).items()
        }

    def _total(self, spec: TableColumnSpec) -> Any:
        if spec.total_sql:
            return self._sums.get((), {}).get(spec.total_sql)
        whole = over_all(self._all, spec.total, spec.name) if spec.total else None
        return total_of(spec.total, [row[spec.name] for row in self._data]) if whole is None else whole[0]

    def _row(self, row: QueryRow) -> TableRow:
        shown = zip(self._wanted, self.columns, self._widest, strict=True)
        return TableRow(cells=[self._cell(*each, row) for each in shown])

    def _cell(self, spec: TableColumnSpec, column: TableColumn, most: float, row: QueryRow) -> Cell:
        value = row[spec.name]
        share = float(value) / most if most and isinstance(value, int | float | Decimal) else None
        tones = (each.color for each in spec.colors if value is not None and self._is_so(each.when, value, row))
        return Cell(value=value, text=self._formats.text(value, column.format), tone=next(tones, ""), share=share)

    def _subtotals(self, group: str, place: tuple[Any, ...], members: Sequence[QueryRow]) -> list[Cell]:
        """The first column that has no total says of what these are."""
        shown = zip(self._wanted, self.columns, strict=True)
        cells = [self._subtotal(spec, column, place, members) for spec, column in shown]
        free = next((index for index, column in enumerate(self._wanted) if not column.has_total), None)
        if free is not None:
            label = self._words.subtotal.format(group=group)
            cells[free] = Cell(value=label, text=label)
        return cells

    def _subtotal(
        self, spec: TableColumnSpec, column: TableColumn, place: tuple[Any, ...], members: Sequence[QueryRow]
    ) -> Cell:
        if spec.total_sql:
            total = self._sums.get(place, {}).get(spec.total_sql)
        else:
            total = total_of(spec.total, [row[spec.name] for row in members])
        return Cell(value=total, text=self._total_text(spec, total, column.format))

    def _total_text(self, spec: TableColumnSpec, total: Any, format: ValueFormat) -> str:  # noqa: A002
        if not spec.has_total:
            return ""
        return self._formats.text(total, ValueFormat(kind="integer") if spec.total == "count" else format)


def total_of(how: str, values: Iterable[Any]) -> Any:
    """None for no total or no numbers."""
    if not how:
        return None
    present = [value for value in values if value is not None]
    if how == "count":
        return len(present)
    numbers = [value for value in present if isinstance(value, int | float | Decimal) and not isinstance(value, bool)]
    if not numbers:
        return None
    match how:
        case "sum":
            return exact_sum(numbers)
        case "average":
            return exact_sum(numbers) / len(numbers)
        case "min":
            return min(numbers)
        case _:
            return max(numbers)


def _widest(spec: TableColumnSpec, data: Sequence[QueryRow]) -> float:
    if not spec.bar:
        return 0.0
    numbers = [row[spec.name] for row in data]
    return max((abs(float(value)) for value in numbers if isinstance(value, int | float | Decimal)), default=0.0)


def _groups(column: str, data: Sequence[QueryRow]) -> Iterable[tuple[Any, list[QueryRow]]]:
    """Equal values together, in the order in which they first appear."""
    groups: dict[Any, list[QueryRow]] = {}
    for row in data:
        groups.setdefault(row[column], []).append(row)
    return groups.items()


def _read(blocks: BlockReader, outer: MapReader, place: BlockPlace) -> BlockSpec | None:
    value = outer.get("table", required=True)
    if value is None:
        return None
    reader = MapReader(value, blocks.issues, what="A table")
    columns = (_read_column(blocks, item) for item in reader.items("columns"))
    place = {**place, "line": value.line, "column": value.column}
    spec = TableSpec(
        **place,
        query=blocks.query(reader, required=True),
        columns=tuple(column for column in columns if column is not None),
        title=blocks.expressions.text_of(reader, "title"),
        groups=_groups_in(blocks, reader),
        total_label=blocks.expressions.text_of(reader, "total_label"),
        max_rows=reader.integer("max_rows", _MAX_ROWS, least=1, most=5_000),
    )
    reader.finish()
    return spec


def _read_column(blocks: BlockReader, node: YamlNode) -> TableColumnSpec | None:
    if node.kind == "scalar" and node.value is not None:
        return TableColumnSpec(name=str(node.value), line=node.line, column=node.column)
    reader = MapReader(node, blocks.issues, what="A table's column")
    name = reader.text("name", required=True)
    total_sql = _total_sql(reader)
    colors = (_read_color(blocks, item) for item in reader.items("colors"))
    spec = TableColumnSpec(
        name=name,
        label=blocks.expressions.text_of(reader, "label"),
        format=blocks.format(reader),
        total="" if total_sql else reader.choice("total", _TOTALS, ""),
        total_sql=total_sql,
        bar=reader.boolean("bar"),
        align=reader.choice("align", ("left", "right", "center"), ""),
        colors=tuple(color for color in colors if color is not None),
        line=node.line,
        column=node.column,
    )
    reader.finish()
    return spec if name else None


def _groups_in(blocks: BlockReader, reader: MapReader) -> tuple[str, ...]:
    groups = reader.texts("group")
    if len(groups) > _MOST_GROUPS and (node := reader.get("group")):
        blocks.issues.add(node, "A table has at most {limit} groups within each other.", limit=_MOST_GROUPS)
    return tuple(groups[:_MOST_GROUPS])


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


KIND = BlockKind(name="table", read=_read)
