"""Rows that sum those above them: a report's own totals, which would count everything twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.chunks import Chunk
from server.datasets.header_finding import is_value
from server.datasets.planning import PlannedColumn
from server.datasets.rejects import RejectReason
from server.datasets.schema import NUMERIC_TYPES, FileWarning
from server.datasets.total_words import LIKE_A_TOTAL, is_like_a_total, is_name_of_total
from server.datasets.values import convert_cells

_LOOKED_AT = 2  # columns: the word stands in the first, or beside a number or a code
_TAIL = 20  # rows at the end of each chunk; others are looked at where the sample has such words
_ROUNDED = Decimal("0.0051")  # figures in a report are rounded to cents
_GROUPS = 50  # that a total may sum, if it does not sum all rows
_LEAST_ROWS = 2  # above a total without a name
_NO_ROWS = ("header_again", "other_table")  # among the reasons for rejects
_MOST_OF_A_ROW = 10  # times the usual row: what one that was rejected may have added

Sums = dict[int, Decimal]


@dataclass(slots=True)
class Totals:
    """Adds up the rows as they come, and tells those that hold the sums: of all rows, or of the groups above them.

    `is_sample`: what is no total decides types later on. `is_leading`: the first row is the total of those below.
    `count` are totals that are rows (or left out, where that is wanted), `rejected` those that do not fit the columns.
    `odd_line`: where a last row that is called a total is none. `kept_line`: a first row that should have been left
    out, seen to be a total when it was written.
    """

    columns: Sequence[PlannedColumn]
    is_everywhere: bool = False
    is_left_out: bool = False
    is_sample: bool = False
    is_leading: bool = False
    count: int = 0
    first_line: int = 0
    rejected: int = 0
    first_rejected: int = 0
    odd_line: int = 0
    kept_line: int = 0
    rows: Sequence[int] = ()  # of the chunk that was looked at last
    _all: Sums = field(default_factory=dict)
    _group: Sums = field(default_factory=dict)  # of the rows since the last total
    _groups: list[Sums] = field(default_factory=list)  # before that, each ended by a total
    _summed_rows: int = 0
    _missing: int = 0  # rows that are no numbers, or no rows: of whom nobody knows the figures
    _leading: tuple[int, Sums] | None = None  # the first row, where it is called a total: its line and figures

    def find(self, chunk: Chunk, values: Sequence[pa.Array], *, rejected: Collection[int] = ()) -> list[int]:
        """The rows of this chunk that are totals; `values` are the cells of the columns as they were read.

        `rejected` are the rows of the chunk that have cells which could not be read.
        """
        self.rows = ()
        summed = self._summed()
        if not summed or not chunk.row_count:
            return []
        candidates = self._candidates(chunk)
        self._missing += len(set(rejected).difference(candidates)) + _rejected_rows(chunk.rejects)
        found: list[int] = []
        start = 0
        self.odd_line = 0
        for row in candidates:
            self._add(values, summed, start, row)
            start = row
            figures = {place: cell for place in summed if (cell := _decimal(values[place][row].as_py()))}
            is_first = not self._summed_rows and not found
            if (is_first and self.is_leading) or self._agrees(chunk, row, figures):
                found.append(row)
                start = row + 1
                self._end_group()
                self._note(chunk.line_of(row), is_rejected=row in rejected)
            elif is_first and figures and is_name_of_total(_name_in(chunk.columns, row)):
                self._leading = (chunk.line_of(row), figures)
            elif (
                row == chunk.row_count - 1 and figures and not self._missing and (self.is_sample or row not in rejected)
            ):
                self.odd_line = chunk.line_of(row) if _is_only_named(chunk, row) else 0
        self._add(values, summed, start, chunk.row_count)
        self.rows = found
        return found

    def finish(self) -> bool:
        """Whether the first row sums all others; it is noted."""
        if self._leading is None or self._summed_rows <= _LEAST_ROWS:
            return False
        line, figures = self._leading
        self._leading = None
        if not self._is_half(figures):
            return False
        if self.is_left_out:
            self.kept_line = line
        else:
            self._note(line, is_rejected=False)
        return True

    def may_end_in(self, chunk: Chunk) -> bool:
        """Whether its last row has numbers and no name: perhaps the sums of all."""
        last = chunk.row_count - 1
        summed = self._summed()
        if last < _LEAST_ROWS or not summed:
            return False
        names = [column for place, column in enumerate(self.columns) if place not in summed] or self.columns[:1]
        return not any((chunk.columns[column.index][last].as_py() or "").strip() for column in names)

    def _summed(self) -> list[int]:
        return [place for place, column in enumerate(self.columns) if column.type in NUMERIC_TYPES]

    def _note(self, line: int, *, is_rejected: bool) -> None:
        if is_rejected and not self.is_left_out:
            self.rejected += 1
            self.first_rejected = self.first_rejected or line
        else:
            self.count += 1
            self.first_line = self.first_line or line

    def _candidates(self, chunk: Chunk) -> list[int]:
        first = 0 if self.is_everywhere else max(0, chunk.row_count - _TAIL)
        rows = [first + row for row in rows_like_totals([column.slice(first) for column in chunk.columns])]
        last = chunk.row_count - 1
        return [*rows, last] if last not in rows and self.may_end_in(chunk) else rows

    def _add(self, values: Sequence[pa.Array], summed: Sequence[int], start: int, end: int) -> None:
        if end <= start:
            return
        self._summed_rows += end - start
        for place in summed:
            value = _decimal(pc.sum(values[place].slice(start, end - start)).as_py())
            self._all[place] = self._all.get(place, Decimal()) + value
            self._group[place] = self._group.get(place, Decimal()) + value

    def _end_group(self) -> None:
        if self._group:
            self._groups = [*self._groups, self._group][-_GROUPS:]
        self._group = {}

    def _agrees(self, chunk: Chunk, row: int, figures: Sums) -> bool:
        name = _name_in(chunk.columns, row)
        if not is_like_a_total(name):
            is_all = bool(figures) and all(_is_sum(self._all, place, cell) for place, cell in figures.items())
            return is_all and self._summed_rows >= _LEAST_ROWS
        if any(_is_sum(sums, place, cell) for sums in self._sums() for place, cell in figures.items()):
            return True
        if is_name_of_total(name) and self._summed_rows > _LEAST_ROWS and figures and self._is_half(figures):
            return True
        is_last = row == chunk.row_count - 1
        return is_last and self._missing > 0 and self._has_only(chunk, row, name) and self._is_nearly(figures)

    def _is_half(self, figures: Sums) -> bool:
        """Whether the rows above hold each figure twice: the groups' own totals stand above them."""
        return all(_is_sum(self._all, place, 2 * cell) for place, cell in figures.items())

    def _has_only(self, chunk: Chunk, row: int, name: str) -> bool:
        """Whether the row is called a total and nothing else, and says nothing beside its figures."""
        texts = [column for place, column in enumerate(self.columns) if place not in self._summed()]
        filled = [cell for column in texts if (cell := (chunk.columns[column.index][row].as_py() or "").strip())]
        return is_name_of_total(name) and filled == [name]

    def _sums(self) -> Iterator[Sums]:
        """Of all rows, of those since the last total, and of them and the groups before."""
        yield self._all
        yield self._group
        sums = dict(self._group)
        for group in reversed(self._groups):
            for place, value in group.items():
                sums[place] = sums.get(place, Decimal()) + value
            yield sums

    def _is_nearly(self, figures: Sums) -> bool:
        """Whether the rows that were rejected may be what the sums lack."""
        for sums in (self._all, self._group):
            most = 1 + Decimal(_MOST_OF_A_ROW * self._missing) / max(1, self._summed_rows)
            shares = [cell / sums[place] if sums.get(place) else Decimal() for place, cell in figures.items()]
            if shares and all(Decimal("0.5") <= share <= most for share in shares):
                return True
        return False


