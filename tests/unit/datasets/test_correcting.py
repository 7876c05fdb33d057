"""Corrected rows are read and judged as the import read its file; what lies in the file itself must be changed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pyarrow.parquet as pq
import pytest

from server.datasets.correcting import correct_rows
from server.datasets.file_work import Corrected, CorrectRequest
from server.datasets.reject_rows import read_rows
from tests.unit.datasets.imported import Imported, Importer


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def listed(imported: Importer, result: Imported, name: str = "rejects") -> dict[int, list[str | None]]:
    page = read_rows(imported.directory / f"{name}.jsonl", result.converted.layout, limit=500)
    return {row.line: row.cells for row in page.items}


def correct(imported: Importer, result: Imported, rows: dict[int, list[str | None]]) -> tuple[Corrected, list[Any]]:
    """What came of it, and the rows that were written."""
    directory = imported.directory
    request = CorrectRequest(
        rejects=directory / "rejects.jsonl",
        rows=rows,
        layout=result.converted.layout,
        options=result.converted.options,
        columns=result.converted.columns,
        parts=(directory / "data.parquet",),
        references={},
        upsert=None,
        target=directory / "corrected.parquet",
        left=directory / "left.jsonl",
        wrong=directory / "wrong.jsonl",
    )
    corrected = correct_rows(request, lambda _report: None)
    written = pq.read_table(request.target).to_pylist() if corrected.row_count else []
    return corrected, [list(row.values()) for row in written]


def reasons(imported: Importer, name: str) -> list[tuple[int, str]]:
    lines = (imported.directory / f"{name}.jsonl").read_bytes().splitlines()
    return [(each["line"], each["code"]) for each in map(msgspec.json.decode, lines)]


def test_the_formats_of_the_import_hold_for_what_is_typed(imported: Importer) -> None:
    text = "on;sum\n25.02.2026;1.234,50\n26.02.2026;x\n27.02.2026;2,5\n"
    columns = [{"name": "on", "type": "date"}, {"name": "sum", "type": "decimal"}]
    result = imported(text, columns=columns)
    corrected, rows = correct(imported, result, {3: ["01.02.2026", "1.000,25"]})
    assert (corrected.row_count, corrected.left_count) == (1, 0)
    assert [(str(day), float(amount)) for day, amount in rows] == [("2026-02-01", 1000.25)]


def test_errors_of_excel_stay_until_their_cell_is_changed(imported: Importer) -> None:
    workbook, stream = openpyxl.Workbook(), io.BytesIO()
    for row in (["id", "name", "n"], [1, "a", 1], [2, "#DIV/0!", 2], [3, "#DIV/0!", 3], [4, "b", 4]):
        workbook.active.append(row)
    for place in ("B3", "B4"):
        workbook.active[place].data_type = "e"
    workbook.save(stream)
    result = imported(stream.getvalue(), name="errors.xlsx")
    assert reasons(imported, "rejects") == [(3, "excel_error"), (4, "excel_error")]
    corrected, rows = correct(imported, result, {3: ["2", "#DIV/0!", "20"], 4: ["3", "c", "3"]})
    assert (corrected.row_count, corrected.wrong_count, rows) == (1, 1, [[3, "c", 3]])
    assert reasons(imported, "left") == reasons(imported, "wrong") == [(3, "excel_error")]
    assert listed(imported, result, "left") == {3: ["2", "#DIV/0!", "20"]}


def test_bytes_that_were_no_text_are_not_imported_as_they_are_shown(imported: Importer) -> None:
    text = "id,name\n1,café\n".encode() + b"2,caf\xe9\n" + "3,thé\n4,été\n5,où\n".encode()
    result = imported(text)
    assert listed(imported, result) == {3: ["2", "caf\ufffd"]}
    corrected, _ = correct(imported, result, {3: ["22", "caf\ufffd"]})
    assert (corrected.row_count, reasons(imported, "left")) == (0, [(3, "bad_encoding")])
    corrected, rows = correct(imported, result, {3: ["2", "café"]})
    assert (corrected.left_count, rows) == (0, [[2, "café"]])


def test_what_was_nul_in_the_file_is_not_imported_as_a_sign_for_it(imported: Importer) -> None:
    result = imported("id,name\n1,a\n2,b\0c\n3,d\n")
    assert listed(imported, result) == {3: ["2", "b\ufffdc"]}
    assert correct(imported, result, {3: ["22", "b\ufffdc"]})[0].row_count == 0
    assert correct(imported, result, {3: ["2", "bc"]})[1] == [[2, "bc"]]


def test_json_rows_have_their_cells_and_lines_that_are_none_have_room_for_them(imported: Importer) -> None:
    text = '{"id": 1, "n": 1}\n{"id": 2, "n": "x"}\n[5]\n{"id": 3, "n": 3}\n'
    columns = [{"name": "id", "type": "integer"}, {"name": "n", "type": "integer"}]
    result = imported(text, name="rows.jsonl", columns=columns)
    assert listed(imported, result) == {2: ["2", "x"], 3: [None, None]}
    corrected, rows = correct(imported, result, {2: ["2", "2"], 3: [None, None], 9: ["9", "9"]})
    assert (corrected.row_count, corrected.wrong_count, corrected.missing, rows) == (1, 1, [9], [[2, 2]])
    assert reasons(imported, "left") == [(3, "not_an_object")]


def test_codes_in_columns_of_numbers_are_taken_as_the_import_took_them(imported: Importer) -> None:
    columns = [{"name": "id", "type": "integer"}]
    known = imported("id,n\n007,1\n008,2\nx,3\n", columns=columns)
    assert correct(imported, known, {4: ["009", "3"]})[1] == [[9]]
    plain = imported("id,n\n7,1\n8,2\nx,3\n", columns=columns)
    assert correct(imported, plain, {4: ["009", "3"]})[0].row_count == 0
    assert reasons(imported, "wrong") == [(4, "code_not_number")]


def test_rows_that_are_too_long_to_be_kept_whole_are_not_cut(imported: Importer) -> None:
    text = "id,note\n1,a\nx," + "y" * 30_000 + "\n2,b\n"
    result = imported(text, columns=[{"name": "id", "type": "integer"}, {"name": "note", "type": "text"}])
    assert listed(imported, result) == {3: [None, None]}
