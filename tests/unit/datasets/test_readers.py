"""Excel, JSON and Parquet files are read by the same rules as text."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from server.errors import FileProblem, InvalidInput
from tests.unit.datasets.imported import Importer


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


class Book:
    """A workbook in memory."""

    def __init__(self) -> None:
        self._stream = io.BytesIO()
        self.book = xlsxwriter.Workbook(self._stream)

    def sheet(self, name: str, rows: list[list[Any]]) -> Any:
        sheet = self.book.add_worksheet(name)
        formats = {
            datetime: self.book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            date: self.book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, place, cell, formats[type(cell)])
                else:
                    sheet.write(number, place, cell)
        return sheet

    def done(self) -> bytes:
        self.book.close()
        return self._stream.getvalue()


def test_excel_cells_keep_their_types(imported: Importer) -> None:
    book = Book()
    day, moment = date(2026, 3, 1), datetime.combine(date(2026, 3, 2), time(10, 30))
    book.sheet("数据", [["名称", "n", "x", "ok", "day", "at", "id"], ["茶", 3, 1.5, True, day, moment, "007"]])
    result = imported(book.done(), name="a.xlsx")
    assert result.types == {
        "名称": "text", "n": "integer", "x": "decimal", "ok": "boolean", "day": "date", "at": "datetime", "id": "text",
    }  # fmt: skip
    assert result.rows == [["茶", 3, 1.5, True, day, moment, "007"]]


def test_the_first_visible_sheet_with_rows_is_read(imported: Importer) -> None:
    book = Book()
    book.sheet("empty", [])
    book.sheet("secret", [["s"], [1]]).hide()
    book.sheet("Sales", [["a", "b"], [1, 2]])
    content = book.done()
    preview = imported.preview(content, name="a.xlsx")
    assert preview.sheet == "Sales"
    assert [(sheet.name, sheet.visible) for sheet in preview.sheets] == [
        ("empty", True), ("secret", False), ("Sales", True),
    ]  # fmt: skip
    assert imported(content, sheet="secret").columns == ["s"]
    with pytest.raises(InvalidInput, match="no sheet “Sheet9”"):
        imported(content, sheet="Sheet9")


def test_excel_errors_are_rejected_by_row_and_name(imported: Importer) -> None:
    book = Book()
    sheet = book.sheet("S", [["a", "b"], [1, 2], [3, None], [5, 6]])
    sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    result = imported(book.done())
    assert result.rows == [[1, 2], [5, 6]]
    assert result.reasons == [(3, "b", "excel_error")]
    assert result.rejects[0]["parameters"] == {"value": "#DIV/0!"}


def test_titles_empty_rows_and_merged_cells_of_a_report(imported: Importer) -> None:
    book = Book()
    sheet = book.sheet("S", [])
    sheet.merge_range(0, 1, 0, 3, "Sales 2026")
    sheet.write_row(2, 1, ["region", "city", "amount"])
    sheet.merge_range(3, 1, 4, 1, "East")
    sheet.write_row(3, 2, ["上海", 5])
    sheet.write_row(4, 2, ["杭州", 7])
    sheet.write_row(6, 1, ["North", "北京", "?"])
    result = imported(
        book.done(), columns=[{"name": "region"}, {"name": "city"}, {"name": "amount", "type": "integer"}]
    )
    assert result.rows == [["East", "上海", 5], ["East", "杭州", 7]]
    assert result.reasons == [(7, "amount", "not_a_number")]


def test_a_workbook_without_rows_is_empty(imported: Importer) -> None:
    book = Book()
    book.sheet("S", [])
    with pytest.raises(FileProblem, match="no rows in any of its sheets"):
        imported(book.done())


def test_old_and_open_formats_by_content(imported: Importer, tmp_path: Path) -> None:
    # An .xlsx by another writer, and the name of an old one.
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])  # type: ignore[union-attr]
    book.active.append([1, "x"])  # type: ignore[union-attr]
    book.save(tmp_path / "book")
    assert imported(tmp_path / "book", name="old.xls").rows == [[1, "x"]]


def test_an_encrypted_workbook_is_not_called_a_table(imported: Importer) -> None:
    # The header of a compound file, as password-protected workbooks have it.
    with pytest.raises(FileProblem) as caught:
        imported(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), name="secret.xlsx")
    assert caught.value.specific_code in ("damaged_workbook", "encrypted_workbook")


def test_json_lines(imported: Importer) -> None:
    lines = [
        '{"id": 1, "name": "茶", "tags": ["a", "b"], "at": "2026-03-01T10:00:00Z", "price": 1.5, "new": true}',
        '{"id": 2, "price": 2, "name": null, "new": false}',
        '{"id": 3, broken',
        "[1, 2]",
        '{"id": 4, "surprise": 1}',
        "",
        '{"id": 5, "name": "x", "tags": {}, "new": true}',
    ]
    content = "\n".join(lines)
    result = imported(content, name="a.jsonl", columns=[{"name": n} for n in ("id", "name", "tags", "price", "new")])
    assert result.rows == [
        [1, "茶", '["a","b"]', 1.5, True], [2, None, None, 2.0, False], [4, None, None, None, None],
        [5, "x", "{}", None, True],
    ]  # fmt: skip
    assert result.reasons == [(3, None, "not_an_object"), (4, None, "not_an_object")]


def test_json_keys_that_come_up_late_reject_their_row(imported: Importer) -> None:
    content = '{"id": 1}\n' * 120_000 + '{"id": 2, "late": 1}\n'
    result = imported(content)
    assert result.reasons == [(120_001, None, "unknown_field")]


def test_a_json_array_of_objects(imported: Importer) -> None:
    result = imported('[\n  {"a": 1, "b": "x"},\n  {"a": 2, "b": "y"}\n]', name="a.json")
    assert result.rows == [[1, "x"], [2, "y"]]
    with pytest.raises(FileProblem, match="not valid JSON"):
        imported('[\n  {"a": 1,\n', name="a.json")


def test_parquet(imported: Importer, tmp_path: Path) -> None:
    moment = datetime.combine(date(2026, 3, 1), time(10, 30, 5))
    table = pa.table(
        {
            "n": pa.array([1, None], pa.int16()),
            "money": pa.array([Decimal("12.50"), Decimal("0.01")]),
            "at": pa.array([moment, None], pa.timestamp("ns", "Europe/Berlin")),
            "day": pa.array([moment.date(), None]),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
            "tags": pa.array([["x"], []]),
            "flag": [True, False],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    result = imported(tmp_path / "in.parquet")
    assert result.types == {
        "n": "integer", "money": "decimal", "at": "timestamp", "day": "date", "kind": "text", "tags": "text",
        "flag": "boolean",
    }  # fmt: skip
    assert result.rows[0] == [1, 12.5, moment.replace(tzinfo=UTC), moment.date(), "a", '["x"]', True]
    assert result.rows[1] == [None, Decimal("0.01"), None, None, "b", "[]", False]
