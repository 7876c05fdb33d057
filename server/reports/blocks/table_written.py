"""The columns and rows of a table as they are shown: values, texts, totals, groups, colors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from server.reports.blocks.table_across import Shown, TableLine
from server.reports.blocks.table_cells import Cell, TableColumn, TableRow, total_format
from server.reports.blocks.table_columns import StyleSpec, TableColumnSpec
from server.reports.blocks.table_figures import TableFigures, total_of
from server.reports.blocks.table_scale import ColorScale, scale_of
from server.reports.blocks.table_spark import spark_of
from server.reports.expressions import Expression
from server.reports.formats import Formats, ValueFormat
from server.reports.rows import QueryRow, Rows, columns_of, odd_in, rows_of, unknown_column
from server.reports.sums import is_figure
from server.reports.words import Words

_LEAST_WIDTH = 10  # percent of a column without a width, beside some that ask for more than there is
_LABELS = TableColumn(name="", label="", format=ValueFormat(kind="text"), align="left")
_NO_LABEL = Cell(value=None, text="")


class ExpressionValues(Protocol):
    """What expressions of a table's cells come to, and who hears of what is wrong with cells."""

    def value(self, expression: Expression, value: Any, row: QueryRow) -> Any: ...

    def link(self, expression: Expression, value: Any, row: QueryRow) -> str:
        """An address, or nothing for one that leads nowhere a report may lead."""

    def told_odd(self, rows: Rows) -> list[str]: ...

    def warn(self, text: str) -> None:
        """Something that whoever reads the report should know."""


