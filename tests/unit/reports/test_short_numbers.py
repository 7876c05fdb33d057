"""Large numbers in few letters."""

from __future__ import annotations

from decimal import Decimal

import pytest

from server.languages import babel_locale
from server.reports.excel_formats import short_number_format
from server.reports.formats import Formats, ValueFormat
from server.reports.short_numbers import compact, mark, units


@pytest.mark.parametrize(
    ("value", "language", "text"),
    [
        (999_949, "en", "999.9K"),
        (999_950, "en", "1M"),  # not "1000K"
        (999.96, "en", "1K"),
        (Decimal("-999999.99"), "en", "-1M"),
        (1_234_567, "de", "1,2\xa0Mio."),
        (123_456.7, "de", "123.456,7"),  # German shortens no thousands, and nobody reads "123456,7" at a glance
        (9_999, "zh", "9,999"),
        (99_999_999, "zh", "1亿"),
        (99_999, "en-IN", "1L"),
    ],
)
def test_what_is_rounded_up_is_written_in_the_next_unit(value: float | Decimal, language: str, text: str) -> None:
    assert compact(value, babel_locale(language), places=1) == text


@pytest.mark.parametrize(
    ("value", "step", "number", "unit"),
    [
        ("999999.9", "0", "1", "M"),
        ("999900", "0", "999.9", "K"),
        ("999900", "100", "999.9", "K"),
        ("999999", "1", "999.999", "K"),
        ("-999999", "0", "-1", "M"),
        ("12", "0", "12", ""),
    ],
)
def test_marks_of_axes_as_well_but_never_those_that_would_be_alike(
    value: str, step: str, number: str, unit: str
) -> None:
    found = mark(Decimal(value), Decimal(step), babel_locale("en"))
    assert found is not None
    assert (found.number, found.unit) == (Decimal(number), unit)


def test_nothing_is_said_of_what_has_too_many_digits_in_any_unit() -> None:
    assert mark(Decimal("1e300"), Decimal("1e299"), babel_locale("zh")) is None


@pytest.mark.parametrize(
    ("language", "marks"),
    [
        ("en", ["0", "500K", "1M", "1.5M"]),
        ("de", ["0", "500.000", "1\xa0Mio.", "1,5\xa0Mio."]),
        ("fr", ["0", "500\xa0k", "1\xa0M", "1,5\xa0M"]),
        ("zh", ["0", "50万", "100万", "150万"]),
        ("ja", ["0", "50万", "100万", "150万"]),
        ("ko", ["0", "50만", "100만", "150만"]),
    ],
)
def test_axes_are_in_the_short_words_of_the_language(language: str, marks: list[str]) -> None:
    formats = Formats(language)
    values = (0, 500_000, 1_000_000, 1_500_000)
    assert [formats.on_axis(value, ValueFormat(), step=500_000) for value in values] == marks
    assert formats.on_axis(-1_500_000, ValueFormat(), step=500_000) == "-" + marks[-1]


@pytest.mark.parametrize(
    ("language", "value"),
    [("zh", 12_000_000), ("ja", 12_000_000), ("ko", 12_000_000), ("en", 2_500_000_000_000_000), ("zh", 8_000)],
)
def test_axes_and_cells_of_heat_maps_are_written_as_labels_are(language: str, value: int) -> None:
    formats = Formats(language)
    assert formats.on_axis(value, ValueFormat()) == formats.text(value, ValueFormat(kind="compact"))


def test_a_sign_stays_before_its_number_where_the_unit_is_written_from_right_to_left() -> None:
    assert Formats("ar").on_axis(-500_000, ValueFormat(), step=500_000) == "\u200e-500\xa0ألف"


def test_japanese_has_its_own_characters() -> None:
    assert units(babel_locale("ja"))[:3] == ((10**4, "万"), (10**8, "億"), (10**12, "兆"))
    assert units(babel_locale("es"))[:2] == ((10**3, "\xa0mil"), (10**6, "\xa0M"))


@pytest.mark.parametrize(
    ("language", "largest", "number"),
    [
        ("en", 1.5e6, '[>=999950]0.0,,"M";[>=1000]0.0,"K";#,##0'),
        ("en", 9e6, '[>=999500]0,,"M";[>=1000]0,"K";#,##0'),
        ("de", 1.5e6, '[>=1000000]0.0,,"\xa0Mio.";#,##0'),
        ("zh", 1.5e6, '[>=10000]0"."0,"万";#,##0'),
        ("zh", 1.5e8, '[>=99999500]0"."00,,"亿";[>=10000]0"."0,"万";#,##0'),
    ],
)
def test_excel_has_the_same_units(language: str, largest: float, number: str) -> None:
    assert short_number_format(Formats(language), [0, largest], ValueFormat(), few=True) == number
