"""Number formats of Excel: a cell reads as in the other forms of a report."""

from __future__ import annotations

from typing import Any

import pytest

from server.reports.excel_formats import number_format, short_number_format
from server.reports.formats import Formats, ValueFormat


@pytest.mark.parametrize(
    ("value", "kind", "text", "excel"),
    [
        (-1234.5, "decimal", "(1,234.50)", "#,##0.00_);(#,##0.00)"),
        (1234.5, "decimal", "1,234.50", "#,##0.00_);(#,##0.00)"),
        (-0.001, "decimal", "(0.001)", "#,##0.000_);(#,##0.000)"),
        (-1e-9, "decimal", "0.00", "#,##0.00_);#,##0.00_)"),
        (-7, "integer", "(7)", "#,##0_);(#,##0)"),
        (-0.125, "percent", "(12.5%)", "#,##0.0%_);(#,##0.0%)"),
        (-5, "currency", "(€5.00)", '"€"#,##0.00_);("€"#,##0.00)'),
        ("x", "decimal", "x", "#,##0.00_);(#,##0.00)"),
    ],
)
def test_what_is_below_zero_stands_in_brackets(value: object, kind: str, text: str, excel: str) -> None:
    format_ = ValueFormat(kind=kind, currency="EUR" if kind == "currency" else "", negative="brackets")
    formats = Formats("en")
    assert (formats.text(value, format_), number_format(formats, format_, kind, value)) == (text, excel)


@pytest.mark.parametrize(
    ("value", "text", "excel"),
    [(0.335, "0.3", "#,##0.0"), (5, "5", "#,##0"), (335.46, "335.5", "#,##0.0"), (0.04, "0", "#,##0"),
     (12_340, "12.3K", '0.0,"K"'), (999_999, "1M", '0,,"M"'),
     (-1_250_000, "-1.3M", '0.0,,"M"'), (-0.35, "-0.4", "#,##0.0"), (-0.04, "0", "#,##0;#,##0")],
)  # fmt: skip
def test_short_numbers_have_as_many_decimals_in_excel(value: float, text: str, excel: str) -> None:
    formats, short = Formats("en"), ValueFormat(kind="compact")
    assert (formats.text(value, short), number_format(formats, short, "compact", value)) == (text, excel)


@pytest.mark.parametrize(
    ("value", "language", "more", "text", "excel"),
    [
        (12_345, "zh-CN", {}, "1.2万", '0"."0,"万"'),  # by thousands: 12.345, of which 12 are shown with a point
        (123_456_789, "zh-CN", {}, "1.2亿", '0"."00,,"亿"'),
        (1_234_567, "de", {"decimals": 2}, "1,23\xa0Mio.", '0.00,,"\xa0Mio."'),
        (-1_234_567, "en", {"negative": "brackets"}, "(1.2M)", '0.0,,"M"_);(0.0,,"M")'),
    ],
)
def test_short_numbers_are_short_in_excel_as_well(
    value: int, language: str, more: dict[str, Any], text: str, excel: str
) -> None:
    formats, short = Formats(language), ValueFormat(kind="compact", **more)
    assert (formats.text(value, short), number_format(formats, short, "compact", value)) == (text, excel)


@pytest.mark.parametrize(
    ("values", "language", "few", "excel"),
    [
        ([8_400_659, 335_460, 12], "en", False, '[>=999950]0.0,,"M";[>=1000]0.0,"K";#,##0'),
        ([8_400_659, 335_460], "en", True, '[>=999500]0,,"M";[>=1000]0,"K";#,##0'),
        ([12_000, -31_000], "en", False, '0.0,"K";-0.0,"K";0'),
        ([1_200, None], "en", True, '[>=1000]0.0,"K";#,##0'),
        ([84_000, 1], "zh-CN", False, '[>=10000]0"."0,"万";#,##0'),
        ([999, -5], "en", False, ""),
    ],
)
def test_units_of_numbers_are_written_by_excel_as_well(values: list[Any], language: str, few: bool, excel: str) -> None:
    assert short_number_format(Formats(language), values, ValueFormat(kind="compact"), few=few) == excel
