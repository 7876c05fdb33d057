"""Sheets: what a person sees in a cell counts, and what is odd about a sheet is told."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from server.datasets.number_formats import number_format
from server.datasets.small_sheets import require_small_sheets
from server.datasets.xlsx_extent import SheetSigns
from server.errors import FileProblem
from tests.unit.datasets.imported import Importer
from tests.unit.datasets.test_hostile_files import cell, ods, xlsx

Sheet = Any


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def workbook(
    rows: list[list[Any]], formats: dict[str, str] | None = None, change: Callable[[Sheet], object] | None = None
) -> bytes:
    """`formats` are number formats by place, `change` is done to the sheet before it is saved."""
    book = openpyxl.Workbook()
    sheet: Sheet = book.active
    for row in rows:
        sheet.append(row)
    for place, code in (formats or {}).items():
        sheet[place].number_format = code
    if change:
        change(sheet)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("code", "number", "seen"),
    [
        ("00000", 123, "00123"),
        ("0000000000", 5551234, "0005551234"),
        ("000-00-0000", 78051120, "078-05-1120"),
        ("000\\.000", 7, "000.007"),
        ('"INV-"0000', 12, "INV-0012"),
        ("[<=9999999]###-####;(###) ###-####", 5551234, "555-1234"),
        ("[<=9999999]###-####;(###) ###-####", 2125551234, "(212) 555-1234"),
        ("00000;-00000", -5, "-00005"),
        ("[Red]00", 7, "07"),
        ("00000", 12.5, "12.5"),
        ("0", 5, "5"),
        ("#,##0", 12345, "12345"),
        ("# ##0", 12345, "12345"),
        ('0 "kg"', 5, "5"),
        ("0.00E+00", 5, "5"),
        ("# ?/?", 0.5, "0.5"),
        ("General", 0.1 + 0.2, "0.3"),
        ("aaaa", 46000, "2025-12-09"),
        ("mmm yyyy", 46000, "2025-12-09"),
        ("[$-804]yyyy\\-mm\\-dd;@", 46000, "2025-12-09"),
        ("h:mm", 0.5, "12:00:00"),
    ],
)
def test_a_number_is_seen_by_its_format(code: str, number: float, seen: str) -> None:
    assert number_format(code).seen(float(number)) == seen


@pytest.mark.parametrize(
    ("rows", "formats", "columns", "data"),
    [
        ([["a", "b"], [1, 2], ["****", "---"], [3, 4]], {}, ["a", "b"], [[1, 2], [3, 4]]),
        ([["zip"], [123], [45678]], {"A2": "00000", "A3": "00000"}, ["zip"], [["00123"], ["45678"]]),
        ([["t"], [1.66738426], [0.5]], {"A2": "[h]:mm:ss", "A3": "[h]:mm:ss"}, ["t"], [["40:01:02"], ["12:00:00"]]),
        (
            [["t", "n"], [1.5, 1], [2.25, 2]],
            {"A2": "[h]:mm", "A3": "[h]:mm"},
            ["t", "n"],
            [["36:00:00", 1], ["54:00:00", 2]],
        ),
        (
            [["day"], [46000], [46001]],
            {"A2": "aaaa", "A3": "aaaa"},
            ["day"],
            [[date(2025, 12, 9)], [date(2025, 12, 10)]],
        ),
        ([["code"], ["1E5"], ["2E7"]], {}, ["code"], [["1E5"], ["2E7"]]),
        ([["code", "n"], ["1E5", 1], ["2E7", 2]], {}, ["code", "n"], [["1E5", 1], ["2E7", 2]]),
        ([["code", "n"], ["007", 1], ["12", 2]], {}, ["code", "n"], [["007", 1], ["12", 2]]),
        ([["code", "n"], ["10115", 1], ["20095", 2]], {}, ["code", "n"], [["10115", 1], ["20095", 2]]),
        (
            [["day", "n"], ["2026-01-02", 1], ["2026-01-03", 2]],
            {},
            ["day", "n"],
            [[date(2026, 1, 2), 1], [date(2026, 1, 3), 2]],
        ),
        (
            [["sku", "price"], ["a", 5], ["b", "#N/A"], ["c", 7]],
            {},
            ["sku", "price"],
            [["a", 5], ["b", None], ["c", 7]],
        ),
        ([["a", "b"], [1, "x"], [None, "  "], [2, "y"]], {}, ["a", "b"], [[1, "x"], [2, "y"]]),
        ([["Sales report"], ["region", "q1"], ["N", 1], ["S", 3]], {}, ["region", "q1"], [["N", 1], ["S", 3]]),
        (
            [["Report", "2026"], [], ["id", "n", "x"], [1, 2, 3], [2, 3, 4]],
            {},
            ["id", "n", "x"],
            [[1, 2, 3], [2, 3, 4]],
        ),
        (
            [["product", date(2026, 1, 1), date(2026, 2, 1)], ["A", 5, 6], ["B", 7, 8]],
            {"B1": "mmm yyyy", "C1": "mmm yyyy"},
            ["product", "2026-01-01", "2026-02-01"],
            [["A", 5, 6], ["B", 7, 8]],
        ),
        (
            [[None, 2025, None, 2026, None], ["region", "q1", "q2", "q1", "q2"], ["N", 1, 2, 3, 4], ["S", 5, 6, 7, 8]],
            {},
            ["region", "2025 q1", "2025 q2", "2026 q1", "2026 q2"],
            [["N", 1, 2, 3, 4], ["S", 5, 6, 7, 8]],
        ),
        (
            [
                ["region", "Sales", None, "Cost", None],
                [None, 2024, 2025, 2024, 2025],
                ["N", 1, 2, 3, 4],
                ["S", 5, 6, 7, 8],
            ],
            {},
            ["region", "Sales 2024", "Sales 2025", "Cost 2024", "Cost 2025"],
            [["N", 1, 2, 3, 4], ["S", 5, 6, 7, 8]],
        ),
        ([["Name"], ["Ann", 3], ["Bob", 5]], {}, ["Name", "column_2"], [["Ann", 3], ["Bob", 5]]),
        ([["id", 101, 102], ["a", 5, 6], ["b", 8, 9]], {}, ["id", "101", "102"], [["a", 5, 6], ["b", 8, 9]]),
    ],
)
def test_a_sheet_is_read_as_it_is_seen(
    imported: Importer, rows: list[list[Any]], formats: dict[str, str], columns: list[str], data: list[list[Any]]
) -> None:
    content = workbook(rows, formats)
    result = imported(content, name="a.xlsx")
    assert (result.columns, result.rows) == (columns, data)
    preview = imported.preview(content, name="a.xlsx")
    assert [column.name for column in preview.columns] == columns


def _merged_header(sheet: Sheet) -> None:
    sheet.merge_cells("A1:A2")
    sheet.merge_cells("B1:C1")


def test_a_header_over_two_rows_is_joined(imported: Importer) -> None:
    rows = [["region", "2025", None], [None, "q1", "q2"], ["N", 1, 2], ["S", 3, 4]]
    result = imported(workbook(rows, change=_merged_header))
    assert (result.columns, result.rows) == (["region", "2025 q1", "2025 q2"], [["N", 1, 2], ["S", 3, 4]])


def _hidden(sheet: Sheet) -> None:
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["B"].hidden = True
    sheet.parent.create_sheet("notes").sheet_state = "hidden"


@pytest.mark.parametrize(
    ("content", "warnings"),
    [
        (
            workbook([["a", "b"], [1, 2], [3, 4]], change=_hidden),
            {"hidden_sheets": {"names": "notes"}, "hidden_rows": {"count": 1}, "hidden_columns": {"names": "b"}},
        ),
        (workbook([["sku", "n"], ["a", "#N/A"], ["b", 1]]), {"missing_lookups": {"count": 1, "row": 2}}),
        (workbook([["p", "rate"], ["a", 0.12], ["b", 12]], {"B2": "0%"}), {"mixed_percent": {"column": "rate"}}),
        (
            workbook([["p", "x"], ["a", 5], ["b", 7]], {"B2": '"$"0.00', "B3": "[$€-407]0.00"}),
            {"mixed_currencies": {"column": "x", "currencies": "$, €"}},
        ),
        (workbook([["p", "x"], ["a", 5], ["b", 7]], {"B2": "[$€-407]0.00", "B3": "[$€-407]0.00"}), {}),
        (
            workbook([["a", "b"], [1, 2], [3, 4], [], ["name", "city"], ["x", 1], ["y", 2]]),
            {"another_table_below": {"row": 5}},
        ),
        (
            workbook([["a", "b", None, "c", "d"], [1, 2, None, 5, 6], [3, 4, None, 7, 8]]),
            {"another_table_beside": {"column": "c"}},
        ),
        (
            workbook([["a", "b", None, None, "c", "d"], [1, 2, None, None, 5, 6], [], [], [], ["e", "f"], ["x", "y"]]),
            {"another_table_below": {"row": 6}, "another_table_beside": {"column": "c"}},
        ),
        (
            workbook([["a", "b"], ["k", "l"], [], [], [], ["e", "f"], ["x", 1]]),
            {"another_table_below": {"row": 6}},
        ),
        (workbook([["a", "b"], ["k", 5], [], ["m", 6], ["n", 7]]), {}),
        (workbook([["a", "b"], [1, "=A2*2"], [2, "=A3*2"]]), {"formulas_without_values": {}}),
        (
            workbook([["r", "v"], ["East", 1], [None, 2]], change=lambda sheet: sheet.merge_cells("A2:A3")),
            {"merged_cells": {"count": 1}},
        ),
    ],
)
def test_what_is_odd_about_a_sheet_is_told(
    imported: Importer, content: bytes, warnings: dict[str, dict[str, Any]]
) -> None:
    preview = imported.preview(content, name="a.xlsx")
    own = {
        "hidden_sheets",
        "hidden_rows",
        "hidden_columns",
        "missing_lookups",
        "mixed_percent",
        "mixed_currencies",
        "another_table_below",
        "another_table_beside",
        "formulas_without_values",
        "merged_cells",
    }
    told = {warning.code: warning.parameters for warning in preview.warnings if warning.code in own}
    assert told == warnings
    assert all(warning.message.format(**warning.parameters) for warning in preview.warnings)


def test_other_errors_than_a_failed_lookup_cost_their_row(imported: Importer) -> None:
    result = imported(workbook([["sku", "price"], ["a", 5], ["b", "#DIV/0!"], ["c", "#N/A"]]))
    assert result.rows == [["a", 5], ["c", None]]
    assert result.reasons == [(3, "price", "excel_error")]


def test_every_row_of_a_sheet_is_accounted_for(imported: Importer) -> None:
    rows = [["Sales"], [], ["id", "n"], [1, 2], [], [None, " "], [3, 4]]
    result = imported(workbook(rows))
    assert result.rows == [[1, 2], [3, 4]]
    assert result.converted.named == {"above_table": 1, "header": 1, "blank": 3}


def test_a_preview_counts_the_rows_of_a_sheet(imported: Importer) -> None:
    assert imported.preview(workbook([["a", "b"], [1, 2], [3, 4]])).estimated_rows == 2


def test_columns_that_start_late_keep_their_formats(imported: Importer) -> None:
    rows = [[None, None, "zip", "n"], [None, None, 123, 1], [None, None, 77, 2]]
    result = imported(workbook(rows, {"C2": "00000", "C3": "00000"}))
    assert result.rows == [["00123", 1], ["00077", 2]]


def test_dates_counted_from_1904_and_by_the_formats_of_east_asia(imported: Importer, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    sheet: Sheet = book.active
    for row in (["day", "n"], [44538, 1], [44539, 2]):
        sheet.append(row)
    for place in ("A2", "A3"):
        sheet[place].number_format = "aaaa"
    book.save(tmp_path / "a.xlsx")
    assert imported(tmp_path / "a.xlsx").column("day") == [date(2025, 12, 9), date(2025, 12, 10)]
    # Number 31 has no code in the file: a program of East Asia writes it for 2026年3月1日.
    styles = (
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="2">'
        '<xf numFmtId="0"/><xf numFmtId="31"/></cellXfs></styleSheet>'
    )
    head = '<row r="1"><c r="A1" t="inlineStr"><is><t>day</t></is></c></row>'
    path = xlsx(tmp_path / "b.xlsx", f'{head}<row r="2"><c r="A2" s="1"><v>46000</v></c></row>')
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/styles.xml", styles)
    assert imported(path).column("day") == [date(2025, 12, 9)]


def test_times_and_moments_are_those_that_are_shown(imported: Importer) -> None:
    moment = datetime.combine(date(2026, 3, 1), time(10, 30))
    rows = [["at", "clock"], [moment, time(9, 5)], [moment, time(18, 30)]]
    preview = imported.preview(workbook(rows), name="a.xlsx")
    assert preview.rows == [["2026-03-01 10:30:00", "09:05:00"], ["2026-03-01 10:30:00", "18:30:00"]]


def _record(kind: int, data: bytes) -> bytes:
    """Of a binary workbook: its type in one or two bytes, its size in one, what it holds."""
    number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return number + bytes([len(data)]) + data


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def test_a_binary_workbook_shows_zeros_errors_and_hidden_rows(imported: Importer, tmp_path: Path) -> None:
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

    def row(number: int, *, is_hidden: bool = False) -> bytes:
        return _record(0, struct.pack("<IIHBBBI", number, 0, 300, 0, 0x10 if is_hidden else 0, 0, 0))

    def text(column: int, value: str) -> bytes:
        return _record(6, struct.pack("<II", column, 0) + _wide(value))

    def number(column: int, value: float, style: int = 0) -> bytes:
        return _record(5, struct.pack("<IId", column, style, value))

    rows = row(0) + text(0, "zip") + text(1, "n")
    rows += row(1) + number(0, 123, style=1) + number(1, 5) + row(2, is_hidden=True) + number(0, 77, style=1)
    rows += _record(3, struct.pack("<IIB", 1, 0, 0x2A)) + row(3) + number(0, 78, style=1)
    rows += _record(3, struct.pack("<IIB", 1, 0, 0x07))
    sheet = _record(129, b"") + _record(148, struct.pack("<IIII", 0, 3, 0, 1)) + _record(145, b"") + rows
    styles = (
        _record(615, struct.pack("<I", 1)) + _record(44, struct.pack("<H", 170) + _wide("00000")) + _record(616, b"")
    )
    styles += _record(617, struct.pack("<I", 2)) + _record(47, struct.pack("<HH", 0, 0) + bytes(12))
    styles += _record(47, struct.pack("<HH", 0, 170) + bytes(12)) + _record(618, b"")
    book = _record(153, struct.pack("<III", 0, 0, 0) + _wide("")) + _record(143, b"")
    book += _record(156, struct.pack("<II", 0, 1) + _wide("r1") + _wide("S")) + _record(144, b"") + _record(132, b"")
    path = tmp_path / "a.xlsb"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        packed.writestr("xl/workbook.bin", book)
        packed.writestr("xl/styles.bin", styles)
        packed.writestr("xl/worksheets/sheet1.bin", sheet + _record(146, b"") + _record(130, b""))
        packed.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{links}/worksheet" '
            'Target="worksheets/sheet1.bin"/></Relationships>',
        )
    result = imported(path)
    assert result.rows == [["00123", 5], ["00077", None]]
    assert result.reasons == [(4, "n", "excel_error")]
    assert {warning.code for warning in result.converted.warnings} == {"hidden_rows", "missing_lookups"}


def test_open_document_shows_zeros_and_lengths_of_time(imported: Importer, tmp_path: Path) -> None:
    def shown(kind: str, value: str, text: str) -> str:
        return f'<table:table-cell office:value-type="{kind}" {value}><text:p>{text}</text:p></table:table-cell>'

    names = "".join(shown("string", "", name) for name in ("zip", "long", "n"))
    cells = (
        shown("float", 'office:value="123"', "00123")
        + shown("time", 'office:time-value="PT40H01M02S"', "40:01:02")
        + shown("float", 'office:value="7"', "7")
    )
    path = ods(
        tmp_path / "a.ods",
        f"<table:table-row>{names}</table:table-row>" + f"<table:table-row>{cells}</table:table-row>" * 2,
    )
    assert imported(path).rows == [["00123", "40:01:02", 7]] * 2


def test_open_document_tells_currencies_and_percentages_that_are_mixed(imported: Importer, tmp_path: Path) -> None:
    def shown(kind: str, value: object, more: str = "") -> str:
        number = "" if kind == "string" else f'office:value="{value}"'
        return (
            f'<table:table-cell office:value-type="{kind}" {number} {more}><text:p>{value}</text:p></table:table-cell>'
        )

    rows = [
        [shown("string", name) for name in ("price", "rate", "cost", "share")],
        [shown("currency", 5, 'office:currency="EUR"'), shown("percentage", 0.12)] * 2,
        [shown("currency", 7, 'office:currency="USD"'), shown("float", 7),
         shown("currency", 7, 'office:currency="EUR"'), shown("percentage", 0.5)],
    ]  # fmt: skip
    content = "".join(f"<table:table-row>{''.join(cells)}</table:table-row>" for cells in rows)
    warnings = imported(ods(tmp_path / "a.ods", content)).converted.warnings
    assert {warning.code: warning.parameters for warning in warnings} == {
        "mixed_currencies": {"column": "price", "currencies": "EUR, USD"},
        "mixed_percent": {"column": "rate"},
    }


TABLE: list[list[Any]] = [["id", "name", "n"], [1, "a", 5], [2, "b", 6]]
NOTES: list[list[Any]] = [["Author", "Ann"], ["Made", date(2026, 1, 5)], ["Rows", 2]]


@pytest.mark.parametrize(
    ("sheets", "chosen", "others"),
    [
        ([TABLE], 1, None),
        ([TABLE, []], 1, None),
        ([TABLE, [["k"], [5]]], 1, "2"),
        ([[["Report 2026"]], TABLE], 2, "1"),
        ([[["Report 2026"], ["by Ann"]], [["p", "q"], [1, 2]]], 2, "1"),
        ([NOTES, [["see there"]], TABLE, TABLE], 3, "1, 2, 4"),
        ([[["Report 2026"], ["by Ann"]], [["nothing here"]]], 1, "2"),
        ([[["amount"], [5], [6]], TABLE], 1, "2"),
        ([[["name", "city"], ["Ann", "Bonn"], ["Bob", "Ulm"]], TABLE], 1, "2"),
        ([[["name"], *([f"n{row}"] for row in range(40))], TABLE], 1, "2"),
    ],
)
def test_the_sheet_that_holds_a_table_is_read_and_the_others_are_named(
    imported: Importer, sheets: list[list[list[Any]]], chosen: int, others: str | None
) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, start=1):
        sheet: Sheet = book.create_sheet(str(number))
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    preview = imported.preview(stream.getvalue())
    assert preview.sheet == str(chosen)
    told = {warning.code: warning.parameters for warning in preview.warnings}.get("other_sheets")
    assert told == ({"chosen": str(chosen), "others": others} if others else None)


@pytest.mark.parametrize(
    ("parts", "code", "words"),
    [
        (["EncryptedPackage", "EncryptionInfo"], "encrypted_workbook", "password"),
        (["WordDocument"], "not_a_table", "Word"),
        (["__nameid_version1.0"], "not_a_table", "mail"),
    ],
)
def test_compound_files_are_called_what_they_are(imported: Importer, parts: list[str], code: str, words: str) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000) + b"".join(part.encode("utf-16-le") for part in parts)
    with pytest.raises(FileProblem, match=words) as caught:
        imported(content, name="a.xls")
    assert caught.value.specific_code == code


def test_a_document_with_a_password_is_called_so(imported: Importer, tmp_path: Path) -> None:
    path = tmp_path / "a.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest><manifest:encryption-data/></manifest>")
        archive.writestr("content.xml", b"\x00\x01")
    with pytest.raises(FileProblem, match="password"):
        imported(path)


def test_errors_are_found_in_whatever_order_attributes_stand(imported: Importer, tmp_path: Path) -> None:
    head = "".join(f'<c r="{place}" t="inlineStr"><is><t>{place}</t></is></c>' for place in ("A1", "B1"))
    bad = '<c t="e" r="B3"><v>#REF!</v></c>'
    rows = f'<row r="1">{head}</row><row r="2">{cell("A2")}{cell("B2")}</row><row r="3">{cell("A3")}{bad}</row>'
    result = imported(xlsx(tmp_path / "a.xlsx", rows))
    assert result.reasons == [(3, "B1", "excel_error")]
    assert result.rejects[0]["parameters"] == {"value": "#REF!"}


def test_a_header_that_stands_in_a_sheet_again_is_a_reject_and_makes_no_texts(imported: Importer) -> None:
    result = imported(workbook([["a", "b"], ["x", 1], ["a", "b"], ["y", 2]]))
    assert (result.rows, result.types["b"]) == ([["x", 1], ["y", 2]], "integer")
    assert [(reject["line"], reject["code"]) for reject in result.rejects] == [(3, "header_again")]


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([["a", "b"], [7, 1], [8, 2], [None, None], ["Quelle: Amt"]], 1),
        ([["a", "b", "c"], [7, 1, 1], [8, 2, 2], [None], ["* vorläufig"], ["** geschätzt"]], 2),
    ],
)
def test_notes_below_a_sheet_and_a_blank_row_are_named(imported: Importer, rows: list[list[Any]], named: int) -> None:
    result = imported(workbook(rows))
    assert [row[0] for row in result.rows] == [7, 8]
    assert result.converted.named["below_table"] == named


def test_a_row_of_one_cell_that_others_follow_is_a_row(imported: Importer) -> None:
    result = imported(workbook([["a", "b"], ["x", 1], [None], ["y", None], ["z", 3]]))
    assert [row[0] for row in result.rows] == ["x", "y", "z"]


def test_what_stands_far_below_in_a_sheet_is_seen_too(tmp_path: Path) -> None:
    rows = [
        f'<row r="{row}"><c r="A{row}"><v>{row}</v></c><c r="B{row}"><v>1</v></c></row>' for row in range(1, 50_001)
    ]
    rows[20_000] = '<row r="20001"><c r="A20001" t="e"><v>#REF!</v></c></row>'
    rows[-1] = '<row r="50000" hidden="1"><c r="A50000"><f>1+1</f></c></row>'
    path = xlsx(tmp_path / "a.xlsx", "".join(rows))
    with zipfile.ZipFile(path) as archive:
        signs = require_small_sheets(path, archive.infolist())
    assert signs == {
        "xl/worksheets/sheet1.xml": SheetSigns(
            has_errors=True, has_hidden=True, has_formulas_without_values=True, has_values=True
        )
    }