class WrittenTable:
    """Raises `InvalidInput` for a column that is not there. The same column may be shown twice, in different ways."""

    def __init__(
        self,
        query: str,
        rows: Rows,
        *,
        specs: Sequence[TableColumnSpec],
        labels: Sequence[str],
        groups: Sequence[str],
        styles: Sequence[StyleSpec],
        asked: ExpressionValues,
        formats: Formats,
        words: Words,
    ) -> None:
        """`labels` are those of `specs`, in order; without specs, all columns are shown that make no group."""
        names = columns_of(rows)
        self._groups = tuple(groups)
        self._styles = styles
        self._asked = asked
        self._formats = formats
        self._words = words
        self._specs = list(specs) or [TableColumnSpec(name=name) for name in names if name not in groups]
        self._labels = dict(zip(map(id, self._specs), labels, strict=False))
        for spec in self._specs:
            for name in filter(None, (spec.name, spec.across)):
                if name not in names:
                    raise unknown_column(query, name, names)
        self._figures = TableFigures(query, rows, specs=self._specs, groups=self._groups, head_of=self._head)
        self.is_truncated = self._figures.is_truncated
        self._shown, self._lines = self._figures.shown, self._figures.lines
        self._values = [[self._figures.value(shown, line) for shown in self._shown] for line in self._lines]
        self._scales, self._widest = self._measures()
        self._widths = _within_page([shown.spec.width for shown in self._shown])
        self._columns = [self._column(index) for index in range(len(self._shown))]
        # Where each column has a total, none says what these are.
        self._has_labels = bool(self._lines) and all(spec.has_total for spec in self._specs)
        self._warn_of_same_heads()
        self.notes = (*self._notes_of_texts(rows_of(rows)), *self._asked.told_odd(rows))

    @property
    def columns(self) -> list[TableColumn]:
        return [_LABELS, *self._columns] if self._has_labels else self._columns

    @property
    def row_count(self) -> int:
        return len(self._lines)

    def rows(self) -> Iterator[TableRow]:
        yield from self._within((), list(zip(self._lines, self._values, strict=True)))

    def _within(self, above: tuple[Any, ...], lines: Sequence[tuple[TableLine, list[Any]]]) -> Iterator[TableRow]:
        """The lines that have the values `above` in the first columns of `groups`, under their further headings."""
        level = len(above)
        if level == len(self._groups):
            yield from (self._row(line, values) for line, values in lines)
            return
        for value, members in _grouped(self._groups[level], lines):
            text = self._formats.in_column(value, self._groups[level])
            yield TableRow(kind="group", level=level, cells=[Cell(value=value, text=text)])
            yield from self._within((*above, value), members)
            if any(spec.has_total for spec in self._specs):
                cells = self._subtotals(text, (*above, value), [line for line, _ in members])
                yield TableRow(kind="subtotal", level=level, cells=cells)

    def _warn_of_same_heads(self) -> None:
        for across in dict.fromkeys(spec.across for spec in self._specs if spec.across):
            one = next(spec for spec in self._specs if spec.across == across)
            heads = Counter(self._label(shown) for shown in self._shown if shown.spec is one)
            same = [head for head, count in heads.items() if count > 1]
            if same:
                self._asked.warn(self._words.same_heads.format(column=across, names=self._formats.listed(same)))

    def _notes_of_texts(self, data: Sequence[QueryRow]) -> tuple[str, ...]:
        """Of columns whose total is made of numbers, where some are none."""
        notes = []
        for spec in self._specs:
            values = [row[spec.name] for row in data if row[spec.name] is not None] if spec.adds_numbers else []
            if any(isinstance(value, str) for value in values):
                notes.append(self._words.texts_for_numbers.format(column=spec.name))
            elif values and total_of(spec.total, values) is None:
                notes.append(self._words.no_numbers.format(column=spec.name))
        for note in notes:
            self._asked.warn(note)
        return tuple(notes)

    def _column(self, index: int) -> TableColumn:
        shown = self._shown[index]
        spec = shown.spec
        first = next((values[index] for values in self._values if values[index] is not None), None)
        kind = spec.format.kind or self._formats.kind_of(first, spec.name)
        format = msgspec.structs.replace(spec.format, kind=kind)  # noqa: A001 – the word of the templates
        total = self._figures.whole(shown)
        return TableColumn(
            name=spec.name,
            label=self._label(shown),
            format=format,
            align=spec.align or ("right" if format.is_numeric else "left"),
            width=self._widths[index],
            bar=spec.bar and not shown.is_row_total,
            spark=spec.spark,
            scale=self._scales[index],
            total=total,
            total_text=self._total_text(spec, total, format),
            is_found=not spec.format.kind,
            how=spec.total,
            function=self._figures.excel_function(shown),
            of_all=spec.has_total and self.is_truncated,
        )

    def _head(self, spec: TableColumnSpec, value: Any) -> str:
        if not spec.across_format.kind:
            return self._formats.in_column(value, spec.across)
        return self._formats.text(value, spec.across_format)

    def _label(self, shown: Shown) -> str:
        """Of a value that goes across; with what it is of, where several columns stand below each value."""
        spec = shown.spec
        own = self._labels.get(id(spec)) or spec.name.replace("_", " ")
        if not shown.is_across:
            return own
        value = self._words.total if shown.is_row_total else self._head(spec, shown.values[0])
        is_one = sum(each.across == spec.across for each in self._specs) == 1
        return value if is_one else f"{value} · {own}"

    def _subtotals(self, group: str, place: tuple[Any, ...], lines: Sequence[TableLine]) -> list[Cell]:
        """The first column that has no total says of what these are."""
        whole = TableLine(lines[0].row, [row for line in lines for row in line.members])
        by = dict(zip(self._groups, place, strict=False))
        cells = []
        for shown, column in zip(self._shown, self._columns, strict=True):
            spec = shown.spec
            total = self._figures.of(spec, by | shown.by, whole.of(shown)) if spec.has_total else None
            cells.append(Cell(value=total, text=self._total_text(spec, total, column.format)))
        text = self._words.subtotal.format(group=group)
        label = Cell(value=text, text=text)
        if self._has_labels:
            return [label, *cells]
        free = next((index for index, shown in enumerate(self._shown) if not shown.spec.has_total), None)
        if free is not None:
            cells[free] = label
        return cells

    def _total_text(self, spec: TableColumnSpec, total: Any, format: ValueFormat) -> str:  # noqa: A002
        if not spec.has_total:
            return ""
        return self._formats.text(total, total_format(format, spec.total, total, is_found=not spec.format.kind))

    # -- cells

    def _measures(self) -> tuple[list[ColorScale | None], list[float]]:
        """Colors and bars of columns that go across share one measure; their totals are beyond it, and have none."""
        values: dict[int, list[Any]] = {}
        for index, shown in enumerate(self._shown):
            if not shown.is_row_total:
                values.setdefault(id(shown.spec), []).extend(row[index] for row in self._values)
        scales = {id(spec): scale_of(spec.scale, spec.middle, values.get(id(spec), ())) for spec in self._specs}
        widest = {id(spec): _widest(values.get(id(spec), ())) for spec in self._specs if spec.bar}
        return (
            [None if shown.is_row_total else scales[id(shown.spec)] for shown in self._shown],
            [0.0 if shown.is_row_total else widest.get(id(shown.spec), 0.0) for shown in self._shown],
        )

    def _row(self, line: TableLine, values: Sequence[Any]) -> TableRow:
        row = line.row
        style = next((each.style for each in self._styles if self._asked.value(each.when, None, row)), "")
        cells = [self._cell(index, value, row) for index, value in enumerate(values)]
        return TableRow(style=style, cells=[_NO_LABEL, *cells] if self._has_labels else cells)

    def _cell(self, index: int, value: Any, row: QueryRow) -> Cell:
        spec, column, most = self._shown[index].spec, self._columns[index], self._widest[index]
        if spec.spark:
            spark = spark_of(value, spec.spark, column.format, self._formats, self._words)
            if spark is None and value:
                self._asked.warn(self._words.no_spark.format(column=column.label))
            return Cell(value=None, text="", spark=spark)
        if value is None and not self._shown[index].is_across and (odd := odd_in(row, spec.name)) is not None:
            return Cell(value=odd, text=self._formats.text(odd))
        tones = (each.color for each in spec.colors if value is not None and self._asked.value(each.when, value, row))
        return Cell(
            value=value,
            text=self._formats.text(value, column.format),
            tone=next(tones, ""),
            share=float(value) / most if most and is_figure(value) else None,
            heat=column.scale.color(value) if column.scale else ("", 0.0),
            link=self._asked.link(spec.link, value, row) if spec.link and value is not None else "",
        )


def _within_page(widths: Sequence[int]) -> list[int]:
    """Percents of the room: those that are more than there is are made less, with some left for other columns."""
    asked = sum(widths)
    room = max(100 - _LEAST_WIDTH * widths.count(0), _LEAST_WIDTH)
    if asked <= 100 or asked <= room:
        return list(widths)
    return [max(1, width * room // asked) if width else 0 for width in widths]


def _widest(values: Iterable[Any]) -> float:
    return max((abs(float(value)) for value in values if is_figure(value)), default=0.0)


def _grouped(
    column: str, lines: Sequence[tuple[TableLine, list[Any]]]
) -> Iterable[tuple[Any, list[tuple[TableLine, list[Any]]]]]:
    """Equal values together, in the order in which they first appear."""
    groups: dict[Any, list[tuple[TableLine, list[Any]]]] = {}
    for line in lines:
        groups.setdefault(line[0].row[column], []).append(line)
    return groups.items()
