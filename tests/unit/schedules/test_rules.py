"""Whether an answer breaks a rule: exactly, and never silently when it cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from server.datasets.work import QueryResult
from server.errors import InvalidInput
from server.schedules.plans import LimitIs, QueryRule
from server.schedules.rules import finding_of, text_of
from server.texts import told


def given(*values: Any, truncated: bool = False) -> QueryResult:
    return QueryResult(columns=[("Stock", "X")], rows=[[value] for value in values], truncated=truncated)


def said(rule: QueryRule, result: QueryResult) -> tuple[bool, str]:
    finding = finding_of(rule, result)
    parameters: Any = finding.sentence["parameters"]
    return finding.is_broken, told(str(finding.sentence["phrase"]), parameters, str)


@pytest.mark.parametrize(
    ("when", "result", "expected"),
    [
        (LimitIs.ROWS, given(), (False, "The query gives no rows.")),
        (LimitIs.ROWS, given(1), (True, "The query gives one row.")),
        (LimitIs.ROWS, given(1, 2), (True, "The query gives 2 rows.")),
        (LimitIs.ROWS, given(1, 2, truncated=True), (True, "The query gives more than 2 rows.")),
        (LimitIs.NO_ROWS, given(), (True, "The query gives no rows.")),
        (LimitIs.NO_ROWS, given(None), (False, "The query gives one row.")),
    ],
)
def test_rows_are_counted(when: LimitIs, result: QueryResult, expected: tuple[bool, str]) -> None:
    assert said(QueryRule(when=when), result) == expected


@pytest.mark.parametrize(
    ("when", "limit", "values", "is_broken"),
    [
        (LimitIs.ABOVE, 100, (101,), True),
        (LimitIs.ABOVE, 100, (100,), False),
        (LimitIs.ABOVE, 0.1, (Decimal("0.1"),), False),  # a tenth is a tenth
        (LimitIs.ABOVE, 0.1, (Decimal("0.10000000000000000001"),), True),
        (LimitIs.BELOW, 2**63, (str(2**63 - 1),), True),  # huge numbers are told as texts
        (LimitIs.BELOW, 5, (4.9,), True),
        (LimitIs.EQUAL, 5, (Decimal("5.00"),), True),
        (LimitIs.EQUAL, "late", ("late",), True),
        (LimitIs.EQUAL, "late", ("in time",), False),
        (LimitIs.EQUAL, "7", (7,), True),
        (LimitIs.BELOW, "2026-12-31", (date(2026, 12, 30),), True),
        (LimitIs.ABOVE, "2026-12-31", (datetime.fromisoformat("2026-12-31T08:00"),), True),
        (LimitIs.ABOVE, "2026-12-31", (datetime.fromisoformat("2026-12-31T00:00+00:00"),), False),
        (LimitIs.ABOVE, 100, (), False),
        (LimitIs.ABOVE, 100, (None, 200), False),  # the first row
    ],
)
def test_the_first_value_is_compared(when: LimitIs, limit: float | str, values: Sequence[Any], is_broken: bool) -> None:
    assert finding_of(QueryRule(when=when, column="stock", limit=limit), given(*values)).is_broken is is_broken


def test_a_sentence_says_what_was_compared_with_what() -> None:
    below = QueryRule(when=LimitIs.BELOW, column="stock", limit=10)
    assert said(below, given(3)) == (True, "“stock” is 3: below 10.")
    assert said(below, given(30)) == (False, "“stock” is 30: not below 10.")
    assert said(below, given(None)) == (False, "“stock” is empty, so nothing to compare.")
    any_row = QueryRule(when=LimitIs.BELOW, column="stock", limit=10, of="any")
    assert said(any_row, given(None, 30, 4, 5)) == (True, "Rows in which “stock” is below 10: 2. The first has 4.")
    assert said(any_row, given(30, None)) == (False, "In no row “stock” is below 10.")
    assert text_of("x" * 500) == "x" * 119 + "…"


@pytest.mark.parametrize(
    ("rule", "result", "words"),
    [
        ({"column": "price", "limit": 1}, given(1), "no column “price”"),
        ({"limit": 1}, given("many"), "“many” is no number"),
        ({"limit": 1}, given("NaN"), "“NaN” is no number"),
        ({"limit": 1, "of": "any"}, given(0, 0, truncated=True), "more than can be looked at"),
        ({"limit": "2026-12-31"}, given("soon"), "numbers and days"),
        ({"limit": "never"}, given(date(2026, 1, 1)), "no day"),
    ],
)
def test_what_cannot_be_told_is_no_good_news(rule: dict[str, Any], result: QueryResult, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as error:
        finding_of(QueryRule(**{"when": LimitIs.ABOVE, "column": "stock"} | rule), result)
    assert words in error.value.text
