"""A whole dataset as one file that other programs read: CSV, Excel, Parquet or JSON. Runs in workers, row by row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import xlsxwriter

from server.errors import InvalidInput
from server.storage.full_disk import full_disk_named

ExportFormat = Literal["csv", "xlsx", "parquet", "json"]
MEDIA_TYPES: dict[str, str] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
_BATCH_ROWS = 16_384
EXCEL_ROWS = 1_048_575  # a sheet's rows, less the header
EXCEL_COLUMNS = 16_384
_EXCEL_TEXT = 32_767  # characters a cell may hold
_EXCEL_INTEGER = 10**15  # beyond 15 digits a cell loses the last ones: text keeps them
_FIRST_EXCEL_DATE = date(1900, 1, 1)


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which files to read in order, and where to write one file of `format`."""

    paths: tuple[Path, ...]
    columns: tuple[dict[str, Any], ...]
    row_count: int
    format: ExportFormat
    target: Path
    title: str


def export_dataset(request: ExportRequest, report: Callable[[Any], None]) -> int:
    """Write the file and return its size. Raises `InvalidInput` when Excel cannot hold that much."""
    if request.format == "xlsx":
        require_fits_excel(request.row_count, len(request.columns))
    with full_disk_named():
        _WRITERS[request.format](request)
        return request.target.stat().st_size


def require_fits_excel(row_count: int, column_count: int) -> None:
    if row_count > EXCEL_ROWS or column_count > EXCEL_COLUMNS:
        raise InvalidInput(
            "An Excel sheet holds {rows} rows and {columns} columns at most; export as CSV or Parquet instead.",
            code="too_large_for_excel",
            rows=EXCEL_ROWS,
            columns=EXCEL_COLUMNS,
        )


def _batches(request: ExportRequest) -> Iterator[pa.RecordBatch]:
    """All parts as one table: appended parts may order their columns otherwise, the names decide."""
    names = [column["name"] for column in request.columns]
    schema: pa.Schema | None = None
    for path in request.paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
                ordered = batch.select(names)
                schema = schema or ordered.schema
                yield ordered if ordered.schema.equals(schema) else _cast(ordered, schema)


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.Table.from_batches([batch]).cast(schema).combine_chunks().to_batches()[0]


def _schema(request: ExportRequest) -> pa.Schema:
    names = [column["name"] for column in request.columns]
    known = pq.read_schema(request.paths[0])
    return pa.schema([known.field(name) for name in names])


def _write_csv(request: ExportRequest) -> None:
    options = pa_csv.WriteOptions(include_header=False, quoting_style="needed")
    with request.target.open("wb") as stream:
        stream.write(_csv_header(request))
        with pa_csv.CSVWriter(stream, _schema(request), write_options=options) as writer:
            for batch in _batches(request):
                writer.write_batch(batch)


def _csv_header(request: ExportRequest) -> bytes:
    """Names quoted only where they must be, as the cells are. Excel takes CSV without the mark for local encoding."""
    header = io.StringIO("\ufeff", newline="")
    header.seek(0, io.SEEK_END)
    csv.writer(header, lineterminator="\n").writerow([column["name"] for column in request.columns])
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
        sheet = workbook.add_worksheet(_sheet_name(request.title))
        head = workbook.add_format({"bold": True, "bottom": 1})
        formats = {
            "date": workbook.add_format({"num_format": "yyyy-mm-dd"}),
            "datetime": workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        for place, column in enumerate(request.columns):
            width = max(10, min(40, len(str(column["name"])) + 4))
            sheet.set_column(place, place, width, formats.get(column["type"]))
            sheet.write_string(0, place, column["name"], head)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, request.row_count), max(0, len(request.columns) - 1))
        number = 0
        for batch in _batches(request):
            for row in zip(*(values.to_pylist() for values in batch.columns), strict=True):
                number += 1
                for place, value in enumerate(row):
                    _write_cell(sheet, number, place, value, formats)


def _write_cell(sheet: Any, row: int, column: int, value: Any, formats: dict[str, Any]) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float | Decimal) and abs(float(value)) < _EXCEL_INTEGER:
        sheet.write_number(row, column, value)
    elif isinstance(value, datetime) and value.date() >= _FIRST_EXCEL_DATE:
        sheet.write_datetime(row, column, value.replace(tzinfo=None), formats["datetime"])
    elif isinstance(value, date) and not isinstance(value, datetime) and value >= _FIRST_EXCEL_DATE:
        sheet.write_datetime(row, column, value, formats["date"])
    else:
        sheet.write_string(row, column, _text(value)[:_EXCEL_TEXT])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False).strip('"')


def _sheet_name(title: str) -> str:
    return "".join(character for character in title if character not in "[]:*?/\\'")[:31] or "data"


_WRITERS: dict[str, Callable[[ExportRequest], None]] = {
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "parquet": _write_parquet,
    "json": _write_json,
}
