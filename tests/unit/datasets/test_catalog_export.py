"""A dataset as one file: the same values in every format, and nothing in it is run as a formula."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.datasets.excel_texts import require_fits_excel
from server.datasets.export import export_dataset
from server.datasets.schema import Column
from server.datasets.work import ExportRequest
from server.errors import InvalidInput

COLUMNS: tuple[Column, ...] = (
    Column(name="name", type="text"),
    Column(name="count", type="integer"),
    Column(name="day", type="date"),
    Column(name="at", type="datetime"),
    Column(name="ok", type="boolean"),
)
ROWS = [
    ("=1+1", 1, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), True),  # noqa: DTZ001 – data without a zone
    ('a "b", 华东', 10**17, date(1850, 1, 1), None, None),
    (None, -3, None, None, False),
]


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, ...]:
    parts = []
    names = [column.name for column in COLUMNS]
    for number, rows in enumerate((ROWS[:1], ROWS[1:])):
        schema = pa.schema(
            [
                ("name", pa.string()),
                ("count", pa.int64()),
                ("day", pa.date32()),
                ("at", pa.timestamp("us")),
                ("ok", pa.bool_()),
            ]
        )
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema), path)
        parts.append(path)
    return tuple(parts)


def exported(paths: tuple[Path, ...], file_format: Any) -> Path:
    target = paths[0].parent / f"out.{file_format}"
    request = ExportRequest(
        paths=paths, columns=COLUMNS, row_count=3, format=file_format, target=target, title="orders"
    )
    assert export_dataset(request, lambda _value: None) == target.stat().st_size
    return target


def test_csv_holds_every_row_once(paths: tuple[Path, ...]) -> None:
    with exported(paths, "csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["name", "count", "day", "at", "ok"]
    assert rows[2][:3] == ['a "b", 华东', str(10**17), "1850-01-01"]
    assert [row[1] for row in rows[1:]] == ["1", str(10**17), "-3"]


def test_json_is_a_list_of_objects(paths: tuple[Path, ...]) -> None:
    rows = json.loads(exported(paths, "json").read_text("utf-8"))
    assert rows[0] == {"name": "=1+1", "count": 1, "day": "2026-01-02", "at": "2026-01-02T03:04:05", "ok": True}
    assert len(rows) == 3


def test_parquet_joins_the_parts(paths: tuple[Path, ...]) -> None:
    table = pq.read_table(exported(paths, "parquet"))
    assert [tuple(row.values()) for row in table.to_pylist()] == ROWS


def test_excel_keeps_types_and_runs_nothing(paths: tuple[Path, ...]) -> None:
    sheet = openpyxl.load_workbook(exported(paths, "xlsx")).active
    rows = list(sheet.iter_rows(min_row=2))
    assert (rows[0][0].value, rows[0][0].data_type) == ("=1+1", "s")
    assert rows[0][2].value == datetime(2026, 1, 2)  # noqa: DTZ001
    assert rows[1][1].value == str(10**17)  # a number would have lost digits
    assert rows[1][2].value == "1850-01-01"  # Excel's calendar begins in 1900
    assert rows[2][4].value is False
    assert sheet.freeze_panes == "A2"


def test_what_excel_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidInput, match="export as CSV or Parquet"):
        require_fits_excel(1_048_576, 3)
