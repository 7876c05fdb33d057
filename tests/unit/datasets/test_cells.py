"""How single cells are read: numbers, dates, truth values, in the notations people use."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.datasets.cells import read_truth
from server.datasets.day_cells import DATE_FORMATS, order_of, read_date, read_moment
from server.datasets.inference import Inferred, infer_all
from server.datasets.number_cells import mark_of, read_number
from server.datasets.values import convert_cells


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"), ("-12", "-12"), ("+5", "5"), ("1,234.00", "1234.00"), ("1,234,567", "1234567"), ("¥1,234", "1234"),
        ("￥12.50", "12.50"), ("$ 9.99", "9.99"), ("-$5", "-5"), ("$-5", "-5"), ("12%", "0.12"), ("(123)", "-123"),
        ("(1,234.50)", "-1234.50"), ("１２３", "123"), ("1.5e3", "1.5e3"), ("2E-4", "2E-4"), (".5", "0.5"), ("5.", "5"),
        ("1 234 567.8", "1234567.8"), ("1'234.5", "1234.5"), ("100元", "100"), ("12 EUR", "12"), ("−7", "-7"),
        ("7-", "-7"), ("人民币 88", "88"), ("1\u00a0000", "1000"),
    ],
)  # fmt: skip
def test_numbers_with_a_decimal_point(text: str, value: str) -> None:
    assert read_number(text, ".") == Decimal(value)


@pytest.mark.parametrize(
    ("text", "value"), [("1.234,00", "1234.00"), ("0,5", "0.5"), ("1.234.567", "1234567"), ("12,5 %", "0.125")]
)
def test_numbers_with_a_decimal_comma(text: str, value: str) -> None:
    assert read_number(text, ",") == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1,2,3",
        "12,34",
        "1.2.3",
        "--5",
        "(5",
        "5)",
        "-(5)",
        "1O8",
        "12 34",
        "1e",
        "3/4",
        "+",
        "¥",
        "nan",
        "inf",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert read_number(text, ".") is None


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2026-03-01", "DMY", "2026-03-01"), ("2026/3/1", "YMD", "2026-03-01"), ("2026.3.1", "YMD", "2026-03-01"),
        ("2026年3月1日", "YMD", "2026-03-01"), ("２０２６年３月１日", "YMD", "2026-03-01"),
        ("20260301", "YMD", "2026-03-01"),
        ("01.02.2026", "DMY", "2026-02-01"), ("1/2/2026", "MDY", "2026-01-02"), ("1-Mar-26", "YMD", "2026-03-01"),
        ("March 1, 2026", "DMY", "2026-03-01"), ("1st March 2026", "MDY", "2026-03-01"),
        ("3/1/69", "MDY", "1969-03-01"),
        ("2026-03-01 00:00:00", "YMD", "2026-03-01"), ("29.02.2024", "DMY", "2024-02-29"),
    ],
)  # fmt: skip
def test_dates(text: str, order: str, day: str) -> None:
    found = read_date(text, order)  # type: ignore[arg-type]
    assert found is not None
    assert found.isoformat() == day


@pytest.mark.parametrize(
    "text", ["2026-02-30", "2026-13-01", "2026-03", "31.04.2026", "2026-03-01 10:30", "today", "1.2", "12:30", ""]
)
def test_what_is_no_date(text: str) -> None:
    assert read_date(text, "DMY") is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T10:30:05Z", "2026-03-01T10:30:05"),
        ("2026-03-01T10:30:00+08:00", "2026-03-01T02:30:00"),
        ("2026/3/1 9:05", "2026-03-01T09:05:00"),
        ("2026-03-01 10:30:00.123456789", "2026-03-01T10:30:00.123456"),
        ("2026年3月1日 10时30分", "2026-03-01T10:30:00"),
        ("2026年3月1日 下午3:05", "2026-03-01T15:05:00"),
        ("01.03.2026 23:59:59", "2026-03-01T23:59:59"),
        ("1/3/2026 12:00 AM", "2026-03-01T00:00:00"),
        ("2026-03-01", "2026-03-01T00:00:00"),
    ],
)
def test_moments(text: str, moment: str) -> None:
    found = read_moment(text, "DMY")
    assert found is not None
    assert found.isoformat() == moment


@pytest.mark.parametrize(
    "text", ["2026-03-01 25:00", "2026-03-01 10:61", "2026-03-01 x", "10:30", "2026-03-01 24:00:00"]
)
def test_what_is_no_moment(text: str) -> None:
    assert read_moment(text, "YMD") is None


def test_truth_values_in_two_languages() -> None:
    assert [read_truth(text) for text in ("TRUE", "yes", "是", "1", "No", "否", "maybe")] == [
        True, True, True, True, False, False, None,
    ]  # fmt: skip


def test_formats_are_understood_however_they_are_spelt() -> None:
    assert [mark_of(text) for text in (None, "1,234.5", "1.234,5", ",", ".", "0,00", "1,234")] == [
        ".", ".", ",", ",", ".", ",", ".",
    ]  # fmt: skip
    assert [order_of(text) for text in (None, "YYYY-MM-DD", "DD.MM.YYYY", "%m/%d/%Y", "yyyy年m月d日", "dd/mm/yy")] == [
        "YMD", "YMD", "DMY", "MDY", "YMD", "DMY",
    ]  # fmt: skip


def test_fast_and_exact_reading_agree() -> None:
    plain = ["12", "-3", "0", "999999999999999999", "2026", None]
    for odd in ([], ["1,234"]):
        converted = convert_cells(pa.array([*plain, *odd]), "integer")
        assert converted.values.to_pylist()[:6] == [12, -3, 0, 999999999999999999, 2026, None]
        assert converted.misfits == []


DAY_PARTS = st.sampled_from(["0", "1", "02", "3", "12", "13", "28", "29", "30", "31", "2026", "1999", "26", "20260301"])
TIMES = ["", " 9:05", "T10:30", " 10:30:05", " 24:00", " 1:2", "Z", " 上午9:05", " 00:00"]


@given(
    cells=st.lists(
        st.tuples(
            DAY_PARTS, st.sampled_from("-/.年 "), DAY_PARTS, st.sampled_from("-/.月"), DAY_PARTS, st.sampled_from(TIMES)
        ),
        min_size=1,
        max_size=30,
    ),
    order=st.sampled_from(["YMD", "DMY", "MDY"]),
    kind=st.sampled_from(["date", "datetime"]),
)
@settings(max_examples=300, deadline=None)
def test_columns_of_dates_are_read_as_each_cell_is(cells: list[tuple[str, ...]], order: Any, kind: Any) -> None:
    texts = ["".join(cell) for cell in cells]
    read = read_date if kind == "date" else read_moment
    converted = convert_cells(pa.array(texts), kind, DATE_FORMATS[order])
    assert converted.values.to_pylist() == [read(text, order) for text in texts]
    assert [misfit.row for misfit in converted.misfits] == [
        row for row, text in enumerate(texts) if read(text, order) is None
    ]


def test_integers_beyond_64_bits_are_too_large() -> None:
    converted = convert_cells(pa.array(["9223372036854775807", "9223372036854775808", "1e40", "1.5"]), "integer")
    assert converted.values.to_pylist() == [2**63 - 1, None, None, None]
    assert [(misfit.row, misfit.code) for misfit in converted.misfits] == [
        (1, "number_too_large"), (2, "number_too_large"), (3, "not_a_whole_number"),
    ]  # fmt: skip


def test_infinity_is_a_word_and_not_a_number() -> None:
    converted = convert_cells(pa.array(["1.5", "inf", "1e999", "nan", "N/A"]), "decimal")
    assert converted.values.to_pylist() == [1.5, None, None, None, None]
    assert [misfit.code for misfit in converted.misfits] == ["not_a_number", "too_many_digits"]


def infer(cells: pa.Array) -> Inferred:
    return infer_all([cells], prefer_mark=".", wanted=[None])[0]


def inferred(*cells: str | None) -> tuple[str, str | None]:
    found = infer(pa.array(cells, pa.string()))
    return found.type, found.format


def test_types_are_inferred_from_all_cells() -> None:
    assert inferred("1", "2", "") == ("integer", "1,234.5")
    assert inferred("1", "2.5", "-") == ("decimal", "1,234.5")
    assert inferred("1.234,5", "0,5") == ("decimal", "1.234,5")
    assert inferred("yes", "no", "") == ("boolean", None)
    assert inferred("2026-03-01", "2026/3/2") == ("date", "YYYY-MM-DD")
    assert inferred("2026-03-01 10:00", "2026-03-02") == ("datetime", "YYYY-MM-DD")
    assert inferred("a", "1") == ("text", None)
    assert inferred("", None) == ("text", None)


def test_numbers_that_are_names_stay_text() -> None:
    assert inferred("00123", "00124")[0] == "text"
    assert inferred("6222021234567890123", "6222021234567890124")[0] == "text"
    assert inferred("+8613800138000", "+8613900139000")[0] == "text"
    assert inferred("0", "1", "0")[0] == "integer"  # perhaps a truth value, but never wrong as a number
    assert inferred("1.234", "2.500")[0] == "decimal"


def test_the_whole_sample_decides_between_day_and_month() -> None:
    assert inferred("01/02/2026", "25/02/2026") == ("date", "DD/MM/YYYY")
    assert inferred("01/02/2026", "02/25/2026") == ("date", "MM/DD/YYYY")
    ambiguous = infer(pa.array(["01/02/2026", "03/04/2026"]))
    assert ambiguous.doubts == {"ambiguous_dates": {"format": "DD/MM/YYYY"}}
    assert ambiguous.format == "DD/MM/YYYY"


def test_one_word_among_many_numbers_does_not_make_them_text() -> None:
    cells = [str(number) for number in range(100)]
    assert inferred(*cells, "unknown")[0] == "integer"
    assert inferred(*cells, *[f"x{number}" for number in range(20)])[0] == "text"
