"""Turn an uploaded file into a Parquet part and a list of rejects; or show what it looks like. Runs in workers."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from server.datasets.accounting import require_all_told, require_rows
from server.datasets.ahead import in_order
from server.datasets.appending import merged_columns
from server.datasets.chunks import Chunk, Source, without_rows
from server.datasets.corrections import FileCorrections, corrections
from server.datasets.detect import FileShape
from server.datasets.named import TOTAL_ROW
from server.datasets.notations import has_notations
from server.datasets.packed_files import UnpackedFile, unpacked
from server.datasets.part_statistics import PartStatistics
from server.datasets.part_writer import PartWriter
from server.datasets.planning import PlannedColumn, column_warnings, plan_columns
from server.datasets.readers import open_file, problems_named
from server.datasets.reason_column import place_of_reasons, reason_warnings, without_uncorrected
from server.datasets.reject_rows import RejectLayout
from server.datasets.rejects import RejectWriter, shortened
from server.datasets.schema import Column, FileWarning, ReadOptions
from server.datasets.sifting import Sifter
from server.datasets.totals import Totals, found_in, rows_like_totals, totals_warning
from server.datasets.upserting import upsert_rows
from server.datasets.whole_checks import WholeChecks, leave_out, require_comparable
from server.datasets.work import Converted, ConvertRequest, FilePreviewRequest, LeftOut, Preview, PreviewColumn
from server.errors import FileProblem
from server.jobs.worker_process import OnReport

_REPORT_EVERY_SECONDS = 0.2
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
    columns, totals = _planned(shape, sample, request.options, beside=request.beside)
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
        warnings=[*file.warnings, *_warnings(shape, columns, totals, request.options)],
        named=_named_in(sample, totals, request.options),
        left_out=_left_out(sample),
        options=_settled_options(shape, request.options, columns, file.member),
    )


def convert_file(request: ConvertRequest, report: OnReport) -> Converted:
    """Read the whole file. Leaves either a complete part and list of rejects, or nothing."""
    progress = _Progress(report, request.source.stat().st_size if request.source.exists() else 0)
    progress.tell("detecting")
    with (
        problems_named(request.source),
        unpacked(
            request.source,
            request.name,
            request.options,
            request.limits,
            directory=request.target.parent,
            on_progress=progress.unpacked,
        ) as file,
    ):
        if file.kinds:
            progress.begin_file(file.path.stat().st_size)
        return _converted(msgspec.structs.replace(request, source=file.path, name=file.name), progress, file)


def _converted(request: ConvertRequest, progress: _Progress, file: UnpackedFile) -> Converted:
    opened = open_file(request.source, request.name, request.options, request.limits, whole=True)
    reasons = place_of_reasons(opened.shape.names, request.options)
    sample = without_uncorrected(opened.source.sample(), reasons)
    key = request.upsert.key if request.upsert is not None else ()
    columns, found = _planned(opened.shape, sample, request.options, request.existing_columns, key)
    corrected = _corrections(request, opened.shape, sample, columns)
    totals = Totals(columns, is_everywhere=found.count > 0)
    unique: list[tuple[str, ...]] = [(column.name,) for column in columns if column.spec.unique]
    unique += [key] if key and key not in unique else []
    require_comparable({column.name: column.type for column in columns}, request.references)
    whole = WholeChecks(unique=unique, references=request.references)
    rows_path = request.target if request.upsert is None else request.target.with_suffix(".rows")
    staged = rows_path.with_suffix(".staged") if whole else rows_path
    statistics = PartStatistics(request.target)
    told = statistics if staged == request.target else None
    try:
        with (
            RejectWriter(request.rejects, limit=request.reject_limit, share=request.reject_share) as rejects,
            _without_garbage_collection(),
        ):
            sifter = Sifter(columns, rejects, totals, request.options, keep_lines=bool(whole))
            row_count = _convert(opened.source, reasons, sifter, staged, progress, told)
            if whole:
                progress.tell("checking")
                row_count = leave_out(staged, rows_path, whole, rejects, lambda: _read_again(request))
            rejected_count = rejects.row_count
            named = sifter.named
            require_all_told(opened.source.records, row_count, rejected_count, named)
            require_rows(row_count, rejects)
            rejects.judge(row_count, is_end=True)
        progress.tell("measuring", rows=row_count, rejected=rejected_count, named=named.as_counts())
        written = pq.read_schema(rows_path)
        described = [
            described_column(column, written.field(column.name).type, notations)
            for column, notations in zip(columns, sifter.notations, strict=True)
        ]
        notations = {column.name: column.notations for column in described if column.notations}
        upserted = None
        if request.upsert is not None:
            progress.tell("merging")
            upsert = msgspec.structs.replace(request.upsert, columns=merged_columns(request.upsert.columns, described))
            upserted = upsert_rows(upsert, rows_path, [column.name for column in columns], request.target)
            described = upsert.columns
        figures = statistics.figures(described)
    except BaseException as error:
        request.target.unlink(missing_ok=True)
        if not isinstance(error, FileProblem) or not request.rejects.stat().st_size:
            # Only a list that says what is wrong with the file is of use.
            request.rejects.unlink(missing_ok=True)
        else:
            progress.tell("reading", rejected=rejects.row_count)
        raise
    finally:
        statistics.close()
        for path in {staged, rows_path} - {request.target}:
            path.unlink(missing_ok=True)
    if not rejected_count:
        request.rejects.unlink()
    return Converted(
        row_count=row_count,
        rejected_count=rejected_count,
        bytes=request.target.stat().st_size,
        columns=[msgspec.structs.replace(column, nullable=figures[column.name]["nulls"] > 0) for column in described],
        statistics=figures,
        rejects_path=request.rejects if rejected_count else None,
        rejected_by=dict(rejects.by_code.most_common()),
        layout=RejectLayout(
            format=opened.shape.format,
            names=list(opened.shape.names),
            delimiter=opened.shape.dialect.delimiter if opened.shape.dialect else None,
            codes=[column.name for column in columns if column.takes_codes],
        ),
        named=named.as_counts(),
        upserted=upserted,
        notations=notations,
        warnings=[*file.warnings, *_warnings(opened.shape, columns, totals, request.options, sifter.notations)],
        options=_settled_options(opened.shape, request.options, columns, file.member),
        corrections=corrected,
    )


def _corrections(
    request: ConvertRequest, shape: FileShape, sample: Chunk, planned: Sequence[PlannedColumn]
) -> FileCorrections:
    """What would have been found without the options is found again, on samples: some milliseconds."""
    given = request.options
    bare = ReadOptions(language=given.language, member=given.member)
    if given == bare:
        return FileCorrections()
    columns, _ = _planned(shape, sample, msgspec.structs.replace(given, columns=None))
    try:
        alone = open_file(request.source, request.name, bare, request.limits, whole=False).shape
    except FileProblem:
        alone = None  # without a word it is no table: all that was said counts
    found = bare if alone is None else _settled_options(alone, bare, (), None)
    if request.existing_columns is not None:  # what the dataset has is nobody's correction
        planned, _ = _planned(shape, sample, given)
    settled = _settled_options(shape, given, planned, None)
    return corrections(settled, msgspec.structs.replace(found, columns=[column.settled for column in columns]))


def _convert(
    source: Source,
    reasons: int | None,
    sifter: Sifter,
    target: Path,
    progress: _Progress,
    statistics: PartStatistics | None,
) -> int:
    """Chunks are read from the file, and their cells as values, while those before them are sifted and written.

    `reasons`: the place of the column of a file of rejects that came back.
    """
    chunks = ((without_uncorrected(chunk, reasons), source.bytes_read) for chunk in source.chunks())
    with PartWriter(target, sifter.schema, statistics) as part:
        for (chunk, bytes_read), columns in in_order(lambda item: sifter.read(item[0]), chunks):
            sifter.add(chunk, columns, part)
            sifter.judge(part.row_count)
            progress.read(part.row_count, sifter.rejected_count, bytes_read)
    return part.row_count


def _planned(
    shape: FileShape,
    sample: Chunk,
    options: ReadOptions,
    existing: Sequence[Column] | None = None,
    key: Sequence[str] = (),
    beside: Sequence[Column] = (),
) -> tuple[list[PlannedColumn], Totals]:
    """The columns, and the totals among the rows of the sample: what is to be left out decides no type."""
    like_totals = rows_like_totals(sample.columns)
    if not like_totals:
        columns = plan_columns(shape, sample, options, existing, key, beside)
        totals = Totals(columns)
        return columns, found_in(sample, columns) if totals.may_end_in(sample) else totals
    columns = plan_columns(shape, without_rows(sample, like_totals), options, existing, key, beside)
    totals = found_in(sample, columns)
    left_out = totals.rows if options.leave_out_totals else ()
    return plan_columns(shape, without_rows(sample, left_out), options, existing, key, beside), totals


def _warnings(
    shape: FileShape,
    columns: Sequence[PlannedColumn],
    totals: Totals,
    options: ReadOptions,
    notations: Sequence[set[str]] = (),
) -> list[FileWarning]:
    """`notations` are those of each column's numbers, once all of the file was read."""
    total_rows = totals_warning(totals, are_left_out=bool(options.leave_out_totals))
    reasons = reason_warnings(place_of_reasons(shape.names, options))
    return [*shape.warnings, *total_rows, *reasons, *column_warnings(columns, notations)]


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


