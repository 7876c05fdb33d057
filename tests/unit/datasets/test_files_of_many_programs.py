"""Small files as banks, accounting, statistics and spreadsheet programs write them, beside what a person reads."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.errors import FileProblem, InvalidInput
from tests.unit.datasets.imported import Imported, Importer

D = Decimal
day = date.fromisoformat


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def codes(result: Imported) -> list[str]:
    return [warning.code for warning in result.converted.warnings]


ING = (
    "Umsatzanzeige;Datei erstellt am: 01.11.2026 10:22\n\nIBAN;DE12 5001 0517\nKontoname;Girokonto\nBank;ING\n"
    "Kunde;Max Muster\nZeitraum;01.10.2026 - 31.10.2026\nSaldo;1.234,56;EUR\n\nSortierung;Datum absteigend\n\n"
    "Hier finden Sie alle gebuchten Umsätze.\n\nBuchung;Valuta;Empfänger;Text;Zweck;Saldo;Währung;Betrag;Währung\n"
    "30.10.2026;30.10.2026;REWE;Last;Einkauf;1.234,56;EUR;-23,99;EUR\n"
    "29.10.2026;29.10.2026;ACME;Gehalt;Oktober;1.258,55;EUR;1.000,00;EUR\n"
)
AGRICOLE = (
    "Téléchargement du 01/11/2026;\n\nM. DUPONT JEAN\nCompte n° 12345678901;\nSolde au 31/10/2026 1 234,56 €\n\n"
    "Opérations entre le 01/10/2026 et le 31/10/2026;\n\nDate;Libellé;Débit euros;Crédit euros;\n"
    '30/10/2026;"PAIEMENT\nCARREFOUR";23,50;;\n29/10/2026;"VIREMENT";;1 500,00;\n'
)
WECHAT = (
    "微信支付账单明细,,,,\n微信昵称：[小王],,,,\n起始时间：[2026-10-01],,,,\n导出类型：[全部],,,,\n,,,,\n"
    "共2笔记录,,,,\n"
    "收入：1笔 100.00元,,,,\n支出：1笔 12.50元,,,,\n注：,,,,\n"
    "1. 充值/提现，将计入中性交易,,,,\n2. 本明细仅展示当前交易，不包括已删除的,,,,\n"
    ",,,,\n----------------------微信支付账单明细列表--------------------,,,,\n交易时间,交易对方,收/支,金额(元),备注\n"
    '2026-10-02,美团,支出,¥12.50,"/"\n2026-10-03,小李,收入,¥100.00,"/"\n'
)
# Text of a file, its columns, its rows, lines of rejects with their reasons, and what is said.
FILES: dict[str, tuple[str, list[str], list[list[Any]], list[tuple[int, str]], list[str]]] = {
    "notes of two cells and of three above a wider table": (
        ING,
        ["Buchung", "Valuta", "Empfänger", "Text", "Zweck", "Saldo", "Währung", "Betrag", "Währung_2"],
        [
            [day("2026-10-30"), day("2026-10-30"), "REWE", "Last", "Einkauf", D("1234.56"), "EUR", D("-23.99"), "EUR"],
            [day("2026-10-29"), day("2026-10-29"), "ACME", "Gehalt", "Oktober", D("1258.55"), "EUR", D(1000), "EUR"],
        ],
        [],
        [],
    ),
    "titles with a delimiter at their end": (
        AGRICOLE,
        ["Date", "Libellé", "Débit euros", "Crédit euros"],
        [[day("2026-10-30"), "PAIEMENT\nCARREFOUR", D("23.50"), None], [day("2026-10-29"), "VIREMENT", None, D(1500)]],
        [],
        [],
    ),
    "more titles than rows, filled up with delimiters": (
        WECHAT,
        ["交易时间", "交易对方", "收/支", "金额(元)", "备注"],
        [[day("2026-10-02"), "美团", "支出", D("12.50"), "/"], [day("2026-10-03"), "小李", "收入", D(100), "/"]],
        [],
        [],
    ),
    "sentences with commas": (
        "This lists all sales, returns, and credits.\nIt was made on Monday, 1 October.\n"
        "id,amount,note\n1,5,x\n2,6,y\n",
        ["id", "amount", "note"], [[1, 5, "x"], [2, 6, "y"]], [], [],
    ),
    "a line about the file as wide as the table": (
        "H;700;x;y\nUmsatz;Konto;Datum;Text\n12,50;8400;01.10.2026;A\n13,50;8400;13.10.2026;B\n",
        ["Umsatz", "Konto", "Datum", "Text"],
        [[D("12.5"), 8400, day("2026-10-01"), "A"], [D("13.5"), 8400, day("2026-10-13"), "B"]], [], [],
    ),
    "what names mean, below them": (
        "id,name,amount\nIdentifier,Full name,Amount in EUR\n1,Ann,5\n2,Bob,6\n",
        ["id", "name", "amount"], [[1, "Ann", 5], [2, "Bob", 6]], [], ["described_names"],
    ),
    "types below names": (
        "id,name,amount\nint,string,float\n1,Ann,5\n2,Bob,6\n",
        ["id", "name", "amount"], [[1, "Ann", 5], [2, "Bob", 6]], [], ["described_names"],
    ),
    "a survey's two lines below names": (
        'Start,Q1,Q2\nStart Date,How old?,Name?\n'
        '"{""ImportId"":""start""}","{""ImportId"":""Q1""}","{""ImportId"":""Q2""}"\n'
        "2026-10-01,34,Ann\n2026-10-02,45,Bob\n",
        ["Start", "Q1", "Q2"], [[day("2026-10-01"), 34, "Ann"], [day("2026-10-02"), 45, "Bob"]], [],
        ["described_names"],
    ),
    "a header of three lines": (
        "Region,Sales,,,\n,2025,,2026,\n,Q1,Q2,Q1,Q2\nN,1,2,3,4\nS,5,6,7,8\n",
        ["Region", "Sales 2025 Q1", "Sales 2025 Q2", "Sales 2026 Q1", "Sales 2026 Q2"],
        [["N", 1, 2, 3, 4], ["S", 5, 6, 7, 8]], [], [],
    ),
    "a cell that is called as its column": (
        "name,status\nA,status\nB,done\nC,done\n",
        ["name", "status"], [["A", "status"], ["B", "done"], ["C", "done"]], [], [],
    ),
    "names of rows, as R writes them": (
        '"mpg" "cyl"\n"Mazda RX4" 21 6\n"Datsun 710" 22.8 4\n',
        ["column_1", "mpg", "cyl"], [["Mazda RX4", D(21), 6], ["Datsun 710", D("22.8"), 4]], [],
        ["more_cells_than_names"],
    ),
    "columns ruled off by strokes": (
        "ID         NAME       AMOUNT\n---------- ---------- ----------\n         1 Ann              12.5\n"
        "       200 Bob Lee             3\n\n2 rows selected.\n",
        ["ID", "NAME", "AMOUNT"], [[1, "Ann", D("12.5")], [200, "Bob Lee", D(3)]], [(6, "outside_columns")], [],
    ),
    "another table of the same width": (
        "a,b\n1,2\n3,4\n\nc,d\nx,y\nz,w\n",
        ["a", "b"], [[1, 2], [3, 4]], [(5, "other_table"), (6, "other_table"), (7, "other_table")], [],
    ),
    "another table whose rows would fit": (
        "id,qty\n1,2\n3,4\n5,6\n\nid,price\n5,5.5\n\nid,qty\n7,8\n",
        ["id", "qty"], [[1, 2], [3, 4], [5, 6], [7, 8]],
        [(6, "other_table"), (7, "other_table"), (9, "header_again")], [],
    ),
    "rows in groups that blank lines part": (
        "item,qty\nFruit,\napple,1\n\nVeg,\nkale,3\n\nunknown,n/a\nleek,4\n",
        ["item", "qty"],
        [["Fruit", None], ["apple", 1], ["Veg", None], ["kale", 3], ["unknown", None], ["leek", 4]], [], [],
    ),
    "notes below few rows": (
        '"Account","Amount","Close"\n"A1","1,234.00","10/30/2026"\n"A2","5.00","10/31/2026"\n\n"Confidential"\n'
        '"Copyright (c) 2026"\n"Ann Lee"\n"ACME"\n',
        ["Account", "Amount", "Close"], [["A1", D(1234), day("2026-10-30")], ["A2", D(5), day("2026-10-31")]], [], [],
    ),
    "a title in the middle": (
        "\t\tBericht\n\nKunde\tName\tBetrag\n\n100\tAnn\t5,00 \n200\tBob\t7,00-\n",
        ["Kunde", "Name", "Betrag"], [[100, "Ann", D(5)], [200, "Bob", D(-7)]], [], [],
    ),
    "notes of two cells below": (
        "id,name\n1,a\n2,b\n\nSource:,our own\nContact:,x@y.z\n", ["id", "name"], [[1, "a"], [2, "b"]], [], [],
    ),
    "a text among numbers below a blank line": (
        "item,qty\napple,1\npear,2\n\nkale,unknown\nleek,4\n", ["item", "qty"],
        [["apple", "1"], ["pear", "2"], ["kale", "unknown"], ["leek", "4"]], [], [],
    ),
    "a total as the first row": (
        "item,qty\nTotal,11\na,5\nb,6\n", ["item", "qty"], [["Total", 11], ["a", 5], ["b", 6]], [], ["total_rows"],
    ),
    "totals above their groups, and of all": (
        "row,v\nN,3\na,1\nb,2\nS,7\nc,3\nd,4\nGrand Total,10\n", ["row", "v"],
        [["N", 3], ["a", 1], ["b", 2], ["S", 7], ["c", 3], ["d", 4], ["Grand Total", 10]], [], ["total_rows"],
    ),
    "a total whose name stands last": (
        "id,qty,item\n1,5,a\n2,6,b\n,11,Total\n", ["id", "qty", "item"],
        [[1, 5, "a"], [2, 6, "b"], [None, 11, "Total"]], [], ["total_rows"],
    ),
    "a total that is none": (
        "item,qty\na,5\nb,6\nTotal,12\n", ["item", "qty"], [["a", 5], ["b", 6], ["Total", 12]], [], ["odd_total"],
    ),
    "a total that is none below numbers": (
        "id,qty\n1,5\n2,6\nTotal,12\n", ["id", "qty"], [["1", 5], ["2", 6], ["Total", 12]], [], ["odd_total"],
    ),
    "a total below days": (
        "交易日期,额\n2026-10-01,5\n2026-10-02,6\n人民币合计,11\n", ["交易日期", "额"],
        [[day("2026-10-01"), 5], [day("2026-10-02"), 6]], [(4, "not_a_date")], ["total_rows"],
    ),
    "a column that is named as a copy of another": ("a,a,a_2\n1,2,3\n", ["a", "a_3", "a_2"], [[1, 2, 3]], [], []),
    "a line end within a cell": (
        "id,t,n\r\n1,a\nb,5\r\n2,c,6\r\n", ["id", "t", "n"], [[2, "c", 6]],
        [(2, "too_few_cells"), (3, "too_few_cells")], ["short_rows"],
    ),
    "zeros that fill up the last block": ("a,b\n1,x\n2,z\n" + "\0" * 50, ["a", "b"], [[1, "x"], [2, "z"]], [], []),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_what_a_person_reads_in_it(imported: Importer, kind: str) -> None:
    text, columns, rows, rejects, warnings = FILES[kind]
    result, preview = imported(text), imported.preview(text)
    assert (result.columns, result.rows) == (columns, rows)
    assert [(line, code) for line, _, code in result.reasons] == rejects
    assert codes(result) == warnings
    assert [warning.code for warning in preview.warnings] == warnings
    again = imported(text, **_given(preview.options))
    assert (again.columns, again.rows, again.reasons) == (result.columns, result.rows, result.reasons)


def _given(options: Any) -> dict[str, Any]:
    return {name: getattr(options, name) for name in options.__struct_fields__ if getattr(options, name) is not None}


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("item,qty\nTotal,11\na,5\nb,6\n", "Total"),
        ("部门,金额\n合计,300\n甲,100\n乙,200\n", "合计"),
        ("day,v\n2026-10-01,5\n2026-10-02,6\nTotal,11\n", "Total"),
    ],
)
def test_totals_first_and_below_days_are_left_out_on_demand(imported: Importer, text: str, total: str) -> None:
    result = imported(text, leave_out_totals=True)
    assert len(result.rows) == 2
    assert total not in result.column(result.columns[0])
    assert (result.converted.named["total_row"], codes(result)) == (1, ["totals_left_out"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b":20:STARTUMS\n:25:12345678/0001234567\n:60F:C261001EUR1234,56\n:61:2610011001D12,50NMSC\n", "MT940"),
        (b"OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><STMTTRN><TRNAMT>5</STMTTRN></OFX>\n", "OFX"),
        (b"!Type:Bank\nD10/1/26\nT-12.50\nPShop\n^\n", "QIF"),
        (b"BEGIN:VCARD\nFN:Ann\nEND:VCARD\n", "vCard"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "iCalendar"),
        (b"- a: 1\n  b: x\n- a: 2\n  b: y\n", "YAML"),
    ],
)
def test_records_that_are_no_table_are_called_what_they_are(imported: Importer, content: bytes, says: str) -> None:
    with pytest.raises(FileProblem, match=says):
        imported(content)


def test_keys_that_are_hidden_in_a_web_page_are_not_read(imported: Importer) -> None:
    page = (
        '<table><tr><th>day</th><th>b</th></tr><tr><td><span style="display: none">20261001</span>01.10.2026</td><td>'
        '<div hidden>a<span>b</span></div>x</td></tr><tr><td><i style="display:none">9</i>02.10.2026</td>'
        "<td>y</td></tr>"
    )
    assert imported(page, name="a.xls").rows == [[day("2026-10-01"), "x"], [day("2026-10-02"), "y"]]


def workbook(rows: Sequence[Sequence[Any]], formats: dict[str, str], merged: Sequence[str] = ()) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for cell, number_format in formats.items():
        sheet[cell].number_format = number_format
    for cells in merged:
        sheet.merge_cells(cells)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize("number", [-5, -0.5, 0, 0.5, 99_999_999])
def test_numbers_that_are_no_days_reject_their_row(imported: Importer, number: float) -> None:
    content = workbook([["n", "day"], ["a", number], ["b", 46000]], {"B2": "yyyy-mm-dd", "B3": "yyyy-mm-dd"})
    result = imported(content, name="a.xlsx")
    assert (result.rows, result.reasons) == ([["b", day("2025-12-09")]], [(2, "day", "not_a_date")])
    assert (result.rejects[0]["parameters"]["value"], result.rejects[0]["raw"]) == (str(number), f"a\t{number}")


@pytest.mark.parametrize(
    ("kind", "ends", "code"),
    [
        (pa.date32(), (2**31 - 1, -(2**31)), "not_a_date"),
        (pa.timestamp("us"), (2**63 - 1, -(2**63) + 1), "not_a_datetime"),
    ],
)
def test_days_without_end_of_parquet_reject_their_row(
    imported: Importer, kind: pa.DataType, ends: tuple[int, int], code: str
) -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"t": pa.array([*ends, 0], kind)}), stream)
    result = imported(stream.getvalue(), name="a.parquet")
    assert (len(result.rows), result.reasons) == (1, [(1, "t", code), (2, "t", code)])


def test_another_table_of_a_sheet_is_rejected(imported: Importer) -> None:
    content = workbook([["a", "b"], [1, "x"], [2, "y"], [None, None], ["k", "v"], ["q", 5]], {})
    result = imported(content, name="a.xlsx")
    assert (result.rows, codes(result)) == ([[1, "x"], [2, "y"]], ["another_table_below"])
    assert [(line, code) for line, _, code in result.reasons] == [(5, "other_table"), (6, "other_table")]


def test_a_header_of_three_rows_of_a_sheet_is_joined(imported: Importer) -> None:
    rows = [["Region", "Sales", None, None, None], [None, "2025", None, "2026", None], [None, "Q1", "Q2", "Q1", "Q2"]]
    merged = ["A1:A3", "B1:E1", "B2:C2", "D2:E2"]
    result = imported(workbook([*rows, ["N", 1, 2, 3, 4], ["S", 5, 6, 7, 8]], {}, merged), name="a.xlsx")
    assert result.columns == ["Region", "Sales 2025 Q1", "Sales 2025 Q2", "Sales 2026 Q1", "Sales 2026 Q2"]
    assert (result.rows, result.converted.named) == ([["N", 1, 2, 3, 4], ["S", 5, 6, 7, 8]], {"header": 3})


def test_very_large_numbers_of_a_sheet_are_numbers(imported: Importer) -> None:
    result = imported(workbook([["n", "x"], ["a", 1e20], ["b", 1.5e-7]], {"B2": "0.00E+00"}), name="a.xlsx")
    assert (result.types["x"], result.column("x")) == ("float", [1e20, 1.5e-7])


def test_one_decimal_for_whole_numbers_of_a_dataset_is_told(imported: Importer) -> None:
    first = imported("x,v\n5,1\n6,2\n")
    with pytest.raises(InvalidInput, match="not of the type integer"):
        imported("x,v\n5.5,3\n", existing=first.converted.columns)


def test_a_mark_that_only_the_dataset_has_is_doubted(imported: Importer) -> None:
    first = imported("x,v\n5.25,1\n6.5,2\n")
    for text, value, said in (("x;v\n1,234;3\n", 1234, ["ambiguous_numbers"]), ("x,v\n1.234,3\n", D("1.234"), [])):
        second = imported(text, existing=first.converted.columns)
        assert (second.column("x"), codes(second)) == ([value], said)