def _is_only_named(chunk: Chunk, row: int) -> bool:
    """Whether the row says beside its figures that it is a total, and nothing else."""
    cells = [(column[row].as_py() or "").strip() for column in chunk.columns]
    texts = [cell for cell in cells if cell and not is_value(cell)]
    return len(texts) == 1 and is_name_of_total(texts[0])


def _is_sum(sums: Sums, place: int, cell: Decimal) -> bool:
    total = sums.get(place, Decimal())
    return abs(cell - total) <= max(_ROUNDED, abs(total) / 1_000_000_000)


def _rejected_rows(rejects: Sequence[RejectReason]) -> int:
    return len({reject.line for reject in rejects if reject.code not in _NO_ROWS})


def rows_like_totals(columns: Sequence[pa.Array]) -> list[int]:
    """Rows that are called like a total: in one of the first columns, or at their end in the first that is filled."""
    count = len(columns[0]) if columns else 0
    rows = set(range(max(0, count - _TAIL), count))
    for column in columns[:_LOOKED_AT]:
        rows.update(pc.indices_nonzero(pc.match_substring_regex(column, LIKE_A_TOTAL)).to_pylist())
    return [row for row in sorted(rows) if is_like_a_total(_name_in(columns, row))]


def _name_in(columns: Sequence[pa.Array], row: int) -> str:
    """The first cell that is filled, or the second column's if that is like the name of a total, or one that is it."""
    cells = [(column[row].as_py() or "").strip() for column in columns]
    first = next(filter(None, cells), "")
    if is_like_a_total(first):
        return first
    if is_like_a_total(cells[1] if len(cells) > 1 else ""):
        return cells[1]
    return next(filter(is_name_of_total, cells), first)


