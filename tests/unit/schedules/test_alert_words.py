"""What an alert says lies below what it says it of."""

from __future__ import annotations

from typing import Any

from server.datasets.work import QueryResult
from server.delivery.wishes import DeliveryVia, DeliveryWish
from server.languages import Languages
from server.places import LOCALES
from server.schedules.alert_words import AlertWords
from server.schedules.plans import LimitIs, QueryRule
from server.schedules.rules import finding_of

LANGUAGES = Languages.load(LOCALES)


def words(rule: QueryRule, rows: list[list[Any]]) -> AlertWords:
    result = QueryResult(columns=[("id", "BIGINT"), ("v", "BIGINT")], rows=rows)
    return AlertWords(
        name="Heat",
        finding=finding_of(rule, result),
        result=result,
        wish=DeliveryWish(via=DeliveryVia.MAIL),
        url="",
        language="en",
        languages=LANGUAGES,
    )


def test_the_rows_that_break_the_rule_are_shown_and_no_others() -> None:
    any_row = QueryRule(when=LimitIs.ABOVE, column="v", limit=35, of="any")
    rows: list[list[Any]] = [*([number, 1] for number in range(30)), [30, 99], [31, 1], [32, 77]]
    told = words(any_row, rows)
    assert "id | v\n30 | 99\n32 | 77\n" in told.mail("a@example.com", unsubscribe="").text
    assert (told.message().facts, "32 | 77" in told.message().text) == ((("id", "30"), ("v", "99")), True)
    assert "more rows" not in told.message().text
    many = words(any_row, [[number, 40] for number in range(12)])
    assert "There are more rows than these 10." in many.message().text
    kept = words(any_row, [[1, 1], [2, 2]])  # the first rows, of which none breaks it
    assert "1 | 1\n2 | 2" in kept.mail("a@example.com", unsubscribe="").text
