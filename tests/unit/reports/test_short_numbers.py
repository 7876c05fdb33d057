"""Large numbers in few letters."""

from __future__ import annotations

from decimal import Decimal

import pytest

from server.languages import babel_locale
from server.reports.short_numbers import compact, mark


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
    found = mark(Decimal(value), Decimal(step), is_asian=False)
    assert found is not None
    assert (found.number, found.unit) == (Decimal(number), unit)


def test_nothing_is_said_of_what_has_too_many_digits_in_any_unit() -> None:
    assert mark(Decimal("1e300"), Decimal("1e299"), is_asian=True) is None
