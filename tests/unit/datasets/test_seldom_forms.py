"""Text files of seldom forms: delimiters that texts hold as well, typographic quotes, logs and data loggers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.datasets.imported import Importer

IIS = (
    "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-01-01 00:00:00\n"
    "#Fields: date c-ip sc-status\n2026-01-01 10.0.0.1 200\n2026-01-02 - 404\n"
)
TOA5 = (
    '"TOA5","Hill","CR1000","1234","CR1000.Std.27","CPU:a.CR1","12345","Table1"\n'
    '"TIMESTAMP","RECORD","Batt_Avg","AirT_Avg","Note"\n"TS","RN","Volts","Deg C",""\n"","","Avg","Avg","Smp"\n'
    '"2026-01-01 00:00:00",0,12.5,3.4,"a"\n"2026-01-01 00:10:00",1,12.6,"NAN","b"\n'
)


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def table_of(imported: Importer, text: str | bytes) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows; the same with all that was found as options, as later imports of such files have it."""
    result = imported(text)
    again = imported(text, **{**msgspec.to_builtins(result.converted.options), "columns": None})
    assert (again.columns, again.rows, again.reasons) == (result.columns, result.rows, result.reasons)
    return result.columns, result.rows


@pytest.mark.parametrize("mark", [":", "¦", "§", "$$"])
def test_seldom_delimiters_part_names_and_rows(imported: Importer, mark: str) -> None:
    text = "id,name,qty\n1,Ann,5\n2,Bob,6\n".replace(",", mark)
    assert table_of(imported, text) == (["id", "name", "qty"], [[1, "Ann", 5], [2, "Bob", 6]])


def test_two_names_are_parted_above_numbers_and_texts(imported: Importer) -> None:
    assert table_of(imported, "id:name\n1:Ann\n2:Bob\n") == (["id", "name"], [[1, "Ann"], [2, "Bob"]])


@pytest.mark.parametrize(
    "lines",
    [
        ["time", "10:00", "11:30"], ["hh:mm", "10:00", "11:30"], ["hh:mm:ss", "10:00:01", "11:30:02"],
        ["ratio", "1:2", "3:4"], ["home:away", "1:2", "3:4"], ["mac", "00:1A:2B:3C:4D:5E", "10:1A:2B:3C:4D:5E"],
        ["Name:Ann", "Age:5", "Zip:12345"], ["Name: Ann", "Age: 5"], ["who:when", "Ann:10:30", "Bob:11:30"],
        ["who:from:to", "Ann:10:30", "Bob:11:45"], ["a:b:c", "x:y:z", "u:v"], ["para", "§5", "§6"],
        ["rating", "$$", "$$$"],
    ],
    ids=lambda lines: lines[0],
)  # fmt: skip
def test_times_ratios_and_names_with_values_are_one_column(imported: Importer, lines: list[str]) -> None:
    result = imported("\n".join(lines) + "\n")
    assert (result.columns, result.rows) == ([lines[0]], [[line] for line in lines[1:]])


def test_other_delimiters_win_over_those_that_texts_hold(imported: Importer) -> None:
    columns, rows = table_of(imported, "at,price,law\n10:00,$$,§ 5\n11:00,$$$,§ 6\n")
    assert (columns, rows) == (["at", "price", "law"], [["10:00", "$$", "§ 5"], ["11:00", "$$$", "§ 6"]])


@pytest.mark.parametrize(
    ("first", "second"),
    [("“Smith, John”", "“Doe, Ann”"), ("„Smith, John“", "„Doe, Ann”"), ("«Smith, John»", " « Doe, Ann » ")],
    ids=["English", "German", "French"],
)
def test_typographic_quotes_hold_the_delimiter(imported: Importer, first: str, second: str) -> None:
    columns, rows = table_of(imported, f'name,n\n{first},5\n{second},6\n"Al" Roe,7\n')
    assert (columns, rows) == (["name", "n"], [["Smith, John", 5], ["Doe, Ann", 6], ['"Al" Roe', 7]])


