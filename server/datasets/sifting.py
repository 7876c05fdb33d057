"""Turn chunks of texts into accepted rows and rejects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.checks import rule_of
from server.datasets.chunks import Chunk
from server.datasets.named import TOTAL_ROW, Named
from server.datasets.part_writer import PartWriter
from server.datasets.planning import PlannedColumn, arrow_schema
from server.datasets.rejects import RejectReason, RejectWriter, shortened
from server.datasets.schema import ReadOptions
from server.datasets.totals import Totals
from server.datasets.values import ConvertedColumn, Misfit, convert_cells

LINE_COLUMN = "__line"  # kept beside the rows while duplicates are looked for


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """The cells of a column as values of `known`, or of what that had to grow to, and what is wrong with them."""

    known: pa.DataType
    converted: ConvertedColumn
    misfits: list[Misfit]


class Sifter:
    """Reads cells as values, checks them, and hands rows on: the good ones to the part, the bad ones to the list."""

    def __init__(
        self,
        columns: Sequence[PlannedColumn],
        rejects: RejectWriter,
        totals: Totals,
        options: ReadOptions,
        *,
        keep_lines: bool,
    ) -> None:
        self.named = Named()
        self._columns = columns
        self._rejects = rejects
        self._totals = totals
        self._leaves_out_totals = bool(options.leave_out_totals)
        self._keep_lines = keep_lines
        self._types = [column.arrow_type for column in columns]
        self.notations: list[set[str]] = [set() for _ in columns]  # of each column's numbers

    @property
    def schema(self) -> pa.Schema:
        """Of the part: with the lines, where they are kept."""
        schema = arrow_schema(self._columns)
        return schema.append(pa.field(LINE_COLUMN, pa.int64())) if self._keep_lines else schema

    @property
    def rejected_count(self) -> int:
        return self._rejects.row_count

    def read(self, chunk: Chunk) -> list[ReadColumn]:
        """The columns as values. Also in other threads, for chunks that follow those that are added meanwhile."""
        return [self._read(place, chunk) for place in range(len(self._columns))]

    def add(self, chunk: Chunk, columns: Sequence[ReadColumn], part: PartWriter) -> None:
        """`columns` are what was read of the chunk."""
        self.named.update(chunk.named)
        reasons: dict[int, list[RejectReason]] = {}
        values = [self._column(place, chunk, column, reasons) for place, column in enumerate(columns)]
        left_out = self._without_totals(chunk, values, reasons)
        rejected = _with_their_rows(chunk, reasons)
        if chunk.rejects:
            rejected = sorted([[reject] for reject in chunk.rejects] + rejected, key=lambda found: found[0].line)
        self._rejects.add_rows(rejected)
        if chunk.row_count == 0:
            return
        if self._keep_lines:
            values.append(pa.array([chunk.line_of(row) for row in range(chunk.row_count)], pa.int64()))
        if reasons or left_out:
            keep = _all_but({*reasons, *left_out}, chunk.row_count)
            values = [column.filter(keep) for column in values]
        part.add(values)

    def judge(self, row_count: int) -> None:
        """Whether too many were rejected, in the middle of the file. Raises `FileProblem`."""
        self._rejects.judge(row_count, is_end=False)

    def _without_totals(
        self, chunk: Chunk, values: Sequence[pa.Array], reasons: dict[int, list[RejectReason]]
    ) -> set[int]:
        """The rows that are totals and left out as such, also where they would be rejected."""
        totals = self._totals.find(chunk, values, rejected=reasons)
        if not self._leaves_out_totals:
            return set()
        for row in totals:
            reasons.pop(row, None)
            self.named.add(TOTAL_ROW, chunk.line_of(row), chunk.raw_of(row))
        return set(totals)

    def _read(self, place: int, chunk: Chunk) -> ReadColumn:
        column, known = self._columns[place], self._types[place]
        converted = convert_cells(
            chunk.columns[column.index], column.type, column.format, known=known, takes_codes=column.takes_codes
        )
        return ReadColumn(known, converted, list(column.checks.misfits(converted.values)))

    def _column(self, place: int, chunk: Chunk, read: ReadColumn, reasons: dict[int, list[RejectReason]]) -> pa.Array:
        if read.known != self._types[place]:  # it has grown since
            read = self._read(place, chunk)
        column = self._columns[place]
        self._types[place] = read.converted.values.type
        self.notations[place] |= read.converted.notations
        found = {row: code for (row, index), code in chunk.misfits.items() if index == column.index}
        for misfit in (*read.converted.misfits, *read.misfits):
            found.setdefault(misfit.row, misfit.code)
        if found:
            _note_rejects(column, chunk, found, reasons)
        return read.converted.values


def _all_but(rows: Iterable[int], count: int) -> pa.Array:
    """Which of so many rows are kept."""
    kept = bytearray(b"\1") * count
    for row in rows:
        kept[row] = 0
    return pc.not_equal(pa.Array.from_buffers(pa.uint8(), count, [None, pa.py_buffer(kept)]), 0)


def _note_rejects(
    column: PlannedColumn, chunk: Chunk, found: dict[int, str], reasons: dict[int, list[RejectReason]]
) -> None:
    """`found` are the codes of the cells that do not fit, by their rows."""
    name = column.name
    rules = {code: rule_of(column.spec, code) for code in set(found.values())}
    cells = chunk.columns[column.index].take(pa.array(found, pa.int64())).to_pylist()
    told: dict[tuple[str, str | None], dict[str, Any]] = {}  # the same cells come again and again, mostly
    for (row, code), cell in zip(found.items(), cells, strict=True):
        parameters = told.get((code, cell))
        if parameters is None:
            parameters = rules[code] if cell is None else {"value": shortened(cell.strip()), **rules[code]}
            told[code, cell] = parameters
        reject = RejectReason(line=chunk.line_of(row), column=name, code=code, parameters=parameters)
        reasons.setdefault(row, []).append(reject)


def _with_their_rows(chunk: Chunk, reasons: dict[int, list[RejectReason]]) -> list[list[RejectReason]]:
    """In the order of the rows, each with its text and its cells."""
    rows = sorted(reasons)
    rejected = [reasons[row] for row in rows]
    for found, (raw, cells) in zip(rejected, chunk.rows_as_found(rows) if rows else (), strict=True):
        found[0].cells = cells
        for reject in found:
            reject.raw = raw
    return rejected
