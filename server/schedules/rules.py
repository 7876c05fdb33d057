"""Whether what a query gave breaks a rule, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from server.datasets.work import QueryResult
from server.errors import InvalidInput
from server.schedules.plans import LimitIs, QueryRule
from server.texts import Phrase, phrase

_MOST_TEXT = 120  # characters of a value that are told

_SIDES: dict[LimitIs, tuple[Phrase, Phrase]] = {
    LimitIs.ABOVE: (phrase("above"), phrase("not above")),
    LimitIs.BELOW: (phrase("below"), phrase("not below")),
    LimitIs.EQUAL: (phrase("equal to"), phrase("not equal to")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFinding:
    """`value` is what was compared, as it may be shown; None where rows are counted, or there is none. `breaking`:
    places of the rows that break the rule, where others do not; None where that is asked of no row by itself."""

    is_broken: bool
    sentence: Phrase
    value: str | None = None
    breaking: Sequence[int] | None = None


def finding_of(rule: QueryRule, result: QueryResult) -> RuleFinding:
    """Raises `InvalidInput` for what cannot be told from this result: a missing column, a text that is no number."""
    if rule.when in (LimitIs.ROWS, LimitIs.NO_ROWS):
        return _of_rows(rule, result)
    place = _column_place(rule, result)
    if not result.rows:
        return RuleFinding(is_broken=False, sentence=phrase("There are no rows, so nothing to compare."))
    if rule.of == "first":
        return _of_value(rule, result.rows[0][place])
    return _of_any(rule, result, [row[place] for row in result.rows])


def _column_place(rule: QueryRule, result: QueryResult) -> int:
    """Names are those that the answer shows, whatever their case."""
    names = [name.casefold() for name in result.names]
    if rule.column.casefold() not in names:
        raise InvalidInput(
            "The query gives no column “{column}”; it gives: {columns}.",
            code="rule_column",
            column=rule.column,
            columns=", ".join(result.names[:20]),
        )
    return names.index(rule.column.casefold())


def text_of(value: Any) -> str:
    """A value on one line, cut where it is long."""
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"


def _of_rows(rule: QueryRule, result: QueryResult) -> RuleFinding:
    count = len(result.rows)
    if not count:
        sentence = phrase("The query gives no rows.")
    elif result.truncated:
        sentence = phrase("The query gives more than {count} rows.", count=count)
    else:
        sentence = phrase("The query gives {count} rows." if count != 1 else "The query gives one row.", count=count)
    return RuleFinding(is_broken=bool(count) == (rule.when is LimitIs.ROWS), sentence=sentence)


def _of_value(rule: QueryRule, value: Any) -> RuleFinding:
    if value is None:
        sentence = phrase("“{column}” is empty, so nothing to compare.", column=rule.column)
        return RuleFinding(is_broken=False, sentence=sentence)
    is_broken = _breaks(rule, value)
    sentence = phrase(
        "“{column}” is {value}: {side} {limit}.",
        column=rule.column,
        value=text_of(value),
        side=_SIDES[rule.when][not is_broken],
        limit=text_of(rule.limit),
    )
    return RuleFinding(is_broken=is_broken, sentence=sentence, value=text_of(value))


def _of_any(rule: QueryRule, result: QueryResult, values: Sequence[Any]) -> RuleFinding:
    broken = [place for place, value in enumerate(values) if value is not None and _breaks(rule, value)]
    told = {"column": rule.column, "side": _SIDES[rule.when][0], "limit": text_of(rule.limit)}
    if broken:
        first = text_of(values[broken[0]])
        sentence = phrase(
            "Rows in which “{column}” is {side} {limit}: {count}. The first has {value}.",
            count=len(broken),
            value=first,
            **told,
        )
        return RuleFinding(is_broken=True, sentence=sentence, value=first, breaking=broken)
    if result.truncated:
        raise InvalidInput(
            "The first {count} rows keep to the rule, and there are more than can be looked at. Put the condition into "
            "the query, and let the rule be that it has rows.",
            code="rule_rows",
            count=len(values),
        )
    return RuleFinding(is_broken=False, sentence=phrase("In no row “{column}” is {side} {limit}.", **told))


def _breaks(rule: QueryRule, value: Any) -> bool:
    limit, known = _comparable(rule, value)
    if rule.when is LimitIs.EQUAL:
        return bool(known == limit)
    return bool(known > limit if rule.when is LimitIs.ABOVE else known < limit)


def _comparable(rule: QueryRule, value: Any) -> tuple[Any, Any]:
    """Limit and value, as numbers, as days, or as the texts they are."""
    if isinstance(rule.limit, int | float):
        return _number(rule.limit), _number(value)
    limit = rule.limit or ""
    if isinstance(value, date):  # moments, too
        return _moment(limit), _moment(value.isoformat())
    if rule.when is not LimitIs.EQUAL:
        raise InvalidInput(
            "“{column}” holds “{value}”, which cannot be above or below “{limit}”: numbers and days can.",
            code="rule_value",
            column=rule.column,
            value=text_of(value),
            limit=limit,
        )
    return limit, str(value)


def _number(value: Any) -> Decimal:
    """Exactly as it is written: 0.1 is a tenth."""
    try:
        number = Decimal(int(value)) if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_nan():
        message = "“{value}” is no number, and the rule compares with one."
        raise InvalidInput(message, code="rule_value", value=text_of(value))
    return number


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = "“{value}” is no day, and the rule compares with one: write 2026-12-31."
        raise InvalidInput(message, code="rule_value", value=text_of(text)) from None
    return moment.replace(tzinfo=None) if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
