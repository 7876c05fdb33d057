"""Files as they come: what is wrong with a row is told, the rest is imported, and nothing is lost silently."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from server.datasets.schema import FileLimits
from server.errors import FileProblem
from tests.unit.datasets.imported import Importer, csv_text


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def problem_with(imported: Importer, content: bytes | str | Path, **options: object) -> FileProblem:
    with pytest.raises(FileProblem) as caught:
        imported(content, **options)  # type: ignore[arg-type]
    assert not (imported.directory / "data.parquet").exists()
    return caught.value


# Rows


def test_rows_of_unequal_length_are_rejected_with_their_line(imported: Importer) -> None:
    result = imported("a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n13,14,15\n16,17,18\n")
    assert result.column("a") == [1, 10, 13, 16]
    assert result.reasons == [(3, None, "too_few_cells"), (4, None, "too_many_cells")]
    assert result.rejects[0]["raw"] == "4,5"
    assert result.rejects[0]["parameters"] == {"found": 2, "expected": 3}


def test_delimiters_at_the_end_of_a_line_are_no_cells(imported: Importer) -> None:
    result = imported("a,b\n1,2\n3,4,\n5,6,,\n7,8\n")
    assert result.rows == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert result.rejects == []


def test_blank_lines_are_no_rows_but_count_as_lines(imported: Importer) -> None:
    result = imported("a,b\n\n1,2\n\n\n3\n4,5\n6,7\n8,9\n")
    assert result.rows == [[1, 2], [4, 5], [6, 7], [8, 9]]
    assert result.reasons == [(6, None, "too_few_cells")]


def test_an_unclosed_quote_takes_only_its_own_line(imported: Importer) -> None:
    lines = ["id,name,city"] + [f'{i},"name {i}","city, {i}"' for i in range(1, 1001)]
    lines[500] = '500,"name 500,"city, 500"'
    result = imported("\n".join(lines) + "\n")
    assert result.reasons == [(501, None, "stray_quote")]
    assert len(result.rows) == 999


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(imported: Importer) -> None:
    lines = ["id,name"] + [f"{i},name {i}" for i in range(1, 200_001)]
    lines[1000] = '1000,"name 1000'
    result = imported("\n".join(lines) + "\n")
    assert result.reasons == [(1001, None, "unclosed_quote")]
    assert len(result.rows) == 199_999


def test_a_quote_open_at_the_end_of_the_file_is_rejected(imported: Importer) -> None:
    result = imported('a,b\n1,x\n2,y\n3,z\n4,"never\nclosed\n')
    assert result.column("a") == [1, 2, 3]
    assert result.reasons[0] == (5, None, "unclosed_quote")


def test_line_breaks_within_quotes_keep_the_line_numbers_right(imported: Importer) -> None:
    result = imported('a,b\n1,"x\r\ny\nz"\n2,w\n3\n4,v\n')
    assert result.column("b") == ["x\r\ny\nz", "w", "v"]
    assert result.reasons == [(6, None, "too_few_cells")]


def test_a_record_across_blocks_is_whole(imported: Importer) -> None:
    note = "line\n" * 100
    rows = [[number, note] for number in range(20_000)]  # 10 MB: several blocks
    result = imported(csv_text([["id", "note"], *rows]))
    assert result.column("id") == list(range(20_000))
    assert set(result.column("note")) == {note.strip()}
    assert result.rejects == []


def test_nul_characters_reject_their_row(imported: Importer) -> None:
    result = imported(b"a,b\n1,x\n2,y\0y\n3,z\n")
    assert result.rows == [[1, "x"], [3, "z"]]
    assert result.reasons == [(3, None, "nul_character")]


def test_text_in_row_900_000_of_a_number_column_is_one_reject(imported: Importer) -> None:
    lines = [f"{number},{number % 100}" for number in range(1, 1_000_001)]
    lines[899_999] = "900000,many"
    result = imported("id,amount\n" + "\n".join(lines) + "\n")
    assert result.types == {"id": "integer", "amount": "integer"}
    assert result.reasons == [(900_001, "amount", "not_a_number")]
    assert result.converted.row_count == 999_999
    assert result.rejects[0]["raw"] == "900000,many"


def test_one_row_with_two_bad_cells_is_one_rejected_row_with_two_reasons(imported: Importer) -> None:
    good = "".join(f"{i},2026-01-{i:02d}\n" for i in range(1, 29))
    result = imported("n,day\n" + good + "x,someday\n")
    assert result.reasons == [(30, "n", "not_a_number"), (30, "day", "not_a_date")]
    assert result.converted.rejected_count == 1


def test_too_many_rejects_stop_the_import(imported: Importer) -> None:
    content = "a,b\n" + "1,2\n" * 300 + "1\n" * 20
    problem = problem_with(imported, content, reject_limit=10)
    assert problem.specific_code == "too_many_rejects"
    assert "limit of 10 had to be rejected" in problem.text
    assert "line 312" in problem.text
    assert len((imported.directory / "rejects.jsonl").read_bytes().splitlines()) == 11


# Columns


def test_duplicate_and_empty_column_names_are_made_usable(imported: Importer) -> None:
    result = imported(" Name ,,name,金额\nx,1,y,2\n")
    assert result.columns == ["Name", "column_2", "name_2", "金额"]


def test_two_thousand_columns_are_refused_with_both_numbers(imported: Importer) -> None:
    names = ",".join(f"c{i}" for i in range(2000))
    problem = problem_with(imported, f"{names}\n{','.join('1' * 2000)}\n")
    assert problem.specific_code == "too_many_columns"
    assert "2000 columns" in problem.text
    assert "1000" in problem.text


def test_dates_in_five_formats_are_read_where_they_can_mean_only_one_day(imported: Importer) -> None:
    dates = ["2026-03-01", "2026/3/2", "2026年3月3日", "20260304", "5 Mar 2026"] * 10
    result = imported("n,day\n" + "".join(f"{i},{day}\n" for i, day in enumerate(dates)))
    assert result.types["day"] == "date"
    assert sorted({day.isoformat() for day in result.column("day")}) == [f"2026-03-0{day}" for day in range(1, 6)]
    assert result.rejects == []


# Files


@pytest.mark.parametrize("content", [b"", b"\n\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_called_empty(imported: Importer, content: bytes) -> None:
    assert problem_with(imported, content).text == "The file is empty."


def test_a_header_without_rows_has_nothing_to_import(imported: Importer) -> None:
    assert problem_with(imported, "id,name\n").specific_code == "no_rows"
    assert not (imported.directory / "rejects.jsonl").exists()
    assert [column.name for column in imported.preview("id,name\n").columns] == ["id", "name"]


def test_an_import_of_rejects_alone_has_failed_and_says_why(imported: Importer) -> None:
    problem = problem_with(imported, "id,n\n1,x\n2,y\n", columns=[{"name": "id"}, {"name": "n", "type": "integer"}])
    assert problem.specific_code == "all_rejected"
    assert "all 2 were rejected, the first in line 2: “x” is not a number." in problem.text
    assert len((imported.directory / "rejects.jsonl").read_bytes().splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "an image"),
        (b"MZ\x90\x00" + bytes(100), "a program"),
        (bytes(range(256)) * 40, "a binary file"),
        (b"<?xml version='1.0'?><rows/>", "XML"),
    ],
)
def test_what_is_no_table_is_named(imported: Importer, content: bytes, kind: str) -> None:
    problem = problem_with(imported, content, name="sales.csv")
    assert problem.specific_code == "not_a_table"
    assert kind in problem.text


def test_a_web_page_without_a_table_is_called_a_web_page(imported: Importer) -> None:
    page = b"<html><body><p>Sign in</p></body></html>"
    assert "web page" in problem_with(imported, page, name="report.xls").text


def test_one_line_of_50_mb_is_refused_quickly(imported: Importer) -> None:
    problem = problem_with(imported, b"a,b\n" + b"x" * 50_000_000)
    assert problem.specific_code == "line_too_long"
    assert "Line 2 " in problem.text


def test_a_truncated_workbook_is_called_damaged(imported: Importer) -> None:
    problem = problem_with(imported, workbook([["a"], [1]])[:-200], name="a.xlsx")
    assert problem.specific_code == "damaged_workbook"


def test_an_archive_that_is_no_workbook_is_told_to_be_unpacked(imported: Importer) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")
        archive.writestr("word/styles.xml", "<styles/>")
    assert "Unpack it" in problem_with(imported, packed.getvalue(), name="sales.xlsx").text


def test_a_zip_bomb_is_refused_before_it_is_unpacked(imported: Importer) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 80_000_000)
    problem = problem_with(imported, packed.getvalue(), name="bomb.xlsx")
    assert problem.specific_code == "unpacks_too_large"
    limited = problem_with(imported, workbook([["a"], [1]]), limits=FileLimits(max_unpacked_bytes=1000))
    assert limited.specific_code == "unpacks_too_large"


@pytest.mark.parametrize("content", [b"PAR1" + bytes(100), b"PAR1" + b"\xff" * 500 + b"PAR1"])
def test_a_damaged_parquet_file_is_called_damaged(imported: Importer, content: bytes) -> None:
    assert problem_with(imported, content).specific_code == "damaged_parquet"


def test_the_name_does_not_decide_what_a_file_is(imported: Importer) -> None:
    assert imported(workbook([["a", "b"], [1, 2]]), name="sales.csv").rows == [[1, 2]]
    assert imported("a,b\n1,2\n", name="sales.xlsx").rows == [[1, 2]]


def workbook(rows: list[list[object]]) -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("id,n\n1\n2\n3,4\n5,6\n7,8\n", {"reject_limit": 1}, "the last one in line 3: The row has"),
        ("id,n\n1,x\n2,y\n3,4\n5,6\n7,8\n", {"reject_limit": 1}, "the last one in line 3, column “n”: “y”"),
        ("id,n\n1,x\n2,y\n", {"columns": [{"name": "n", "pattern": "z"}]}, "does not match the pattern z.$"),
    ],
    ids=["of a row", "of a cell", "by a rule"],
)
def test_a_file_that_is_refused_says_where_and_gives_no_advice_that_does_not_help(
    imported: Importer, text: str, options: dict[str, Any], told: str
) -> None:
    columns = {"columns": [{"name": "id"}, {"name": "n", "type": "integer"}]}
    problem = problem_with(imported, text, **({**columns, "delimiter": ",", "pad_short_rows": False} | options))
    assert re.search(told, str(problem))
