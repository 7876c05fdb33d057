"""Numbers from outside are read as they are written, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.numerals import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("7", 7), ("007", 7), ("0" * 10_000 + "5", 5), (str(2**63 - 1), 2**63 - 1)],
)
def test_ascii_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    "text",
    [None, "", " 1", "1 ", "-1", "+1", "1_0", "1.5", "0x10", "１", "²", "٣", "\x00", "1e3", str(2**63), "9" * 5_000],
)
def test_everything_else_is_none(text: str | None) -> None:
    assert whole_number(text) is None


def test_a_limit_is_the_largest_number_taken() -> None:
    assert whole_number("1000", at_most=1_000) == 1_000
    assert whole_number("1001", at_most=1_000) is None


@given(st.text(), st.integers(0, 2**70))
def test_no_text_raises(text: str, limit: int) -> None:
    number = whole_number(text, at_most=limit)
    assert number is None or 0 <= number <= limit