def _read_again(request: ConvertRequest) -> Iterator[Chunk]:
    return open_file(request.source, request.name, request.options, request.limits, whole=True).source.chunks()


class _Progress:
    """Tells how far reading is, a few times a second."""

    def __init__(self, report: OnReport, bytes_total: int) -> None:
        self._report = report
        self._state: dict[str, Any] = {
            "rows": 0, "rejected": 0, "named": {}, "bytes": 0, "bytes_total": bytes_total, "stage": "", "total": None,
        }  # fmt: skip
        self._due = 0.0

    def tell(self, stage: str, **changes: Any) -> None:
        self._state |= {"stage": stage, **changes}
        self._due = time.monotonic() + _REPORT_EVERY_SECONDS
        self._report(dict(self._state))

    def _tell_if_due(self, stage: str) -> None:
        """A report that comes late, since a block took its time, does not put off the one after it."""
        late = time.monotonic() - self._due
        if late >= 0:
            self.tell(stage)
            self._due -= min(late, _REPORT_EVERY_SECONDS)

    def unpacked(self, done: int, total: int) -> None:
        self._state |= {"bytes": done, "bytes_total": total}
        self._tell_if_due("unpacking")

    def begin_file(self, bytes_total: int) -> None:
        self.tell("detecting", bytes=0, bytes_total=bytes_total)

    def read(self, rows: int, rejected: int, done: int) -> None:
        """`total` is an estimate, from the bytes that are left."""
        records = rows + rejected
        if not records:
            return
        total = round(records * self._state["bytes_total"] / done) if done else None
        self._state |= {"rows": rows, "rejected": rejected, "bytes": done, "total": total, "stage": "reading"}
        self._tell_if_due("reading")


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Millions of rows as lists hold no cycles, but would be looked through for them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def described_column(column: PlannedColumn, written: pa.DataType, notations: Set[str]) -> Column:
    """`notations` are those of the texts of its cells."""
    is_decimal = pa.types.is_decimal(written)
    return Column(
        name=column.name,
        type=column.type,
        precision=written.precision if is_decimal else None,
        scale=written.scale if is_decimal else None,
        source=column.spec.source,
        format=column.format or None,
        required=column.spec.required,
        unique=column.spec.unique,
        notations=sorted(column.notations_of(notations)) if has_notations(column.type) else None,
    )


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


def _settled_options(
    shape: FileShape, options: ReadOptions, columns: Sequence[PlannedColumn], member: str | None
) -> ReadOptions:
    """What was found, as options: the same file read with them gives the same rows, whatever later versions infer."""
    is_text = shape.dialect is not None
    return msgspec.structs.replace(
        options,
        encoding=shape.encoding.name if shape.encoding else None,
        language=None,  # it has said what it could
        delimiter=shape.dialect.delimiter if shape.dialect else None,
        quote=shape.dialect.quote if shape.dialect else None,
        header=shape.header if is_text or shape.sheet else None,
        skip_rows=shape.skip_rows if is_text or shape.sheet else None,
        pad_short_rows=shape.pads_short_rows if is_text else None,
        sheet=shape.sheet,
        member=member,
        columns=[column.settled for column in columns],
    )
