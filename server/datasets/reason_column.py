"""The last column of a file of rejects, when the file comes back: what it says decides which rows are imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.chunks import Chunk, without_rows
from server.datasets.rejects import RejectReason, shortened
from server.datasets.schema import REASON_COLUMN, FileWarning, ReadOptions


def place_of_reasons(names: Sequence[str], options: ReadOptions) -> int | None:
    """Where the column of reasons stands; None where there is none, or somebody wants it as a column like others."""
    wanted = {spec.source or spec.name for spec in options.columns or ()}
    if REASON_COLUMN not in names or REASON_COLUMN in wanted or len(names) == 1:
        return None
    return names.index(REASON_COLUMN)


def without_uncorrected(chunk: Chunk, place: int | None) -> Chunk:
    """Without the rows whose reason nobody has emptied: they are rejects still, whatever their cells look like."""
    if place is None or not (rows := _with_reasons(chunk.columns[place] if chunk.columns else None)):
        return chunk
    rejects = [
        RejectReason(
            line=chunk.line_of(row),
            code="not_corrected",
            raw=raw,
            parameters={"value": shortened((cells[place] or "").strip())},
            cells=cells,
        )
        for row, (raw, cells) in zip(rows, chunk.rows_as_found(rows), strict=True)
    ]
    listed = sorted([*chunk.rejects, *rejects], key=lambda reject: reject.line)
    return dataclasses.replace(without_rows(chunk, rows), rejects=listed)


def reason_warnings(place: int | None) -> list[FileWarning]:
    if place is None:
        return []
    return [
        FileWarning(
            code="reason_column",
            message="The column “{name}” says why these rows were rejected before. It is left out, and so are the rows "
            "in which it still says something: empty it where you corrected a row.",
            parameters={"name": REASON_COLUMN},
        )
    ]


def _with_reasons(reasons: pa.Array | None) -> list[int]:
    if reasons is None or not len(reasons):
        return []
    is_filled = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(reasons.cast(pa.string()))), 0)
    return [int(row) for row in pc.indices_nonzero(is_filled).to_pylist()]
