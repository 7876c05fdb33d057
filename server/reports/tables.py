"""Tables of a report: rows with written values, totals, groups, tones and bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from server.reports.block_specs import ColumnSpec, TableSpec
from server.reports.document import Cell, Column, Row, Table
from server.reports.expressions import Expression
from server.reports.formats import Format, Formats
from server.reports.rows import Row as DataRow
from server.reports.rows import Rows, columns_of, is_truncated, rows_of, unknown_column

Tone = Callable[[Expression, Any, DataRow], bool]


def build_table(
    spec: TableSpec, rows: Rows, *, title: str, labels: dict[str, str], tone: Tone, formats: Formats
) -> Table:
    data = rows_of(rows)
    wanted = spec.columns or tuple(ColumnSpec(name=name) for name in columns_of(rows) if name != spec.group)
    for column in wanted:
        if column.name not in columns_of(rows):
            raise unknown_column(spec.query, column.name, columns_of(rows))
    columns = [_column(column, labels, data, formats) for column in wanted]
    widest = {column.name: _widest(column, data) for column in wanted}
    return Table(
        title=title,
        name=title or spec.query,
        columns=columns,
        rows=list(_rows(spec, wanted, columns, data, widest, tone, formats)),
        max_rows=spec.max_rows,
        row_count=len(data),
        truncated=is_truncated(rows),
    )


def _column(spec: ColumnSpec, labels: dict[str, str], data: Sequence[DataRow], formats: Formats) -> Column:
    first = next((row[spec.name] for row in data if row[spec.name] is not None), None)
    kind = spec.format.kind or formats.kind_of(first)
    format = Format(kind=kind, currency=spec.format.currency, decimals=spec.format.decimals)  # noqa: A001
    total = total_of(spec.total, [row[spec.name] for row in data])
    return Column(
        name=spec.name,
        label=labels.get(spec.name) or spec.name.replace("_", " "),
        format=format,
        align=spec.align or ("right" if format.is_numeric else "left"),
        bar=spec.bar,
        total=total,
        total_text=_total_text(spec.total, total, format, formats),
    )


def total_of(how: str, values: Iterable[Any]) -> Any:
    """None for no total or no numbers."""
    if not how:
        return None
    present = [value for value in values if value is not None]
    if how == "count":
        return len(present)
    numbers = [value for value in present if isinstance(value, int | float) and not isinstance(value, bool)]
    if not numbers:
        return None
    match how:
        case "sum":
            return sum(numbers)
        case "average":
            return sum(numbers) / len(numbers)
        case "min":
            return min(numbers)
        case _:
            return max(numbers)


def _total_text(how: str, total: Any, format: Format, formats: Formats) -> str:  # noqa: A002
    if not how:
        return ""
    return formats.text(total, Format(kind="integer") if how == "count" else format)


def _widest(spec: ColumnSpec, data: Sequence[DataRow]) -> float:
    if not spec.bar:
        return 0.0
    numbers = [row[spec.name] for row in data]
    return max((abs(value) for value in numbers if isinstance(value, int | float)), default=0.0)


def _rows(
    spec: TableSpec,
    wanted: Sequence[ColumnSpec],
    columns: Sequence[Column],
    data: Sequence[DataRow],
    widest: dict[str, float],
    tone: Tone,
    formats: Formats,
) -> Iterable[Row]:
    def written(row: DataRow) -> Row:
        return Row(cells=[_cell(*pair, row, widest, tone, formats) for pair in zip(wanted, columns, strict=True)])

    if not spec.group:
        yield from map(written, data)
        return
    for value, members in _groups(spec, data):
        text = formats.text(value)
        yield Row(kind="group", cells=[Cell(value=value, text=text)])
        yield from map(written, members)
        if any(column.total for column in wanted):
            yield Row(
                kind="subtotal",
                cells=[_subtotal(*pair, members, formats) for pair in zip(wanted, columns, strict=True)],
            )


def _groups(spec: TableSpec, data: Sequence[DataRow]) -> Iterable[tuple[Any, list[DataRow]]]:
    """Equal values together, in the order in which they first appear."""
    groups: dict[Any, list[DataRow]] = {}
    for row in data:
        groups.setdefault(row[spec.group], []).append(row)
    return groups.items()


def _cell(
    spec: ColumnSpec, column: Column, row: DataRow, widest: dict[str, float], tone: Tone, formats: Formats
) -> Cell:
    value = row[spec.name]
    most = widest[spec.name]
    share = value / most if most and isinstance(value, int | float) else None
    color = next((color.color for color in spec.colors if value is not None and tone(color.when, value, row)), "")
    return Cell(value=value, text=formats.text(value, column.format), tone=color, share=share)


def _subtotal(spec: ColumnSpec, column: Column, members: Sequence[DataRow], formats: Formats) -> Cell:
    total = total_of(spec.total, [row[spec.name] for row in members])
    return Cell(value=total, text=_total_text(spec.total, total, column.format, formats))
