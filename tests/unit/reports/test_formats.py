"""How values are written: rounded as people and spreadsheets do, in every place of a report alike."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from server.reports.formats import Formats, ValueFormat

# What Excel shows of these numbers.
ROUNDED: list[tuple[Any, int, str]] = [
    (0.5, 0, "1"),
    (1.5, 0, "2"),
    (2.5, 0, "3"),
    (-2.5, 0, "-3"),
    (1234.5, 0, "1,235"),
    (2.125, 2, "2.13"),
    (0.285, 2, "0.29"),
    (1.005, 2, "1.01"),
    (-1.005, 2, "-1.01"),
    (8.345, 2, "8.35"),
    (-0.001, 2, "0.00"),
    (-0.4, 0, "0"),
    (0.1 + 0.2, 1, "0.3"),
    (Decimal("1.005"), 2, "1.01"),
    (Decimal("12345678901234567890.125"), 2, "12,345,678,901,234,567,890.13"),
    (999_999.995, 2, "1,000,000.00"),
    (1e-9, 2, "0.00"),
]


@pytest.mark.parametrize(("value", "places", "text"), ROUNDED, ids=lambda value: str(value))
def test_numbers_are_rounded_half_away_from_zero(value: Any, places: int, text: str) -> None:
    formats = Formats("en")
    assert formats.text(value, ValueFormat(kind="decimal", decimals=places)) == text
    money = formats.text(value, ValueFormat(kind="currency", currency="CNY", decimals=places))
    assert money == (f"-¥{text[1:]}" if text.startswith("-") else f"¥{text}")


@pytest.mark.parametrize(
    ("value", "format_", "text"),
    [
        (2.5, ValueFormat(kind="integer"), "3"),
        (-0.2, ValueFormat(kind="integer"), "0"),
        (0.285, ValueFormat(kind="percent", decimals=0), "29%"),
        (0.0005, ValueFormat(kind="percent"), "0.1%"),
        (-0.0004, ValueFormat(kind="percent"), "0.0%"),
        (-0.001, ValueFormat(kind="currency", currency="CNY"), "¥0.00"),
        (1250, ValueFormat(kind="compact", decimals=1), "1.3K"),
        (1250, ValueFormat(kind="compact", decimals=0), "1K"),
        (999_949, ValueFormat(kind="compact"), "999.9K"),
        (-999_999, ValueFormat(kind="compact"), "-1M"),
        (-0.04, ValueFormat(kind="compact"), "0"),
        (2.5, ValueFormat(kind="duration"), "0:00:03"),
    ],
    ids=str,
)
def test_each_kind_of_number_is_rounded_so(value: Any, format_: ValueFormat, text: str) -> None:
    assert Formats("en").text(value, format_) == text


@pytest.mark.parametrize(
    ("value", "format_", "english", "chinese"),
    [
        (0, ValueFormat(), "0", "0"),
        (0.25, ValueFormat(), "0.25", "0.25"),
        (-2500, ValueFormat(), "-2.5K", "-2,500"),
        (12_000, ValueFormat(), "12K", "1.2万"),
        (1_250_000, ValueFormat(kind="currency", currency="CNY"), "¥1.25M", "¥125万"),
        (-3_000_000_000, ValueFormat(kind="currency", currency="USD"), "-$3B", "-US$30亿"),
        (0.285, ValueFormat(kind="percent"), "28.5%", "28.5%"),
        (12, ValueFormat(kind="percent"), "1.2K%", "1,200%"),
        (5400, ValueFormat(kind="duration"), "1:30:00", "1:30:00"),
        (1e24, ValueFormat(), "1E24", "1E24"),
        (0.00125, ValueFormat(), "0.0013", "0.0013"),
        (1 / 3, ValueFormat(), "0.33", "0.33"),
    ],
    ids=str,
)
def test_marks_of_axes_are_short(value: float, format_: ValueFormat, english: str, chinese: str) -> None:
    assert Formats("en").on_axis(value, format_) == english
    assert Formats("zh").on_axis(value, format_) == chinese


def test_marks_of_axes_have_the_digits_that_tell_them_apart() -> None:
    def written(*marks: float, **format_: Any) -> list[str]:
        step = marks[1] - marks[0]
        return [Formats("en").on_axis(mark, ValueFormat(**format_), step=round(step, 9)) for mark in marks]

    assert written(100, 100.001) == ["100", "100.001"]
    assert written(1_000_000, 1_000_500) == ["1M", "1.0005M"]
    assert written(0, 0.00025, 0.0005, kind="percent") == ["0%", "0.025%", "0.05%"]
    assert written(0, 2500, 5000, kind="currency", currency="EUR") == ["€0", "€2.5K", "€5K"]


def test_a_language_keeps_its_own_names_whatever_was_written_before() -> None:
    months = {
        language: Formats(language).text(date(2026, 3, 1), ValueFormat(kind="month"))
        for language in ("cs", "el", "he", "th", "hi", "ar", "fa", "bn", "ta", "ko")
    }
    assert months == {
        "cs": "březen 2026",
        "el": "Μάρτιος 2026",
        "he": "מרץ 2026",
        "th": "มีนาคม 2026",
        "hi": "मार्च 2026",
        "ar": "مارس 2026",
        "fa": "مارس 2026",
        "bn": "মার্চ 2026",
        "ta": "மார்ச் 2026",
        "ko": "3월 2026",
    }


def test_signs_stay_before_figures_where_writing_runs_from_right_to_left() -> None:
    before = "\u200e"
    assert Formats("he").text(-3.5, ValueFormat(kind="decimal")) == f"{before}-3.50"
    assert Formats("ar").text(-0.5, ValueFormat(kind="percent")) == f"{before}-50.0%"
    assert Formats("he").text("-3.5") == "-3.5"  # a text is as it is


def test_the_letters_of_a_currency_are_read_by_themselves_from_right_to_left() -> None:
    yen = ValueFormat(kind="currency", currency="JPY")
    assert "\u2068JP¥\u2069" in Formats("ar").text(1234, yen)
    assert Formats("en").text(1234, yen) == "¥1,234"
    assert Formats("de").text(-3.5, ValueFormat(kind="decimal")) == "-3,50"