def test_typographic_quotes_that_hold_no_delimiter_are_part_of_their_texts(imported: Importer) -> None:
    _, rows = table_of(imported, "text,n\n“Hi” he said,5\n“Yes”,6\n“No”,7\n")
    assert rows == [["“Hi” he said", 5], ["“Yes”", 6], ["“No”", 7]]


def test_logs_of_web_servers_name_their_fields(imported: Importer) -> None:
    again = IIS.replace("2026-01-0", "2026-02-0")
    columns, rows = table_of(imported, IIS + again)
    assert columns == ["date", "c-ip", "sc-status"]
    assert rows == [
        [date(2026, month, day), ip, status]
        for month in (1, 2)
        for day, ip, status in ((1, "10.0.0.1", 200), (2, "-", 404))
    ]
    result = imported(IIS + again)
    assert (result.reasons, result.converted.named) == ([], {"above_table": 3, "header": 5})


def test_rows_below_other_fields_of_a_log_are_no_rows(imported: Importer) -> None:
    other = "#Fields: date sc-bytes time-taken\n2026-01-03 5 6\n"
    result = imported(IIS + other + "#Fields: date c-ip sc-status\n2026-01-04 - 500\n")
    assert [row[2] for row in result.rows] == [200, 404, 500]
    assert result.reasons == [(8, None, "other_table")]


def test_a_log_may_have_tabs(imported: Importer) -> None:
    columns, rows = table_of(imported, "#Version: 1.0\n#Fields: time\tx-user\n10:00\tAnn Lee\n#Date:\tx\n11:00\tBob\n")
    assert (columns, rows) == (["time", "x-user"], [["10:00", "Ann Lee"], ["11:00", "Bob"]])


def test_data_loggers_have_four_lines_above_their_rows(imported: Importer) -> None:
    columns, rows = table_of(imported, TOA5)
    assert columns == ["TIMESTAMP", "RECORD", "Batt_Avg [Volts]", "AirT_Avg [Deg C]", "Note"]
    first = datetime(2026, 1, 1)  # noqa: DTZ001 – it has no zone
    assert rows[0] == [first, 0, Decimal("12.5"), Decimal("3.4"), "a"]
    assert rows[1][3] is None
    result = imported(TOA5)
    assert (result.reasons, result.converted.named) == ([], {"above_table": 1, "header": 3})
    assert [warning.text.partition("such as ")[2] for warning in result.converted.warnings] == [
        "Batt_Avg [Volts]. Give the columns other names if you like."
    ]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("1,ﾔﾏﾀﾞ ﾀﾛｳ,500\n2,ｽｽﾞｷ ｼﾞﾛｳ,600\n", ""), ("番号,氏名\n1,ﾔﾏﾀﾞ ﾀﾛｳ\n2,ｽｽﾞｷ ｼﾞﾛｳ\n", ""),
        ("日付,摘要,金額\n2026/01/05,ﾌﾘｺﾐ ｶ)ﾔﾏﾀﾞｼﾖｳﾃﾝ,6000\n", "zh-CN"), ("ｺｰﾄﾞ,ｶﾅ\n1,ﾔﾏﾀﾞ\n2,ｽｽﾞｷ\n", ""),
        ("id,name\n1,ﾔﾏﾀﾞ\n", "ja"),
    ],
    ids=["names", "header", "bank", "columns", "word"],
)  # fmt: skip
def test_half_width_katakana_are_shift_jis(imported: Importer, text: str, language: str) -> None:
    preview = imported.preview(text.encode("cp932"), language=language or None, header=False)
    assert [list(row) for row in preview.rows] == [line.split(",") for line in text.splitlines()]


def test_lower_case_of_koi8_is_no_katakana(imported: Importer) -> None:
    preview = imported.preview("имя,город\nиван,москва\n".encode("koi8-r"), language="ja", header=False)
    assert preview.encoding == "koi8-r"
