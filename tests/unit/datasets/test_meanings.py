"""What cells mean is read exactly, or said: types and notations of small files, beside their right values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.datasets.doubts import MESSAGES
from server.datasets.export import export_dataset
from server.datasets.query_session import QuerySession
from server.datasets.rows import read_rows
from server.datasets.schema import Column
from server.datasets.work import ExportRequest, QueryLimits, RowsRequest
from tests.unit.datasets.imported import Importer, csv_text

D = Decimal


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


# The cells of one column beside a column of names, its type, its values, and what is said of it.
COLUMNS: dict[str, tuple[list[str], str, list[Any], list[str]]] = {
    "one letter that is a sex": (["F", "F"], "text", ["F", "F"], []),
    "one letter of yes": (["Y", "Y"], "text", ["Y", "Y"], []),
    "letters of both": (["Y", "N"], "boolean", [True, False], []),
    "t and f": (["t", "f"], "boolean", [True, False], []),
    "a country": (["NO", "NO"], "text", ["NO", "NO"], []),
    "two that are no pair": (["NO", "ON"], "text", ["NO", "ON"], []),
    "always yes": (["yes", "Yes"], "text", ["yes", "Yes"], []),
    "always true": (["TRUE", "true"], "boolean", [True, True], []),
    "always 是": (["是", "是"], "text", ["是", "是"], []),
    "French truth": (["VRAI", "FAUX"], "boolean", [True, False], []),
    "German yes": (["ja", "Nein", "ja"], "boolean", [True, False, True], []),
    "Russian yes": (["Да", "нет"], "boolean", [True, False], []),
    "languages": (["ja", "no"], "text", ["ja", "no"], []),
    "three currencies": (["$5", "€7", "£3"], "text", ["$5", "€7", "£3"], ["mixed_currencies"]),
    "a currency by code and sign": (["5 EUR", "€7"], "integer", [5, 7], []),
    "codes of two currencies": (["5 USD", "7 CHF"], "text", ["5 USD", "7 CHF"], ["mixed_currencies"]),
    "dollars of two countries": (["$5", "HK$7"], "text", ["$5", "HK$7"], ["mixed_currencies"]),
    "元 and ￥": (["5元", "￥7"], "integer", [5, 7], []),
    "percent beside numbers": (["12%", "12"], "decimal", [D("0.12"), D("12.00")], ["mixed_percent"]),
    "percent alone": (["12.5%", "0%"], "decimal", [D("0.125"), D("0.000")], []),
    "codes with E": (["84E31", "12E05", "77E10"], "text", ["84E31", "12E05", "77E10"], []),
    "codes with E among numbers": (["1E5", "12", "2e7"], "text", ["1E5", "12", "2e7"], []),
    "scientific": (["1.5e-7", "2e3", "4"], "float", [1.5e-7, 2000.0, 4.0], []),
    "scientific with signs": (["1e+05", "2e-03"], "float", [1e5, 2e-3], []),
    "scientific with more digits than a double": (
        ["1.2345678901234567891e-5", "1e-5"], "float", [1.2345678901234567e-5, 1e-5], ["rounded_numbers"],
    ),
    "results of a program": (["0.30000000000000004", "0.1"], "float", [0.30000000000000004, 0.1], []),
    "long numbers below zero": (["-12345678901234567890", "-1"], "text", ["-12345678901234567890", "-1"], []),
    "long decimals": (["12345678901234567.89", "1.5"], "decimal",
                      [D("12345678901234567.89"), D("1.50")], ["long_numbers"]),
    "38 digits": (["1234567890123456789012345678901234.5678"], "decimal",
                  [D("1234567890123456789012345678901234.5678")], ["long_numbers"]),
    "more than 38 digits": (["1" * 30 + ".123456789"], "text", ["1" * 30 + ".123456789"], []),
    "a thousand or three decimals": (["1.234 €", "5.678 €"], "decimal",
                                     [D("1.234"), D("5.678")], ["ambiguous_numbers"]),
    "never a thousand": (["0.250", "1.500"], "decimal", [D("0.250"), D("1.500")], []),
    "thousands": (["1,234", "2,500"], "integer", [1234, 2500], []),
    "amounts without cents": (["5.00", "7.00"], "decimal", [D("5.00"), D("7.00")], []),
    "whole numbers of pandas": (["1.0", "2.0"], "integer", [1, 2], []),
    "guarded": (['="00123"', '="00456"'], "text", ["00123", "00456"], []),
    "guarded numbers": (['="123"', '="456"'], "text", ["123", "456"], []),
    "accounting": ([" $1,234.00 ", " $(500.00)", " $-   "], "decimal", [D("1234.00"), D("-500.00"), None], []),
    "accounting in euros": (["1,234.50 €", "(7.00) €", "- €"], "decimal", [D("1234.50"), D("-7.00"), None], []),
    "dollars in brackets": (["($12.34)", "$(5.00)", "-$1.00"], "decimal", [D("-12.34"), D("-5.00"), D("-1.00")], []),
    "no cents in German": (["1.234,-", "5,50", "12,--"], "decimal", [D("1234.00"), D("5.50"), D("12.00")], []),
    "no cents in Swiss": (["CHF 12.-", "CHF 1'234.-", "CHF -7.-"], "integer", [12, 1234, -7], []),
    "no cents with a currency": (["$5.-", "$7.—"], "integer", [5, 7], []),
    "no cents before a currency": (["1.234,- €", "5,– €", "-3,- €"], "integer", [1234, 5, -3], []),
    "no cents in Danish": (["5,- kr", "1.234,-kr."], "integer", [5, 1234], []),
    "minus behind": (["1.234,56-", "5,00-", "7-"], "decimal", [D("-1234.56"), D("-5.00"), D("-7.00")], []),
    "plus behind cents": (["2.500,00+", "12,00-"], "decimal", [D("2500.00"), D("-12.00")], []),
    "grades": (["1+", "2-", "3"], "text", ["1+", "2-", "3"], []),
    "triangles below zero": (["▲1,200", "300", "△50"], "integer", [-1200, 300, -50], []),
    "dong": (["5.000 ₫", "12.000 ₫"], "integer", [5000, 12000], []),
    "nothing in German": (["5", "n.a.", "k.A."], "integer", [5, None, None], []),
    "two dashes behind": (["5--", "7--"], "text", ["5--", "7--"], []),
    "Indian grouping": (["₹1,23,456.00", "₹12,34,567.00"], "decimal", [D("123456.00"), D("1234567.00")], []),
    "Indian grouping without a sign": (["1,23,456", "99,999"], "integer", [123456, 99999], []),
    "reais": (["R$ 12.50", "R$ 7.00"], "decimal", [D("12.50"), D("7.00")], []),
    "万 and 亿": (["3.5万", "2亿", "5"], "integer", [35000, 200000000, 5], []),
    "万元": (["3.55万元", "0.00001亿元"], "integer", [35500, 1000], []),
    "Swiss": (["1'234.50", "7.25"], "decimal", [D("1234.50"), D("7.25")], []),
    "French": (["5 janv. 2026", "6 févr. 2026"], "date", [date(2026, 1, 5), date(2026, 2, 6)], []),
    "French first": (["1er mai 2026", "2 août 2026"], "date", [date(2026, 5, 1), date(2026, 8, 2)], []),
    "German": (["5. März 2026", "24. Dez. 2026"], "date", [date(2026, 3, 5), date(2026, 12, 24)], []),
    "Spanish": (["5 de enero de 2026", "6-ago-2026"], "date", [date(2026, 1, 5), date(2026, 8, 6)], []),
    "Portuguese": (["5 de março de 2026", "6 fev. 2026"], "date", [date(2026, 3, 5), date(2026, 2, 6)], []),
    "Italian": (["5 gennaio 2026", "6 giu 2026"], "date", [date(2026, 1, 5), date(2026, 6, 6)], []),
    "Dutch": (["5 maart 2026", "6 mei 2026"], "date", [date(2026, 3, 5), date(2026, 5, 6)], []),
    "Polish": (["5 stycznia 2026", "6 paź 2026"], "date", [date(2026, 1, 5), date(2026, 10, 6)], []),
    "Russian": (["5 марта 2026 г.", "6 мая 2026"], "date", [date(2026, 3, 5), date(2026, 5, 6)], []),
    "Turkish": (["5 Ocak 2026", "6 Ağustos 2026"], "date", [date(2026, 1, 5), date(2026, 8, 6)], []),
    "Hindi": (["5 जनवरी 2026", "6 मई 2026"], "date", [date(2026, 1, 5), date(2026, 5, 6)], []),
    "German days": (["Montag, 26. Oktober 2026", "Di, 27.10.2026"], "date",
                    [date(2026, 10, 26), date(2026, 10, 27)], []),
    "German times": (["26.10.2026 10:00 Uhr", "27.10.2026 11:30 Uhr"], "datetime",
                     [datetime(2026, 10, 26, 10), datetime(2026, 10, 27, 11, 30)], []),  # noqa: DTZ001
    "French days": (["lundi 26 octobre 2026", "mardi 27 octobre 2026"], "date",
                    [date(2026, 10, 26), date(2026, 10, 27)], []),
    "March and no Tuesday": (["Mar 5, 2026", "Mar 6, 2026"], "date", [date(2026, 3, 5), date(2026, 3, 6)], []),
    "Japanese days": (["2026/10/01(木)", "2026/10/02（金）"], "date", [date(2026, 10, 1), date(2026, 10, 2)], []),
    "Chinese times": (["2026年10月1日10时30分", "2026年10月2日 周五 15:15"], "datetime",
                      [datetime(2026, 10, 1, 10, 30), datetime(2026, 10, 2, 15, 15)], []),  # noqa: DTZ001
    "of SAS": (["26OCT2026", "02NOV2026"], "date", [date(2026, 10, 26), date(2026, 11, 2)], []),
    "between points": (["01.02.2026", "03.04.2026", "2026-05-01"], "date",
                       [date(2026, 2, 1), date(2026, 4, 3), date(2026, 5, 1)], []),
    "months first between points": (["10.26.2026", "10.27.2026"], "date", [date(2026, 10, 26), date(2026, 10, 27)], []),
    "Buddhist years": (["2569-10-01", "2569-10-02"], "date",
                       [date(2569, 10, 1), date(2569, 10, 2)], ["other_calendar"]),
    "Persian years": (["1405/08/04", "1405/08/05"], "date", [date(1405, 8, 4), date(1405, 8, 5)], ["other_calendar"]),
    "the end of time": (["9999-12-31", "2026-10-01"], "date", [date(9999, 12, 31), date(2026, 10, 1)], []),
    "years of another century": (["31.12.45", "15.01.72"], "date",
                                 [date(2045, 12, 31), date(1972, 1, 15)], ["short_years"]),
    "Korean": (["2026. 1. 5.", "2026년 2월 6일"], "date", [date(2026, 1, 5), date(2026, 2, 6)], []),
    "of mails": (["Mon, 05 Jan 2026 10:00:00 +0000", "Tue, 6 Jan 2026 11:00:00 +0000"], "timestamp",
                 [datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 6, 11, tzinfo=UTC)], []),
    "ISO without marks": (["20260101T100000Z", "20260102T1130Z"], "timestamp",
                          [datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 2, 11, 30, tzinfo=UTC)], []),
    "no month": (["5 brumaire 2026", "6 germinal 2026"], "text", ["5 brumaire 2026", "6 germinal 2026"], []),
    "hours of a week": (["40:01:02", "1:02:03"], "text", ["40:01:02", "1:02:03"], []),
    "times of day": (["10:30", "23:59"], "text", ["10:30", "23:59"], []),
    "moments with offsets": (
        ["2026-03-01T10:30:00+08:00", "2026/3/1 9:05 +01:00"], "timestamp",
        [datetime(2026, 3, 1, 2, 30, tzinfo=UTC), datetime(2026, 3, 1, 8, 5, tzinfo=UTC)], ["times_in_utc"],
    ),
    "moments of PostgreSQL": (["2026-03-01 10:30:00+00", "2026-03-01 11:00:00.5+00"], "timestamp",
        [datetime(2026, 3, 1, 10, 30, tzinfo=UTC), datetime(2026, 3, 1, 11, 0, 0, 500000, tzinfo=UTC)], []),
    "moments in UTC": (["2026-03-01T10:30:00Z"], "timestamp", [datetime(2026, 3, 1, 10, 30, tzinfo=UTC)], []),
    "some with an offset": (["2026-03-01T10:30:00Z", "2026-03-01 12:00"], "text",
                            ["2026-03-01T10:30:00Z", "2026-03-01 12:00"], ["mixed_offsets"]),
    "finer than a microsecond": (["2026-03-01T10:30:00.123456789", "2026-03-01T10:30:00"], "text",
                                 ["2026-03-01T10:30:00.123456789", "2026-03-01T10:30:00"], ["finer_than_microseconds"]),
    "nine digits of microseconds": (["2026-03-01T10:30:00.123456000"], "datetime",
                                    [datetime.fromisoformat("2026-03-01T10:30:00.123456")], []),
    "nanoseconds at midnight": (["2026-03-01T00:00:00.000000789"], "text", ["2026-03-01T00:00:00.000000789"],
                                ["finer_than_microseconds"]),
    "years first": (["26-01-31", "26-02-01"], "date", [date(2026, 1, 31), date(2026, 2, 1)], ["ambiguous_dates"]),
    "years first with strokes": (["26/01/31", "26/02/01"], "date",
                                 [date(2026, 1, 31), date(2026, 2, 1)], ["ambiguous_dates"]),
    "years first and one digit of a month": (["26/1/31", "26/2/1"], "date",
                                             [date(2026, 1, 31), date(2026, 2, 1)], []),
    "years first with points": (["26.01.31", "26.02.01"], "date",
                                [date(2026, 1, 31), date(2026, 2, 1)], ["ambiguous_dates"]),
    "years first with a time": (["26-01-31 10:00", "26-02-01 11:30"], "datetime",
                                [datetime(2026, 1, 31, 10), datetime(2026, 2, 1, 11, 30)], ["ambiguous_dates"]),  # noqa: DTZ001
    "years of four and of two digits": (["2026-01-31", "26-02-01"], "date",
                                        [date(2026, 1, 31), date(2026, 2, 1)], ["ambiguous_dates"]),
    "years that can only be first": (["85-03-12", "86-12-01"], "date", [date(1985, 3, 12), date(1986, 12, 1)], []),
    "a year first or last": (["26-01-31"], "date", [date(2031, 1, 26)], ["ambiguous_dates"]),
    "years last": (["30/01/26", "31/01/26", "01/02/26"], "date",
                   [date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1)], []),
    "sections": (["32.1.2", "33.4.5"], "text", ["32.1.2", "33.4.5"], []),
    "day or month": (["01/02/2026", "03/04/2026"], "date", [date(2026, 2, 1), date(2026, 4, 3)], ["ambiguous_dates"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_is_what_its_cells_say(imported: Importer, kind: str) -> None:
    cells, column_type, values, doubts = COLUMNS[kind]
    rows = [[f"name {place}", cell] for place, cell in enumerate(cells)]
    content = csv_text([["name", "x"], *rows])
    result = imported(content)
    assert (result.types["x"], result.column("x")) == (column_type, values)
    assert [warning.code for warning in result.converted.warnings] == doubts
    assert [warning.code for warning in imported.preview(content).warnings] == doubts
    assert result.rejects == []


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ('id,amount,count\n1,"1.234,56","1.234"\n2,"12,00","2.500"\n',
         {"amount": [D("1234.56"), D("12.00")], "count": [1234, 2500]}),
        ('count,amount\n"1.234","7,5"\n"2.500","8,25"\n', {"count": [1234, 2500], "amount": [D("7.50"), D("8.25")]}),
        ("a\tb\n1.234\t7.5\n2.500\t8.25\n", {"a": [D("1.234"), D("2.500")]}),
        ("a;b\n1,234;7.5\n2,500;8.25\n", {"a": [1234, 2500]}),
        ("a;b\n1,000円;7,5\n2,500円;8,25\n", {"a": [1000, 2500], "b": [D("7.50"), D("8.25")]}),
        ("a;b\n¥1.000;x\n¥2.500;y\n", {"a": [1000, 2500]}),
        ("a;b\n1.234;7,5\n2.500;8,25\n", {"a": [1234, 2500]}),
        ("a,b\n25/12/2026,31-01-26\n", {"b": [date(2026, 1, 31)]}),
        ("a,b\n25/02/2026,01/02/2026\n26/02/2026,03/02/2026\n", {"b": [date(2026, 2, 1), date(2026, 2, 3)]}),
        ("a,b\n02/25/2026,01/02/2026\n02/26/2026,03/02/2026\n", {"b": [date(2026, 1, 2), date(2026, 3, 2)]}),
        ("b,a\n01/02/2026,02/25/2026 10:00\n03/02/2026,02/26/2026 11:00\n",
         {"b": [date(2026, 1, 2), date(2026, 3, 2)]}),
    ],
)  # fmt: skip
def test_one_column_tells_how_its_neighbours_are_written(
    imported: Importer, content: str, columns: dict[str, list[Any]]
) -> None:
    result = imported(content)
    assert {name: result.column(name) for name in columns} == columns
    assert result.converted.warnings == []


def test_what_only_later_rows_show_is_said_all_the_same(imported: Importer) -> None:
    rows = [["name", "x", "y"], *[["a", "$5.00", "12"] for _ in range(150_000)], ["b", "€7.00", "12%"]]
    rows[100:100] = [["c", "$1.25", "7"]] * 3
    filler = [["a", "$5.00", "12"] for _ in range(150_000)]
    result = imported(csv_text([*rows, *filler]), columns=[{"name": "x"}, {"name": "y", "type": "decimal"}])
    assert sorted(warning.code for warning in result.converted.warnings) == ["mixed_currencies", "mixed_percent"]


@pytest.mark.parametrize(
    ("usual", "codes"),
    [("12", ["01234", '="00777"', " 007", "-05", "84E3", "12e5", "００7"]), ("1.5", ["01234", "84E3", '="007"'])],
)
def test_codes_below_the_sample_are_never_numbers(imported: Importer, usual: str, codes: list[str]) -> None:
    kept = ["0", "-3", "1,234", '="777"', ""]
    usual_lines = f"{'a' * 50},{usual}\n" * 25_000
    later = csv_text([["b", cell] for cell in kept + codes])
    result = imported(f"name,x\n{usual_lines}{later}{usual_lines * 2}")
    values = [value for name, value in result.rows if name == "b"]
    assert [value if value is None else Decimal(value) for value in values] == [0, -3, 1234, 777, None]
    first = 25_002 + len(kept)
    assert result.reasons == [(first + place, "x", "code_not_number") for place in range(len(codes))]


def test_codes_are_numbers_for_whoever_saw_them_and_chose_numbers(imported: Importer) -> None:
    content = "name,x\na,007\nb,84E3\nc,5\n"
    assert imported(content).column("x") == ["007", "84E3", "5"]
    assert imported(content, columns=[{"name": "x", "type": "integer"}]).column("x") == [7, 84000, 5]
    existing = [Column(name="name", type="text"), Column(name="x", type="integer")]
    assert [code for _, _, code in imported(content, existing=existing).reasons] == ["code_not_number"] * 2


@pytest.mark.parametrize(
    "content",
    ['[{"a":Infinity},{"a":1.5},{"a":NaN}]', '{"a":-Infinity}\n{"a":1.5}\n{"a":NaN}\n', "[[Infinity],[1.5],[NaN]]"],
)
def test_infinity_of_json_rejects_its_row(imported: Importer, content: str) -> None:
    result = imported(content, name="data.json")
    assert result.rows == [[1.5], [None]]
    assert [(line, code) for line, _, code in result.reasons] == [(1, "number_too_large")]


def test_decimals_have_the_digits_of_the_whole_file(imported: Importer) -> None:
    lines = [f"{number},{number}.5" for number in range(400_000)]
    lines[210_000] = "210000,0.123456789"
    lines[290_000] = "290000,12345678901234567890.25"
    result = imported("id,x\n" + "\n".join(lines) + "\n")
    assert result.rejects == []
    assert result.column("x")[210_000] == D("0.123456789")
    assert result.column("x")[290_000] == D("12345678901234567890.25")
    assert (result.column("x")[0], result.column("x")[-1]) == (D("0.5"), D("399999.5"))
    assert result.column("id") == list(range(400_000))
    assert [path.name for path in imported.directory.glob("data.parquet*")] == ["data.parquet"]
    described = result.converted.columns[1]
    assert (described.precision, described.scale) == (29, 9)


def test_what_no_decimal_holds_is_a_reject_with_its_reason(imported: Importer) -> None:
    cells = [f"{number}.25" for number in range(60)] + ["9" * 37 + ".25"]
    result = imported(csv_text([["x", "n"], *[[cell, "a"] for cell in cells]]))
    assert result.reasons == [(62, "x", "too_many_digits")]


def test_one_decimal_is_no_thousand_and_no_doubt(imported: Importer) -> None:
    first = imported("n,x\n5,1\n6,2\n")
    second = imported("n,x\n5.5,1\n6,2\n", existing=first.converted.columns)
    assert (second.reasons, second.converted.warnings) == ([(2, "n", "not_a_whole_number")], [])


def test_appended_decimals_widen_those_before(imported: Importer, tmp_path: Path) -> None:
    first = imported("name,x\na,1.25\nb,2.50\n")
    (tmp_path / "data.parquet").rename(tmp_path / "first.parquet")
    second = imported("name,x\nc,1.23456\nd,123456789012345678.5\n", existing=first.converted.columns)
    assert second.types["x"] == "decimal"
    paths = (tmp_path / "first.parquet", tmp_path / "data.parquet")
    exact = [D("1.25"), D("2.50"), D("1.23456"), D("123456789012345678.5")]
    with QuerySession({"data": paths}, QueryLimits()) as session:
        assert [row[0] for row in session.execute("select x from data").rows] == exact
        assert session.execute("select sum(x) from data").rows == [(sum(exact),)]
    request = ExportRequest(
        paths=paths, columns=tuple(second.converted.columns), row_count=4, format="parquet",
        target=tmp_path / "out.parquet", title="x",
    )  # fmt: skip
    export_dataset(request, lambda _report: None)
    assert pq.read_table(request.target)["x"].to_pylist() == exact


def test_a_dataset_of_doubles_takes_files_as_before(imported: Importer) -> None:
    existing = [Column(name="name", type="text"), Column(name="x", type="float")]
    result = imported(
        "name,x\na,1.25\nb,2\n", existing=existing, columns=[{"name": "name"}, {"name": "x", "type": "decimal"}]
    )
    assert (result.types["x"], result.column("x")) == ("float", [1.25, 2.0])


def test_every_format_of_an_export_has_all_digits(imported: Importer, tmp_path: Path) -> None:
    result = imported("name,x\na,12345678901234567.89\nb,0.10\n")
    for file_format, expected in (("csv", '12345678901234567.89\n"b",0.10'), ("json", "12345678901234567.89")):
        request = ExportRequest(
            paths=(tmp_path / "data.parquet",), columns=tuple(result.converted.columns), row_count=2,
            format=file_format, target=tmp_path / "out", title="x",
        )  # fmt: skip
        export_dataset(request, lambda _report: None)
        assert expected in request.target.read_text()


def test_limits_of_decimals_are_compared_exactly(imported: Importer) -> None:
    content = "name,x\na,0.10\nb,0.30\nc,12345678901234567.89\n"
    column = {"name": "x", "min": 0.1, "max": "12345678901234567.88"}
    assert imported(content, columns=[column]).reasons == [(4, "x", "above_maximum")]
    assert imported(content, columns=[{"name": "x", "one_of": ["0.1", "0.30001"]}]).column("x") == [D("0.10")]


def test_each_doubt_has_a_sentence_that_says_what_to_do() -> None:
    assert all("{column}" in message and message.endswith(".") for message in MESSAGES.values())


_NOTATIONS = ["{:f}", "{:,f}", "${:,f}", "{:f} EUR", "¥{:f}", "({:f})", "{:f}%", "+{:f}", " {:f} ", "{:f}-"]


@given(
    numbers=st.lists(st.tuples(st.integers(0, 10**14), st.integers(0, 6)), min_size=1, max_size=12),
    notation=st.sampled_from(_NOTATIONS),
    mark=st.sampled_from(".,"),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_in_any_notation_come_back_exactly_or_are_named(
    tmp_path: Path, numbers: list[tuple[int, int]], notation: str, mark: str
) -> None:
    # `1,234` alone is a thousand in a file of commas, and `¥1.234` everywhere; that the writer meant three decimals
    # nobody can know.
    is_grouped = mark == "," or "¥" in notation
    values = [Decimal(digits).scaleb(-2 if scale == 3 and is_grouped else -scale) for digits, scale in numbers]
    cells = [notation.format(value) for value in values]
    if mark == ",":
        cells = [cell.translate(str.maketrans(".,", ",.")) for cell in cells]
    sign = -1 if notation[0] == "(" or notation[-1] == "-" else 1
    expected = [value * sign / (100 if "%" in notation else 1) for value in values]
    result = Importer(tmp_path)(csv_text([["name", "x"], *[[f"n{place}", cell] for place, cell in enumerate(cells)]]))
    if result.types["x"] == "text":
        assert result.column("x") == [cell.strip() for cell in cells]
    elif "ambiguous_numbers" not in {warning.code for warning in result.converted.warnings}:
        assert [Decimal(value) for value in result.column("x")] == expected


def test_moments_come_out_in_utc(imported: Importer, tmp_path: Path) -> None:
    imported("name,t\na,2026-03-01T10:30:00+08:00\nb,2026-03-02T00:30:00+01:00\n")
    with QuerySession({"data": (tmp_path / "data.parquet",)}, QueryLimits()) as session:
        rows = session.execute("select t, t::date, date_trunc('day', t) from data order by t").rows
        assert [row[0].isoformat() for row in rows] == ["2026-03-01T02:30:00+00:00", "2026-03-01T23:30:00+00:00"]
        assert [row[1] for row in rows] == [date(2026, 3, 1)] * 2
        assert session.execute("select 'infinity'::timestamptz").rows == [("infinity",)]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("x:eq:12345678901234567.89", ["a"]), ("x:gt:12345678901234567.88", ["a"]), ("x:le:0.1", ["b"]),
        ("x:lt:12345678901234567.8900000001", ["a", "b"]), ("x:ne:0.10", ["a"]), ("x:ge:1e300", []),
        ("t:gt:2026-03-01T02:29:00Z", ["a"]), ("t:le:2026-03-01", ["b"]), ("t:eq:2026-03-01T10:30:00+08:00", ["a"]),
    ],
)  # fmt: skip
def test_rows_are_found_by_exact_values(imported: Importer, tmp_path: Path, wanted: str, names: list[str]) -> None:
    result = imported("name,x,t\na,12345678901234567.89,2026-03-01T10:30:00+08:00\nb,0.10,2026-02-01T00:00:00+01:00\n")
    request = RowsRequest(
        paths=(tmp_path / "data.parquet",), columns=tuple(result.converted.columns), row_count=2,
        limits=QueryLimits(), filters=(wanted,), order=("name",),
    )  # fmt: skip
    assert [row[0] for row in read_rows(request, lambda _report: None).rows] == names
