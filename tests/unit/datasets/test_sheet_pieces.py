"""A large sheet is loaded in pieces: the same cells as when it is read as a whole, or as a whole where in doubt."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

import openpyxl
import pytest
import python_calamine as calamine

from server.datasets.schema import FileLimits
from server.datasets.sheet_pieces import PiecedSheet, load_in_pieces
from server.datasets.small_sheets import LARGE_BYTES
from server.datasets.workbooks import open_workbook
from server.errors import FileProblem
from tests.unit.datasets.imported import Importer
from tests.unit.datasets.test_hostile_files import cell, xlsx

_PART = "xl/worksheets/sheet1.xml"
_PIECE = 300  # bytes: a few rows


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def _in_pieces(path: Path, size: int = _PIECE, *, block: int = 100) -> PiecedSheet | None:
    with zipfile.ZipFile(path) as archive:
        text, member = archive.read(_PART), archive.getinfo(_PART)
    (name, *_) = calamine.CalamineWorkbook.from_path(str(path)).sheet_names
    texts = (text[start : start + block] for start in range(0, len(text), block))
    return load_in_pieces(path, name, member, texts, piece_bytes=size)


def _are_same(path: Path, size: int = _PIECE) -> bool:
    """Of values, their types, their places and the merged cells."""
    pieces, whole = _in_pieces(path, size), calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    assert pieces is not None
    assert (pieces.start, pieces.end, pieces.width) == (whole.start, whole.end, whole.width)
    assert pieces.merged_cell_ranges == whole.merged_cell_ranges
    rows = list(whole.iter_rows()) if whole.start else []
    found = list(pieces.iter_rows())
    assert [list(map(type, row)) for row in found] == [list(map(type, row)) for row in rows]
    return found == rows


def _book(rows: int, *, seed: int = 1) -> Iterator[list[object]]:
    chance = random.Random(seed)
    for number in range(rows):
        values: list[object] = [number, f"text {number % 7}", 0.1 + 0.2, datetime(2026, 1, 1 + number % 28), True]  # noqa: DTZ001
        values += [date(2026, 3, 1), time(7, 15), "<&>\n\t 张三", None, -1e-7]
        yield [value if chance.random() < 0.8 else None for value in values]


@pytest.mark.parametrize("size", [1, 300, 5_000])
def test_pieces_hold_what_the_whole_sheet_holds(tmp_path: Path, size: int) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in _book(200):
        sheet.append(row)
    sheet["C5"].number_format = "0.00%"
    sheet["L90"] = "further right than the others"
    sheet.merge_cells("B10:B12")
    sheet.merge_cells("A30:C30")
    sheet.delete_rows(1)  # begins below its first row
    sheet["D400"] = "far below"
    book.save(tmp_path / "a.xlsx")
    assert _are_same(tmp_path / "a.xlsx", size)


def test_a_sheet_that_begins_late_and_has_gaps_keeps_its_places(tmp_path: Path) -> None:
    rows = "".join(f'<row r="{row}">{cell(f"{column}{row}", str(row))}</row>' for row, column in enumerate("DCFCE", 5))
    rows += f'<row r="60"><c r="A60" s="0"/></row><row r="90">{cell("G90")}</row><row r="95"><c r="Z95"/></row>'
    path = xlsx(tmp_path / "a.xlsx", rows, '<mergeCells count="1"><mergeCell ref="C6:C8"/></mergeCells>')
    for size in (1, 100, 250):
        assert _are_same(path, size)


def test_a_sheet_without_a_value_has_no_rows(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", "".join(f'<row r="{row}"><c r="A{row}"/></row>' for row in range(1, 90)))
    assert _are_same(path)


def _rows(first: int, last: int) -> str:
    return "".join(f'<row r="{row}">{cell(f"A{row}", str(row))}</row>' for row in range(first, last))


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(_rows(200, 400) + _rows(1, 200), id="out of order"),
        pytest.param(_rows(1, 200) + _rows(100, 400), id="twice"),
        pytest.param(_rows(1, 200) + f'<row r="200">{cell("A3")}</row>' + _rows(201, 400), id="a cell of a row above"),
        pytest.param(_rows(1, 200) + f'<row r="200">{cell("A390")}</row>' + _rows(201, 400), id="and of one below"),
        pytest.param(_rows(1, 400).replace("<row ", "<x:row ").replace("</row", "</x:row"), id="rows with a prefix"),
        pytest.param("<row><c><v>20</v></c></row>" * 400, id="rows without places"),
        pytest.param(_rows(1, 400) + '<row r="400"><c r="A400"><v>1</v></row>', id="a cell without its end"),
        pytest.param(_rows(1, 400) + '<row r="400"><c r="400"><v>1</v></c></row>', id="a place without a column"),
    ],
)
def test_a_sheet_that_may_be_cut_wrongly_is_read_as_a_whole(tmp_path: Path, rows: str) -> None:
    assert _in_pieces(xlsx(tmp_path / "a.xlsx", rows)) is None


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(f'<row r="300">{cell("A308")}{cell("B301")}</row>', id="cells of other rows near by"),
        pytest.param('<row r="300"><c><v>20</v></c><c><v>21</v></c></row>', id="cells without places"),
        pytest.param("<row r='300'><c r='A300'><v>1</v></c></row>", id="other quotes"),
        pytest.param('<row spans="1:9" r="300"><c\n t="n" r="A300"><v>1</v></c></row>', id="another order"),
        pytest.param('<row r="300"><x:c xmlns:x="m" r="A300"><v>1</v></x:c></row>', id="a prefix"),
    ],
)
def test_rows_that_are_written_in_other_ways_are_the_same(tmp_path: Path, row: str) -> None:
    path = xlsx(tmp_path / "a.xlsx", _rows(1, 300) + row + _rows(310, 400))
    for size in (6_000, 6_500, 7_000):
        assert _are_same(path, size)


@pytest.mark.parametrize(
    "more",
    [
        '<!-- <row r="1"> -->',
        '<row r="20"><c r="A20" t="inlineStr"><is><t><![CDATA[<row r="3">]]></t></is></c></row>',
        '<?mso <row r="1"> ?>',
    ],
)
def test_what_only_looks_like_a_row_cuts_no_sheet(tmp_path: Path, more: str) -> None:
    path = _large(tmp_path / "a.xlsx", 3_000, more)
    workbook = open_workbook(path, "zip", FileLimits())
    assert [signs.has_more_than_elements for signs in workbook.signs.values()] == [True]
    assert not isinstance(workbook.sheet("a"), PiecedSheet)


@pytest.mark.parametrize("cut", ["</sheetData>", "</worksheet>", "<mergeCell "])
def test_a_sheet_that_was_cut_off_is_no_sheet_in_pieces_either(tmp_path: Path, cut: str) -> None:
    path = xlsx(tmp_path / "a.xlsx", _rows(1, 40), '<mergeCells><mergeCell ref="A1:A2"/></mergeCells>')
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[_PART] = parts[_PART].partition(cut.encode())[0]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    try:
        whole = calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    except calamine.CalamineError:
        assert _in_pieces(path) is None
    else:
        pieces = _in_pieces(path)
        assert pieces is None or (list(pieces.iter_rows()), pieces.merged_cell_ranges) == (
            list(whole.iter_rows()),
            whole.merged_cell_ranges,
        )


def _large(path: Path, rows: int, more: str = "") -> Path:
    """A workbook whose sheet is loaded in pieces."""
    note = "n" * (LARGE_BYTES // rows)
    text = "".join(
        f'<row r="{row}">{cell(f"A{row}", str(row))}<c r="B{row}" t="inlineStr"><is><t>{note}</t></is></c></row>'
        for row in range(1, rows + 1)
    )
    return xlsx(path, text + more)


def test_a_large_sheet_is_imported_with_all_its_rows(imported: Importer, tmp_path: Path) -> None:
    path = _large(tmp_path / "a.xlsx", 3_000)
    sheet = open_workbook(path, "zip", FileLimits()).sheet("a")
    assert isinstance(sheet, PiecedSheet)
    assert len(sheet.pieces) > 2
    assert [row[0] for row in imported(path, name="a.xlsx").rows] == list(range(1, 3_001))


def test_a_byte_that_was_turned_is_damage_in_pieces_too(imported: Importer, tmp_path: Path) -> None:
    path = _large(tmp_path / "a.xlsx", 3_000)
    stored = tmp_path / "stored.xlsx"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(stored, "w") as target:
        for name in archive.namelist():
            target.writestr(name, archive.read(name))
    content = stored.read_bytes()
    assert content.count(b"<v>1500<") == 1
    stored.write_bytes(content.replace(b"<v>1500<", b"<v>1501<"))
    with pytest.raises(FileProblem, match="damaged or cut off"):
        imported(stored, name="a.xlsx")
