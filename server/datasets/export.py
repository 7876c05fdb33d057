"""A whole dataset as one file that other programs read: CSV, Excel, Parquet or JSON. Runs in workers, row by row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import xlsxwriter

from server.datasets.decimals import fits_float
from server.datasets.excel_texts import LongTexts, require_fits_excel, sheet_name
from server.datasets.formula_like import FORMULA, NUMBER, harmless
from server.datasets.query_session import QuerySession
from server.datasets.rows import VIEW, count_rows, rows_sql
from server.datasets.schema import Column
from server.datasets.work import ExportRequest, RowsRequest
from server.jobs.worker_process import OnReport
from server.storage.full_disk import full_disk_named

_BATCH_ROWS = 16_384
_EXCEL_INTEGER = 10**15  # beyond 15 digits a cell loses the last ones: text keeps them
_FIRST_EXCEL_DATE = date(1900, 1, 1)


def export_dataset(request: ExportRequest, report: OnReport) -> int:
    """Write the file and return its size. Raises `InvalidInput` when Excel cannot hold that much."""
    if request.rows is not None:
        with QuerySession({VIEW: request.paths}, request.rows.limits) as session:
            request = msgspec.structs.replace(request, row_count=count_rows(session, request.rows))
    if request.format == "xlsx":
        require_fits_excel(request.row_count, len(request.columns))
    with full_disk_named():
        _WRITERS[request.format](request)
        return request.target.stat().st_size


def _batches(request: ExportRequest) -> Iterator[pa.RecordBatch]:
    """All parts as one table: appended parts may order their columns otherwise, the names decide."""
    schema = _schema(request)
    if request.rows is not None:
        yield from _selected(request, request.rows, schema)
        return
    for path in request.paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=schema.names):
                ordered = batch.select(schema.names)
                yield ordered if ordered.schema.equals(schema) else _cast(ordered, schema)


def _selected(request: ExportRequest, rows: RowsRequest, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    sql, values = rows_sql(rows)
    with QuerySession({VIEW: request.paths}, rows.limits) as session:
        for batch in session.batches(sql, values, rows=_BATCH_ROWS):
            if batch.num_rows:
                yield _cast(batch, schema)


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.Table.from_batches([batch]).cast(schema).combine_chunks().to_batches()[0]


def _schema(request: ExportRequest) -> pa.Schema:
    """Decimals with the digits of the part that has the most."""
    known = pq.read_schema(request.paths[0])
    return pa.schema([_field(known.field(column.name), column) for column in request.columns])


def _field(field: pa.Field, column: Column) -> pa.Field:
    if column.precision is None or column.scale is None:
        return field
    return field.with_type(pa.decimal128(column.precision, column.scale))


def _write_csv(request: ExportRequest) -> None:
    options = pa_csv.WriteOptions(include_header=False, quoting_style="needed")
    with request.target.open("wb") as stream:
        stream.write(_csv_header(request))
        with pa_csv.CSVWriter(stream, _schema(request), write_options=options) as writer:
            for batch in _batches(request):
                writer.write_batch(batch if request.exact else _harmless(batch))


def _harmless(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [harmless_column(column) if pa.types.is_string(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def harmless_column(cells: pa.Array) -> pa.Array:
    """`harmless` for a whole column of texts."""
    found = pc.and_not(
        pc.match_substring_regex(cells, FORMULA),
        pc.match_substring_regex(cells, rf"^{NUMBER}$"),
    )
    if not pc.any(found).as_py():
        return cells
    return pc.if_else(found, pc.binary_join_element_wise("'", cells, ""), cells)


def _csv_header(request: ExportRequest) -> bytes:
    """Names quoted only where they must be, as the cells are. Excel takes CSV without the mark for local encoding."""
    header = io.StringIO("\ufeff", newline="")
    header.seek(0, io.SEEK_END)
    names = [column.name if request.exact else harmless(column.name) for column in request.columns]
    csv.writer(header, lineterminator="\n").writerow(names)
    return header.getvalue().encode()


def _write_parquet(request: ExportRequest) -> None:
    with pq.ParquetWriter(request.target, _schema(request), compression="zstd") as writer:
        for batch in _batches(request):
            writer.write_batch(batch)


def _write_json(request: ExportRequest) -> None:
    encoder = msgspec.json.Encoder(decimal_format="number")
    separator = b"["
    with request.target.open("wb") as stream:
        for batch in _batches(request):
            for row in batch.to_pylist():
                stream.write(separator + encoder.encode(row))
                separator = b",\n"
        stream.write(b"]\n" if separator != b"[" else b"[]\n")


def _write_xlsx(request: ExportRequest) -> None:
    # Cells are data, whatever they look like: no text becomes a formula, a link or a number.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "tmpdir": str(request.target.parent),
    }
    with xlsxwriter.Workbook(str(request.target), options) as workbook:
        sheet = workbook.add_worksheet(sheet_name(request.title))
        long_texts = LongTexts(workbook, language=request.language)
        head = workbook.add_format({"bold": True, "bottom": 1})
        formats = {
            "date": workbook.add_format({"num_format": "yyyy-mm-dd"}),
            "datetime": workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        formats["timestamp"] = formats["datetime"]
        for place, column in enumerate(request.columns):
            width = max(10, min(40, len(column.name) + 4))
            sheet.set_column(place, place, width, formats.get(column.type))
            sheet.write_string(0, place, column.name, head)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, request.row_count), max(0, len(request.columns) - 1))
        number = 0
        for batch in _batches(request):
            for row in zip(*(values.to_pylist() for values in batch.columns), strict=True):
                number += 1
                for place, value in enumerate(row):
                    fits = _fitting(value)
                    if isinstance(fits, str):
                        fits = long_texts.fitting(fits, column=request.columns[place].name, row=number + 1)
                    _write_cell(sheet, number, place, fits, formats)


def _fitting(value: Any) -> Any:
    """A value as a cell can hold it; what would lose digits, microseconds or its day becomes a text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float | Decimal):
        fits = fits_float(value) if isinstance(value, Decimal) else abs(value) < _EXCEL_INTEGER
        return value if fits else _text(value)
    if isinstance(value, datetime):
        fits = value.date() >= _FIRST_EXCEL_DATE and value.microsecond % 1000 == 0
        return value.replace(tzinfo=None) if fits else _text(value)
    return value if isinstance(value, date) and value >= _FIRST_EXCEL_DATE else _text(value)


def _write_cell(sheet: Any, row: int, column: int, value: Any, formats: dict[str, Any]) -> None:
    match value:
        case None:
            pass
        case bool():
            sheet.write_boolean(row, column, value)
        case str():
            sheet.write_string(row, column, value)
        case datetime():
            sheet.write_datetime(row, column, value, formats["datetime"])
        case date():
            sheet.write_datetime(row, column, value, formats["date"])
        case _:
            sheet.write_number(row, column, value)


def _text(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False).strip('"')


_WRITERS: dict[str, Callable[[ExportRequest], None]] = {
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "parquet": _write_parquet,
    "json": _write_json,
}
