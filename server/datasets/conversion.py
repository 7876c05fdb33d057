"""Turn an uploaded file into a Parquet part and a list of rejects; or show what it looks like. Runs in workers."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from server.datasets.accounting import require_all_told, require_rows
from server.datasets.ahead import in_order
from server.datasets.appending import merged_columns
from server.datasets.came_back import CameBack
from server.datasets.chunks import Chunk, Source
from server.datasets.conversion_progress import ConversionProgress
from server.datasets.corrections import FileCorrections, corrections
from server.datasets.detect import FileShape
from server.datasets.file_work import Converted, ConvertRequest
from server.datasets.notations import has_notations
from server.datasets.packed_files import UnpackedFile, unpacked
from server.datasets.part_statistics import PartStatistics
from server.datasets.part_writer import PartWriter
from server.datasets.planning import PlannedColumn
from server.datasets.readers import open_file, problems_named
from server.datasets.reason_column import place_of_reasons, without_uncorrected
from server.datasets.reject_rows import RejectLayout
from server.datasets.rejects import RejectWriter
from server.datasets.schema import Column, ReadOptions
from server.datasets.settling import planned_columns, settled_options, warnings_of_file
from server.datasets.sifting import Sifter
from server.datasets.totals import Totals
from server.datasets.upserting import upsert_rows
from server.datasets.whole_checks import WholeChecks, leave_out, require_comparable
from server.errors import FileProblem
from server.jobs.worker_process import OnReport


def convert_file(request: ConvertRequest, report: OnReport) -> Converted:
    """Read the whole file. Leaves either a complete part and list of rejects, or nothing."""
    progress = ConversionProgress(report, request.source.stat().st_size if request.source.exists() else 0)
    progress.tell(stage="detecting")
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


def _converted(request: ConvertRequest, progress: ConversionProgress, file: UnpackedFile) -> Converted:
    opened = open_file(request.source, request.name, request.options, request.limits, whole=True)
    reasons = place_of_reasons(opened.shape.names, request.options)
    came_back = CameBack(opened.shape.names, request.options)
    sample = without_uncorrected(opened.source.sample(), reasons)
    key = request.upsert.key if request.upsert is not None else ()
    columns, found = planned_columns(opened.shape, sample, request.options, request.existing_columns, key)
    corrected = _corrections(request, opened.shape, sample, columns)
    totals = Totals(
        columns,
        is_everywhere=found.count + found.rejected > 0,
        is_left_out=bool(request.options.leave_out_totals),
        is_leading=found.is_leading,
    )
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
            rejects.lines = set() if came_back.is_told else None
            sifter = Sifter(columns, rejects, totals, request.options, keep_lines=bool(whole))
            chunks = (came_back.noted(without_uncorrected(chunk, reasons)) for chunk in opened.source.chunks())
            row_count = _convert(opened.source, chunks, sifter, staged, progress, told)
            totals.finish()
            if whole:
                progress.tell(stage="checking")
                row_count = leave_out(staged, rows_path, whole, rejects, lambda: _read_again(request))
            rejected_count = rejects.row_count
            named = sifter.named
            require_all_told(opened.source.records, row_count, rejected_count, named)
            require_rows(row_count, rejects)
            rejects.judge(row_count, is_end=True)
        progress.tell(stage="measuring", rows=row_count, rejected=rejected_count, named=named.as_counts())
        written = pq.read_schema(rows_path)
        described = [
            described_column(column, written.field(column.name).type, notations)
            for column, notations in zip(columns, sifter.notations, strict=True)
        ]
        notations = {column.name: column.notations for column in described if column.notations}
        upserted = None
        if request.upsert is not None:
            progress.tell(stage="merging")
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
            progress.tell(stage="reading", rejected=rejects.row_count)
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
        warnings=[*file.warnings, *warnings_of_file(opened.shape, columns, totals, request.options, sifter.notations)],
        options=settled_options(opened.shape, request.options, columns, file.member),
        corrections=corrected,
        taken=came_back.taken(rejects.lines or set()),
    )


def _corrections(
    request: ConvertRequest, shape: FileShape, sample: Chunk, planned: Sequence[PlannedColumn]
) -> FileCorrections:
    """What would have been found without the options is found again, on samples: some milliseconds."""
    given = request.options
    bare = ReadOptions(language=given.language, member=given.member)
    if given == bare:
        return FileCorrections()
    columns, _ = planned_columns(shape, sample, msgspec.structs.replace(given, columns=None))
    try:
        alone = open_file(request.source, request.name, bare, request.limits, whole=False).shape
    except FileProblem:
        alone = None  # without a word it is no table: all that was said counts
    found = bare if alone is None else settled_options(alone, bare, (), None)
    if request.existing_columns is not None:  # what the dataset has is nobody's correction
        planned, _ = planned_columns(shape, sample, given)
    settled = settled_options(shape, given, planned, None)
    return corrections(settled, msgspec.structs.replace(found, columns=[column.settled for column in columns]))


def _convert(
    source: Source,
    read: Iterator[Chunk],
    sifter: Sifter,
    target: Path,
    progress: ConversionProgress,
    statistics: PartStatistics | None,
) -> int:
    """Chunks are read from the file, and their cells as values, while those before them are sifted and written."""
    chunks = ((chunk, source.bytes_read) for chunk in read)
    with PartWriter(target, sifter.schema, statistics) as part:
        for (chunk, bytes_read), columns in in_order(lambda item: sifter.read(item[0]), chunks):
            sifter.add(chunk, columns, part)
            sifter.judge(part.row_count)
            progress.read(part.row_count, sifter.rejected_count, bytes_read)
    return part.row_count


def _read_again(request: ConvertRequest) -> Iterator[Chunk]:
    return open_file(request.source, request.name, request.options, request.limits, whole=True).source.chunks()


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
