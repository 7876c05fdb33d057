"""Which of the shown cells do not fit their columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from server.datasets.cells import NULL_WORDS, plain, read_truth, unguarded
from server.datasets.day_cells import order_of, read_date, read_instant, read_moment
from server.datasets.number_cells import is_no_amount, mark_of, read_number
from views.import_columns import FormColumn

_FIRST_ROWS = 3
_MARKED_COLUMNS = 100  # whose cells are checked while the page is made; more would be felt


def marked_cells(columns: Sequence[FormColumn], rows: Sequence[Sequence[str | None]]) -> set[tuple[int, int]]:
    """(row, column) of the shown cells that do not fit their column's type and would be rejected."""
    marked: set[tuple[int, int]] = set()
    for place, column in enumerate(columns[:_MARKED_COLUMNS]):
        if column.type == "text" or not column.misfits or not column.keep:
            continue
        for number, row in enumerate(rows):
            cell = row[place] if place < len(row) else None
            if cell is not None and not _fits(cell, column):
                marked.add((number, place))
    return marked


def card_rows(row_count: int, column_count: int, marked: Collection[tuple[int, int]]) -> list[list[int]]:
    """Of which rows a card of each column shows the value: the first ones, and the first that does not fit."""
    shown = [list(range(min(row_count, _FIRST_ROWS))) for _ in range(column_count)]
    for number, place in sorted(marked):
        if number >= _FIRST_ROWS and shown[place][-1] < _FIRST_ROWS:
            shown[place].append(number)
    return shown


def _fits(cell: str, column: FormColumn) -> bool:
    cell = unguarded(cell)
    if plain(cell).lower() in NULL_WORDS:
        return True
    if column.type == "boolean":
        return read_truth(cell) is not None
    if column.type == "date":
        return read_date(cell, order_of(column.format)) is not None
    if column.type == "datetime":
        return read_moment(cell, order_of(column.format)) is not None
    if column.type == "timestamp":
        return read_instant(cell, order_of(column.format)) is not None
    number = read_number(cell, mark_of(column.format))
    if number is None:
        return is_no_amount(cell)
    return column.type != "integer" or number == number.to_integral_value()
