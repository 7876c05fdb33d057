"""Exports lose nothing without a word, and no spreadsheet program runs what is in them."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.datasets.excel_texts import CELL_UNITS, require_room
from server.datasets.export import export_dataset, harmless_column
from server.datasets.formula_like import harmless
from server.datasets.schema import Column
from server.datasets.work import ExportRequest
from server.errors import InvalidInput

FORMULAS = (
    "=1+1", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "-cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "-",
    "+",    "\u3000=1", "\u00a0=1", "＝1+1", "＋1", "－1-1", "＠x", "'=1", "''=1", "=", "+49-170-1234", "-1\n=1", "-٣",
)  # fmt: skip
HARMLESS = ("-5", "+1", "-1,234.56", "+49 170 1234", "-5%", "-1e5", "1=1", "a@b.de", "", "'a", "'", "x", "1-1", "é=1")


def written(tmp_path: Path, texts: list[str | None], file_format: Any, *, name: str = "a", exact: bool = False) -> Path:
    return written_table(tmp_path, pa.table({name: pa.array(texts, pa.string())}), file_format, exact=exact)


def written_table(tmp_path: Path, table: pa.Table, file_format: Any, *, exact: bool = False, title: str = "t") -> Path:
    source, target = tmp_path / "in.parquet", tmp_path / f"out.{file_format}"
    pq.write_table(table, source)
    columns = tuple(Column(name=name, type="text") for name in table.column_names)
    export_dataset(
        ExportRequest(
            paths=(source,),
            columns=columns,
            row_count=table.num_rows,
            format=file_format,
            target=target,
            title=title,
            exact=exact,
        ),
        lambda _value: None,
    )
    return target


def rows_of(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return [row[0] if row else "" for row in csv.reader(stream)]


def test_what_looks_like_a_formula_gets_an_apostrophe_and_numbers_do_not() -> None:
    for text in FORMULAS:
        assert harmless(text) == f"'{text}", text
    for text in HARMLESS:
        assert harmless(text) == text
    every = [*FORMULAS, *HARMLESS, None]
    assert harmless_column(pa.array(every, pa.string())).to_pylist() == [t and harmless(t) for t in every]


def original(text: str) -> str:
    """As who reads the file does: one apostrophe less wherever the rest would get one."""
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text


def test_the_apostrophe_can_be_taken_away_again() -> None:
    for text in (*FORMULAS, *HARMLESS, *map(harmless, FORMULAS)):
        assert original(harmless(text)) == text


def test_a_csv_runs_nothing_unless_the_exact_texts_are_asked_for(tmp_path: Path) -> None:
    texts = [text for text in (*FORMULAS, *HARMLESS) if text]
    found = rows_of(written(tmp_path, list(texts), "csv", name="=head"))
    assert found == ["'=head", *map(harmless, texts)]
    assert [original(text) for text in found] == ["=head", *texts]
    assert rows_of(written(tmp_path, list(texts), "csv", name="=head", exact=True)) == ["=head", *texts]


@pytest.mark.parametrize("character", ["x", "中", "😀", "=", "\n"])
def test_a_text_longer_than_a_cell_of_excel_goes_on_in_a_sheet_of_its_own(tmp_path: Path, character: str) -> None:
    long = character * (CELL_UNITS * 2 + 500) + "end"
    just = "y" * CELL_UNITS
    book = openpyxl.load_workbook(written(tmp_path, ["short", long, just, long], "xlsx", name="notes"))
    assert book.sheetnames == ["t", "Long texts"]
    cells = [cell.value for cell in book["t"]["A"]]
    assert (cells[1], cells[3]) == ("short", just)
    assert cells[2].startswith(character * 100)
    assert cells[2].endswith(" … [goes on in the sheet “Long texts” from row 2]")
    parts = list(book["Long texts"].iter_rows(min_row=2, values_only=True))
    assert "".join(part[4] for part in parts if part[2] == 3) == long
    assert "".join(part[4] for part in parts if part[2] == 5) == long
    assert {part[1] for part in parts} == {"notes"}
    assert all(len(part[4].encode("utf-16-le")) // 2 <= CELL_UNITS for part in parts)


def test_what_excel_would_round_becomes_text(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 123_456)  # noqa: DTZ001 – data without a zone
    table = pa.table(
        {
            "whole": pa.array([10**15, -(10**18), 10**15 - 1]),
            "at": pa.array([moment, moment.replace(microsecond=0), datetime(1899, 1, 1)], pa.timestamp("us")),  # noqa: DTZ001
            "day": pa.array([date(1899, 12, 31), date(1900, 1, 1), date(9999, 12, 31)]),
            "number": pa.array([float("nan"), 1e300, 0.1]),
            "text": pa.array(["\x00\x07\ufffe", "_x0041_", "  a  "]),
        }
    )
    sheet = openpyxl.load_workbook(written_table(tmp_path, table, "xlsx")).active
    assert [cell.value for cell in sheet["A"]] == ["whole", str(10**15), str(-(10**18)), 10**15 - 1]
    assert [cell.value for cell in sheet["B"]][1] == "2026-01-02 03:04:05.123456"
    assert [cell.value for cell in sheet["B"]][3] == "1899-01-01 00:00:00"
    assert [cell.value for cell in sheet["C"]][1] == "1899-12-31"
    assert [cell.value for cell in sheet["D"]][2:] == ["1e+300", 0.1]
    assert sheet["E4"].value == "  a  "


@pytest.mark.parametrize("title", ["history", "HISTORY", "a" * 63, "Long texts", "数据", "[]:*?/\\"])
def test_any_title_is_a_sheet(tmp_path: Path, title: str) -> None:
    table = pa.table({"a": ["x" * 40_000]})
    assert len(openpyxl.load_workbook(written_table(tmp_path, table, "xlsx", title=title)).sheetnames) == 2


def test_a_row_that_a_sheet_does_not_have_is_refused_and_not_left_out() -> None:
    require_room(1_048_575, 16_383)
    for row, column in ((1_048_576, 0), (0, 16_384)):
        with pytest.raises(InvalidInput, match="export as CSV or Parquet"):
            require_room(row, column)