def found_in(sample: Chunk, columns: Sequence[PlannedColumn], *, are_left_out: bool) -> Totals:
    """The totals among the rows of a sample, in the types that its other rows have."""
    cells = [convert_cells(sample.columns[c.index], c.type, c.format) for c in columns]
    rejected = {misfit.row for column in cells for misfit in column.misfits}
    totals = Totals(columns, is_everywhere=True, is_left_out=are_left_out, is_sample=True)
    totals.find(sample, [column.values for column in cells], rejected=rejected)
    if not totals.finish():
        return totals
    totals = Totals(columns, is_everywhere=True, is_left_out=are_left_out, is_sample=True, is_leading=True)
    totals.find(sample, [column.values for column in cells], rejected=rejected)
    return totals


def totals_warning(totals: Totals, *, are_left_out: bool) -> list[FileWarning]:
    count, line = totals.count, totals.first_line
    warnings = _odd_total_warning(totals.odd_line)
    if are_left_out and count:
        warnings.append(
            FileWarning(
                code="totals_left_out",
                message="Rows that sum others are left out: {count}, the first in line {line}.",
                parameters={"count": count, "line": line},
            )
        )
    if are_left_out:
        count, line = int(totals.kept_line > 0), totals.kept_line
    if count:
        warnings.append(
            FileWarning(
                code="total_rows",
                message="Rows that seem to be totals of others: {count}, the first in line {line}. They are kept, and "
                "sums will count everything twice; leave them out if they are no data.",
                parameters={"count": count, "line": line},
            )
        )
    elif totals.rejected:
        warnings.append(
            FileWarning(
                code="total_rows",
                message="Rows that seem to be totals of others: {count}, the first in line {line}. They do not fit the "
                "columns and are rejected; leave them out if they are no data.",
                parameters={"count": totals.rejected, "line": totals.first_rejected},
            )
        )
    return warnings


def _odd_total_warning(line: int) -> list[FileWarning]:
    if not line:
        return []
    return [
        FileWarning(
            code="odd_total",
            message="The last row (line {line}) is called a total, but is not the sum of the rows above. It is kept "
            "as a row; sums count it as well.",
            parameters={"line": line},
        )
    ]


def _decimal(value: object) -> Decimal:
    """Of a number as the file has it; a double is what it is written as."""
    return Decimal() if value is None else Decimal(str(value))
