"""What a sample of a file settles: its columns, what is told of it, and the options that read it so again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from server.datasets.chunks import Chunk, without_rows
from server.datasets.detect import FileShape
from server.datasets.planning import PlannedColumn, column_warnings, plan_columns
from server.datasets.reason_column import place_of_reasons, reason_warnings
from server.datasets.schema import Column, FileWarning, ReadOptions
from server.datasets.totals import Totals, found_in, rows_like_totals, totals_warning


def planned_columns(
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


def warnings_of_file(
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


def settled_options(
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
