"""`table`: a query's rows, with totals, groups and colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from server.reports.addresses import address_of
from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder, ColumnUse, TotalUse
from server.reports.blocks.table_columns import KEYS_OF_COLUMNS, StyleSpec, TableColumnSpec, read_column, read_style
from server.reports.blocks.table_drawn import Table
from server.reports.blocks.table_written import WrittenTable
from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.reading import MapReader
from server.reports.rows import QueryRow, Rows, first_of, odd_columns, over_all

_MAX_ROWS = 500
_OF_A_COLUMN = (
    "“{key}” belongs to a column of the table: write it in “columns”, beside the column's name, such as "
    "“columns: [{{name: amount, {key}: …}}]”."
)
_MOST_PREVIEWED = 5_000  # rows of a table, which is all that paper and pages ever show
_MOST_GROUPS = 3


class TableSpec(BlockSpec, frozen=True, kw_only=True):
    """No `columns`: all of the query's. `groups` are columns whose equal values stand together under a heading."""

    query: str
    columns: tuple[TableColumnSpec, ...] = ()
    groups: tuple[str, ...] = ()
    styles: tuple[StyleSpec, ...] = ()
    total_label: Expression | None = None
    has_head: bool = True
    max_rows: int = _MAX_ROWS

    def build(self, builder: Builder) -> Iterator[Block]:
        rows = builder.query(self.query)
        is_first = builder.is_preview and len(rows) > _MOST_PREVIEWED
        if is_first:  # a preview is looked at while somebody waits; a report takes the time that its rows need
            rows = first_of(rows, _MOST_PREVIEWED)
        labels = [builder.text(column.label, self) if column.label else "" for column in self.columns]
        title = builder.text(self.title, self) if self.title else ""
        with builder.failing(self):
            written = WrittenTable(
                self.query,
                rows,
                specs=self.columns,
                labels=labels,
                groups=self.groups,
                styles=self.styles,
                asked=_Cells(self, builder),
                formats=builder.formats,
                words=builder.words,
            )
            table = Table(
                title=title,
                name=title or self.query.replace("_", " "),
                within=builder.around,
                columns=written.columns,
                rows=list(written.rows()),
                max_rows=self.max_rows,
                row_count=written.row_count,
                all_count=_count(rows) if written.is_truncated else None,
                is_preview=is_first,
                notes=written.notes,
                has_head=self.has_head,
                total_label=builder.text(self.total_label, self) if self.total_label else builder.words.total,
            )
        if written.is_truncated and not is_first:
            builder.warn(builder.words.truncated.format(count=builder.formats.text(len(rows))))
        yield table

    def rows_shown(self) -> str:
        return self.query

    def columns_used(self) -> Iterator[ColumnUse]:
        for column in self.columns:
            yield ColumnUse(self.query, column.name, column.line, column.column)
            if column.across:
                yield ColumnUse(self.query, column.across, column.line, column.column)
        for group in self.groups:
            yield ColumnUse(self.query, group, self.line, self.column)

    def figures_used(self) -> Iterator[ColumnUse]:
        for column in self.columns:
            if column.adds_numbers:
                yield ColumnUse(self.query, column.name, column.line, column.column)

    def totals_used(self) -> Iterator[TotalUse]:
        for column in self.columns:
            if column.total_sql:
                yield TotalUse(self.query, column.total_sql, column.line, column.column)


def _count(rows: Rows) -> int | None:
    """Of all rows, also of those beyond the limit."""
    whole = over_all(rows, "count")
    return None if whole is None else int(whole[0])


class _Cells:
    """See `ExpressionValues`."""

    def __init__(self, spec: TableSpec, builder: Builder) -> None:
        self._spec = spec
        self._builder = builder

    def value(self, expression: Expression, value: Any, row: QueryRow) -> Any:
        return self._builder.value(expression, self._spec, value=value, row=row)

    def link(self, expression: Expression, value: Any, row: QueryRow) -> str:
        text = self._builder.text(expression, self._spec, value=value, row=row).strip()
        address = address_of(text)
        if text and not address:
            self.warn(self._builder.words.no_link.format(address=text[:60]))
        return address

    def told_odd(self, rows: Rows) -> list[str]:
        shown = {column.name for column in self._spec.columns}
        return self._builder.told_odd(rows) if shown & odd_columns(rows).keys() or not shown else []

    def warn(self, text: str) -> None:
        self._builder.warn(text)


def _read(blocks: BlockReader, outer: MapReader, place: BlockPlace) -> BlockSpec | None:
    value = outer.get("table", required=True)
    if value is None:
        return None
    reader = MapReader(value, blocks.issues, what="A table")
    columns = (read_column(blocks, item) for item in reader.items("columns"))
    styles = (read_style(blocks, item) for item in reader.items("styles"))
    place = {**place, "line": value.line, "column": value.column}
    spec = TableSpec(
        **place,
        query=blocks.query(reader, required=True),
        columns=tuple(column for column in columns if column is not None),
        title=blocks.expressions.text_of(reader, "title"),
        groups=_groups_in(blocks, reader),
        styles=tuple(style for style in styles if style is not None),
        total_label=blocks.expressions.text_of(reader, "total_label"),
        has_head=reader.boolean("head", default=True),
        max_rows=reader.integer("max_rows", _MAX_ROWS, least=1, most=5_000),
    )
    reader.finish(others=dict.fromkeys(KEYS_OF_COLUMNS, _OF_A_COLUMN))
    return spec


def _groups_in(blocks: BlockReader, reader: MapReader) -> tuple[str, ...]:
    groups = reader.columns("group")
    if len(groups) > _MOST_GROUPS and (node := reader.get("group")):
        blocks.issues.add(node, "A table has at most {limit} groups within each other.", limit=_MOST_GROUPS)
    return tuple(groups[:_MOST_GROUPS])


KIND = BlockKind(name="table", read=_read)
