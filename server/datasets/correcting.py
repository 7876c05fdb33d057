"""Judge corrected rows as the import of their file would, and write those that fit. Runs in workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from server.datasets.appending import merged_columns
from server.datasets.checks import ColumnChecks
from server.datasets.chunks import Chunk
from server.datasets.conversion import described_column
from server.datasets.decimals import NO_DIGITS, Digits
from server.datasets.file_work import Corrected, CorrectRequest, Upsert
from server.datasets.inference import Inferred
from server.datasets.part_statistics import column_statistics
from server.datasets.part_writer import PartWriter
from server.datasets.planning import PlannedColumn, column_warnings
from server.datasets.reject_rows import Cells, RejectedRow, are_same, by_row, row_of
from server.datasets.rejects import RejectWriter
from server.datasets.schema import Column, ColumnSpec, ReadOptions
from server.datasets.sifting import Sifter
from server.datasets.totals import Totals
from server.datasets.upserting import upsert_rows, write_touched_keys
from server.datasets.values import arrow_type
from server.datasets.whole_checks import WholeChecks, leave_out, require_comparable
from server.jobs.worker_process import OnReport
from server.storage.full_disk import full_disk_named

_LOST = "\ufffd"  # stands where bytes were no text, or NUL
_LOSING = {"bad_encoding", "nul_character"}
# Reasons that no look at the cells finds again: they stay with a row that nobody changed.
_OF_THE_FILE = frozenset(
    {
        "too_few_cells", "too_many_cells", "header_again", "other_table", "unclosed_quote", "stray_quote",
        "nul_character", "bad_encoding", "cell_too_large", "outside_columns", "not_an_object", "not_a_row",
        "unknown_field", "not_corrected",
    }
)  # fmt: skip


@dataclass(slots=True)
class _Submitted:
    """A row of the list with the cells that somebody gave it."""

    row: RejectedRow
    cells: Cells
    lines: list[bytes]

    @property
    def stays(self) -> bool:
        """Whether it is wrong for a reason that lies in the file, and nothing was done about it."""
        codes = {reason.code for reason in self.row.reasons}
        if codes & _LOSING and any(_LOST in (cell or "") for cell in self.cells):
            return True
        return bool(codes & _OF_THE_FILE) and are_same(self.cells, self.row.cells)

    def is_changed_at(self, place: int) -> bool:
        return not are_same([self.cells[place]], [self.row.cells[place]])


def correct_rows(request: CorrectRequest, _report: OnReport) -> Corrected:
    """Leaves a part with the rows that fit, the list of all that is left, and of those that were tried in vain."""
    found = _found(request)
    columns = _planned(request)
    judged = [one for one in found if not one.stays]
    rows_path = request.target if request.upsert is None else request.target.with_suffix(".rows")
    count, notations = _written(request, columns, judged, rows_path)
    wrong = _rewritten(request, found)
    corrected = Corrected(
        row_count=count,
        wrong_count=len(wrong),
        left_count=_count(request.left),
        missing=sorted(request.rows.keys() - {one.row.line for one in found}),
    )
    if not count:
        rows_path.unlink(missing_ok=True)
        return corrected
    schema = pq.read_schema(rows_path)
    shown = [
        described_column(column, schema.field(column.name).type, written)
        for column, written in zip(columns, notations, strict=True)
    ]
    upserted = None
    if request.upsert is not None:
        upsert = msgspec.structs.replace(request.upsert, columns=merged_columns(request.upsert.columns, shown))
        upserted = upsert_rows(upsert, rows_path, [column.name for column in columns], request.target)
        rows_path.unlink()
        shown = upsert.columns
    statistics = column_statistics(request.target, shown)
    return msgspec.structs.replace(
        corrected,
        warnings=column_warnings(columns, notations),
        bytes=request.target.stat().st_size,
        columns=[msgspec.structs.replace(column, nullable=statistics[column.name]["nulls"] > 0) for column in shown],
        statistics=statistics,
        upserted=upserted,
    )


def _found(request: CorrectRequest) -> list[_Submitted]:
    """Those of the submitted rows that the list still has, in its order."""
    found = []
    with request.rejects.open("rb") as stream:
        for lines in by_row(stream):
            row = row_of(lines, request.layout)
            if row.line not in request.taken and (cells := request.rows.get(row.line)) is not None:
                found.append(_Submitted(row, cells, lines))
    return found


def _planned(request: CorrectRequest) -> list[PlannedColumn]:
    """As the import read its columns; decimals have room for what the dataset has."""
    known = {column.name: column for column in request.columns}
    return [
        _planned_column(spec, place, request, known.get(spec.name))
        for place, spec in enumerate(request.options.columns or ())
    ]


def _planned_column(spec: ColumnSpec, place: int, request: CorrectRequest, column: Column | None) -> PlannedColumn:
    assert spec.type is not None
    digits = NO_DIGITS
    if column is not None and column.precision is not None and column.scale is not None:
        digits = Digits(column.precision - column.scale, column.scale)
    return PlannedColumn(
        spec=spec,
        index=request.layout.names.index(spec.source or spec.name),
        type=spec.type,
        inferred=Inferred(type=spec.type, format=spec.format),
        checks=ColumnChecks.of(spec, spec.type, place),
        arrow_type=arrow_type(spec.type, digits),
        takes_codes=spec.name in request.layout.codes,
        before=column.notations if column is not None else None,
    )


def _written(
    request: CorrectRequest, columns: Sequence[PlannedColumn], judged: Sequence[_Submitted], target: Path
) -> tuple[int, list[set[str]]]:
    """The rows that fit: how many, and the notations of each column. What is wrong with the others stands in
    `request.wrong` then.
    """
    keys = [request.upsert.key] if request.upsert is not None else []
    unique = [(column.name,) for column in columns if column.spec.unique]
    checks = WholeChecks(
        unique=[*unique, *(key for key in keys if key not in unique)],
        references=request.references,
        taken=request.parts,
        key=request.upsert.key if request.upsert is not None else (),
        touched=_touched(request.upsert, request.before, target) if request.upsert is not None else (),
    )
    require_comparable({column.name: column.type for column in columns}, request.references)
    staged = target.with_suffix(".staged")
    with RejectWriter(request.wrong, limit=len(judged)) as rejects:
        sifter = Sifter(columns, rejects, Totals(columns), ReadOptions(), keep_lines=True)
        chunk = _chunk(judged, len(request.layout.names), _repeated(judged, checks, columns, keys))
        with PartWriter(staged, sifter.schema) as part:
            sifter.add(chunk, sifter.read(chunk), part)
        try:
            count = leave_out(staged, target, checks, rejects, lambda: iter([chunk]))
            return count, sifter.notations
        finally:
            staged.unlink(missing_ok=True)


def _touched(upsert: Upsert, before: Sequence[Path] | None, target: Path) -> Sequence[Path]:
    """Parts with the keys of rows that a correction must not overwrite: those that are not as before the import."""
    if before is None:
        return upsert.paths
    keys = target.with_suffix(".keys")
    write_touched_keys(upsert, before, keys)
    return [keys]


def _chunk(rows: Sequence[_Submitted], width: int, misfits: dict[tuple[int, int], str]) -> Chunk:
    for place, one in enumerate(rows):
        for reason in one.row.reasons:
            if reason.code == "excel_error" and reason.parameters.get("value") is not None:
                for index, cell in enumerate(one.cells):
                    if cell == reason.parameters["value"] and not one.is_changed_at(index):
                        misfits[place, index] = "excel_error"
    return Chunk(
        columns=[pa.array([one.cells[place] for one in rows], pa.string()) for place in range(width)],
        line_of=lambda row: rows[row].row.line,
        raw_of=lambda row: rows[row].row.raw or "",
        misfits=misfits,
    )


def _repeated(
    rows: Sequence[_Submitted],
    checks: WholeChecks,
    columns: Sequence[PlannedColumn],
    keys: Sequence[tuple[str, ...]],
) -> dict[tuple[int, int], str]:
    """Merged into the dataset, the rows of the file cannot be told any more: a key that repeated one does so still."""
    places = {column.name: column.index for column in columns}
    return {
        (place, places[names[0]]): "not_unique"
        for place, one in enumerate(rows)
        for names in (checks.unique if keys else ())
        if any(reason.code == "not_unique" and reason.column == ", ".join(names) for reason in one.row.reasons)
        and not any(one.is_changed_at(places[name]) for name in names)
    }


def _rewritten(request: CorrectRequest, found: Sequence[_Submitted]) -> Mapping[int, list[bytes]]:
    """Write the list of what is left, and that of the submitted rows that are wrong still; answers the latter."""
    wrong: dict[int, list[bytes]] = {one.row.line: one.lines for one in found if one.stays}
    with request.wrong.open("rb") as stream:
        wrong |= {row_of(lines, request.layout).line: lines for lines in by_row(stream)}
    submitted = {one.row.line for one in found}
    with full_disk_named(), request.left.open("wb") as left, request.rejects.open("rb") as stream:
        for lines in by_row(stream):
            line = row_of(lines, request.layout).line
            if line in request.taken:
                continue
            left.writelines(wrong.get(line, ()) if line in submitted else lines)
    with full_disk_named(), request.wrong.open("wb") as listed:
        for lines in wrong.values():
            listed.writelines(lines)
    return wrong


def _count(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for _ in by_row(stream))
