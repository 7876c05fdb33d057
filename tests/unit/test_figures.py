"""Numbers of any size in words of a language: none fails, and none is hundreds of digits long."""

from __future__ import annotations

from decimal import Decimal

import pytest

from server.figures import figure
from server.languages import babel_locale
from server.reports.formats import FORMATS, ValueFormat
from server.reports.formats import Formats as ReportFormats
from tests.unit.views.test_formats import formats

NUMBERS = [
    1e21, 1e25, 1e28, 1e300, -1e25, -1.7e308, 5e-324, 1e-300, -1e-9, float("nan"), float("inf"), float("-inf"),
    2**63, -(2**64), 10**28, 10**400, -(10**5_000), 10**20_000, 0, -0.0, 999_999_999_999_999_999_999,
]  # fmt: skip
DECIMALS = [Decimal("1e25"), Decimal("-1e5000"), Decimal("1e-5000"), Decimal("NaN"), Decimal("sNaN"), Decimal("-inf")]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (12400, "12,400"),
        (1234.5678, "1,234.568"),
        (-0.5, "-0.5"),
        (10**20, "100,000,000,000,000,000,000"),
        (1e25, "1E25"),
        (-1.5e300, "-1.5E300"),
        (1e-300, "1E-300"),
        (0.0004, "4E-4"),
        (0, "0"),
        (float("nan"), "NaN"),
        (float("-inf"), "-∞"),
        (Decimal("1e5000"), "1E5000"),
        (Decimal("12.50"), "12.50"),
        (Decimal("-0.00004"), "-0.00004"),
        (Decimal("12345678901234567890123456789.123456789"), "12,345,678,901,234,567,890,123,456,789.123456789"),
    ],
)
def test_a_figure_has_no_more_digits_than_people_read(number: float, text: str) -> None:
    assert figure(number, babel_locale("en")) == text


def test_a_whole_number_that_python_does_not_write_has_its_power_of_ten() -> None:
    assert figure(-(10**20_000), babel_locale("en")) == "-1E20000"


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_pages_write_any_number(language: str) -> None:
    pages = formats(language)
    for number in NUMBERS:
        for write in (pages.number, pages.percent, pages.filesize, pages.duration):
            assert 0 < len(write(number)) < 40, (write, number if isinstance(number, float) else "huge")
        for unit in ("rows", "bytes"):
            assert 0 < len(pages.amount(number, unit)) < 40
    for exact in DECIMALS:
        assert 0 < len(figure(exact, pages.locale)) < 40


@pytest.mark.parametrize("language", ["en", "zh-CN", "de"])
@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "text"])
def test_reports_write_any_number(language: str, kind: str) -> None:
    reports = ReportFormats(language)
    for number in (*NUMBERS, *DECIMALS):
        for wanted in (ValueFormat(kind=kind), ValueFormat(kind=kind, currency="CNY", decimals=20)):
            assert 0 < len(reports.text(number, wanted)) < 450
