"""Rows that sum those above them: a report's own totals, which would count everything twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.chunks import Chunk
from server.datasets.planning import PlannedColumn
from server.datasets.schema import NUMERIC_TYPES, FileWarning
from server.datasets.values import convert_cells

# How such a row begins; that its figures are the sums above is what decides.
_BEGINS = (
    r"^[\s*#>-]*(?i:grand\s*-?total|sub-?\s?total|totals?|total\s|overall|sums?|summe|gesamt|zwischensumme|endsumme|"
    r"somme|sous-total|totale|subtotale|suma|итог|всего|合计|合計|小计|小計|总计|總計|总和|共计|累计|本页合计|本月合计)"
)
_LIKE_A_TOTAL = re.compile(_BEGINS)
_LOOKED_AT = 2  # columns: the word stands in the first, or beside a number or a code
_TAIL = 20  # rows at the end of each chunk; others are looked at where the sample has such words
_ROUNDED = Decimal("0.0051")  # figures in a report are rounded to cents


@dataclass(slots=True)
class Totals:
    """Adds up the rows as they come, and tells those that hold the sums: of all rows, or since the last such row."""

    columns: Sequence[PlannedColumn]
    is_everywhere: bool = False
    count: int = 0
    first_line: int = 0
    rows: Sequence[int] = ()  # of the chunk that was looked at last
    _all: dict[int, Decimal] = field(default_factory=dict)
    _since: dict[int, Decimal] = field(default_factory=dict)

    def find(self, chunk: Chunk, values: Sequence[pa.Array]) -> list[int]:
        """The rows of this chunk that are totals; `values` are the cells of the columns as they were read."""
        summed = [place for place, column in enumerate(self.columns) if column.type in NUMERIC_TYPES]
        if not summed or not chunk.row_count:
            return []
        found, start = [], 0
        for row in self._candidates(chunk):
            self._add(values, summed, start, row)
            start = row
            if self._agrees(values, summed, row):
                found.append(row)
                start = row + 1
                self._since = {}
                self._note(chunk, row)
        self._add(values, summed, start, chunk.row_count)
        self.rows = found
        return found

    def _note(self, chunk: Chunk, row: int) -> None:
        self.count += 1
        self.first_line = self.first_line or chunk.line_of(row)

    def _candidates(self, chunk: Chunk) -> list[int]:
        first = 0 if self.is_everywhere else max(0, chunk.row_count - _TAIL)
        return [first + row for row in rows_like_totals([column.slice(first) for column in chunk.columns])]

    def _add(self, values: Sequence[pa.Array], summed: Sequence[int], start: int, end: int) -> None:
        for place in summed if end > start else ():
            value = _decimal(pc.sum(values[place].slice(start, end - start)).as_py())
            self._all[place] = self._all.get(place, Decimal()) + value
            self._since[place] = self._since.get(place, Decimal()) + value

    def _agrees(self, values: Sequence[pa.Array], summed: Sequence[int], row: int) -> bool:
        for sums in (self._all, self._since):
            for place in summed:
                cell, total = _decimal(values[place][row].as_py()), sums.get(place, Decimal())
                if cell and abs(cell - total) <= max(_ROUNDED, abs(total) / 1_000_000_000):
                    return True
        return False


def rows_like_totals(columns: Sequence[pa.Array]) -> list[int]:
    """Rows whose first words are those of a total."""
    rows: set[int] = set()
    for column in columns[:_LOOKED_AT]:
        rows.update(pc.indices_nonzero(pc.match_substring_regex(column, _BEGINS)).to_pylist())
    return [row for row in sorted(rows) if _begins_like_a_total(columns, row)]


def _begins_like_a_total(columns: Sequence[pa.Array], row: int) -> bool:
    first = next((cell for column in columns if (cell := (column[row].as_py() or "").strip())), "")
    second = (columns[1][row].as_py() or "") if len(columns) > 1 else ""
    return any(_LIKE_A_TOTAL.match(cell) is not None for cell in (first, second))


def found_in(sample: Chunk, columns: Sequence[PlannedColumn]) -> Totals:
    """The totals among the rows of a sample, in the types that its other rows have."""
    totals = Totals(columns, is_everywhere=True)
    values = [convert_cells(sample.columns[c.index], c.type, c.format).values for c in columns]
    totals.find(sample, values)
    return totals


def totals_warning(totals: Totals, *, are_left_out: bool) -> list[FileWarning]:
    if not totals.count:
        return []
    if are_left_out:
        warning = FileWarning(
            code="totals_left_out",
            message="Rows that sum those above them are left out: {count}, the first in line {line}.",
        )
    else:
        warning = FileWarning(
            code="total_rows",
            message="Rows that seem to be totals of those above them: {count}, the first in line {line}. They are "
            "kept, and sums will count everything twice; leave them out if they are no data.",
        )
    parameters = {"count": totals.count, "line": totals.first_line}
    return [msgspec.structs.replace(warning, parameters=parameters)]


def _decimal(value: object) -> Decimal:
    """Of a number as the file has it; a double is what it is written as."""
    return Decimal() if value is None else Decimal(str(value))
