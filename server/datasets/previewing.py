"""A look at a file before anything is done with it: what it would be read as, from samples of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from server.datasets.chunks import Chunk, without_rows
from server.datasets.detect import FileShape
from server.datasets.file_work import FilePreviewRequest, LeftOut, Preview, PreviewColumn
from server.datasets.named import TOTAL_ROW
from server.datasets.packed_files import UnpackedFile, unpacked
from server.datasets.planning import PlannedColumn
from server.datasets.readers import open_file, problems_named
from server.datasets.reason_column import place_of_reasons, without_uncorrected
from server.datasets.rejects import shortened
from server.datasets.schema import ReadOptions
from server.datasets.settling import planned_columns, settled_options, warnings_of_file
from server.datasets.totals import Totals
from server.jobs.worker_process import OnReport

_PREVIEW_CHARACTERS = 500_000  # of all its cells
_LEFT_OUT_SHOWN = 20  # lines
_CELL_CHARACTERS = 500  # of a cell in a preview: it is a table, not a reader


def preview_file(request: FilePreviewRequest, _report: OnReport) -> Preview:
    """Look at samples of a file; raises `FileProblem` when it cannot be read as a table."""
    with (
        problems_named(request.source),
        unpacked(request.source, request.name, request.options, request.limits) as file,
    ):
        return _preview(msgspec.structs.replace(request, source=file.path, name=file.name), file)


def _preview(request: FilePreviewRequest, file: UnpackedFile) -> Preview:
    opened = open_file(request.source, request.name, request.options, request.limits, whole=False)
    shape = opened.shape
    reasons = place_of_reasons(shape.names, request.options)
    sample = without_uncorrected(opened.source.sample(), reasons)
    columns, totals = planned_columns(shape, sample, request.options, beside=request.beside)
    shown = without_rows(sample, totals.rows if request.options.leave_out_totals else ())
    rows = _first_rows(shown, columns, min(request.rows, shown.row_count))
    return Preview(
        format=shape.format,
        encoding=shape.encoding.name if shape.encoding else None,
        encoding_verified=shape.encoding is None or (shape.encoding.is_verified and file.share == 1.0),
        delimiter=shape.dialect.delimiter if shape.dialect else None,
        quote=shape.dialect.quote if shape.dialect else None,
        header=shape.header,
        skip_rows=shape.skip_rows,
        sheet=shape.sheet,
        sheets=list(shape.sheets),
        members=list(file.members),
        columns=[_previewed(column) for column in columns],
        rows=rows,
        lines=[shown.line_of(row) for row in range(len(rows))],
        estimated_rows=_estimated_rows(request.source, shape, shown, file.share),
        warnings=[*file.warnings, *warnings_of_file(shape, columns, totals, request.options)],
        named=_named_in(sample, totals, request.options),
        left_out=_left_out(sample),
        options=settled_options(shape, request.options, columns, file.member),
    )


def _named_in(sample: Chunk, totals: Totals, options: ReadOptions) -> dict[str, int]:
    for row in totals.rows if options.leave_out_totals else ():
        sample.named.add(TOTAL_ROW, sample.line_of(row), sample.raw_of(row))
    return sample.named.as_counts()


def _left_out(sample: Chunk) -> list[LeftOut]:
    """The first lines that would be no rows, named or rejected, in the order of the file."""
    found = [LeftOut(line=one.line, reason=one.reason, raw=one.raw) for one in sample.named.first]
    found += [
        LeftOut(line=reject.line, reason=reject.code, raw=shortened(reject.raw))
        for reject in sample.rejects[:_LEFT_OUT_SHOWN]
    ]
    return sorted(found, key=lambda one: one.line)[:_LEFT_OUT_SHOWN]


def _previewed(column: PlannedColumn) -> PreviewColumn:
    return PreviewColumn(
        name=column.name,
        source=column.spec.source or column.name,
        type=column.type,
        format=column.format,
        nulls=column.inferred.nulls,
        misfits=column.inferred.misfits,
        notations=sorted(column.notations_of(column.inferred.notations)),
    )


def _first_rows(sample: Chunk, columns: Sequence[PlannedColumn], count: int) -> list[list[str | None]]:
    """So many as make a page that the server holds and sends at once; at least one, if there is any."""
    cells = [sample.columns[column.index].slice(0, count).to_pylist() for column in columns]
    rows: list[list[str | None]] = []
    left = _PREVIEW_CHARACTERS
    for row in zip(*cells, strict=True):
        rows.append([shortened(cell, _CELL_CHARACTERS) if cell else None for cell in row])
        left -= sum(len(cell or "") + 1 for cell in rows[-1])
        if left <= 0:
            break
    return rows


def _estimated_rows(path: Path, shape: FileShape, sample: Chunk, share: float) -> int | None:
    """`share` is how much of the file is there."""
    if shape.sheet is not None:
        sheet = next(sheet for sheet in shape.sheets if sheet.name == shape.sheet)
        return max(0, (sheet.rows or 0) - shape.first_line)
    if not sample.row_count or not sample.bytes_read:
        return None
    return round(sample.row_count * max(1.0, path.stat().st_size / sample.bytes_read) / share)
