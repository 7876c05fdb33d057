"""Turn chunks of texts into accepted rows and rejects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from server.datasets.cell_texts import as_text
from server.datasets.chunks import Chunk
from server.datasets.part_writer import PartWriter
from server.datasets.planning import PlannedColumn
from server.datasets.rejects import RejectReason, RejectWriter, shortened
from server.datasets.values import Misfit, convert_cells

LINE_COLUMN = "__line"  # kept beside the rows while duplicates are looked for


class Sifter:
    """Reads cells as values, checks them, and hands rows on: the good ones to the part, the bad ones to the list."""

    def __init__(
        self, columns: Sequence[PlannedColumn], part: PartWriter, rejects: RejectWriter, *, keep_lines: bool
    ) -> None:
        self._columns = columns
        self._part = part
        self._rejects = rejects
        self._keep_lines = keep_lines

    def add(self, chunk: Chunk) -> None:
        reasons: dict[int, list[RejectReason]] = {}
        values = [self._column(column, chunk, reasons) for column in self._columns]
        rejected = [[reject] for reject in chunk.rejects] + list(reasons.values())
        for row in sorted(rejected, key=lambda found: found[0].line):
            self._rejects.add_row(row)
        if chunk.row_count == 0:
            return
        if self._keep_lines:
            values.append(pa.array([chunk.line_of(row) for row in range(chunk.row_count)], pa.int64()))
        if reasons:
            keep = pa.array([row not in reasons for row in range(chunk.row_count)])
            values = [column.filter(keep) for column in values]
        self._part.add(values)

    def _column(self, column: PlannedColumn, chunk: Chunk, reasons: dict[int, list[RejectReason]]) -> pa.Array:
        cells = chunk.columns[column.index]
        converted = convert_cells(cells, column.type, column.format)
        found = {row: code for (row, index), code in chunk.misfits.items() if index == column.index}
        for misfit in (*converted.misfits, *column.checks.misfits(converted.values)):
            found.setdefault(misfit.row, misfit.code)
        for row, code in found.items():
            reasons.setdefault(row, []).append(_reject(column, chunk, Misfit(row, code), cells[row].as_py()))
        return converted.values


def _reject(column: PlannedColumn, chunk: Chunk, misfit: Misfit, cell: str | None) -> RejectReason:
    parameters: dict[str, Any] = {} if cell is None else {"value": shortened(cell.strip())}
    limit = {"below_minimum": column.spec.min, "above_maximum": column.spec.max}.get(misfit.code)
    if limit is not None:
        parameters["limit"] = as_text(limit)
    return RejectReason(
        line=chunk.line_of(misfit.row),
        code=misfit.code,
        raw=chunk.raw_of(misfit.row),
        column=column.name,
        parameters=parameters,
    )
