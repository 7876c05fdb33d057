"""How the columns of a dataset are called and written in a report, and what is shown of a group of its rows."""

from __future__ import annotations

import msgspec

from server.reports.starting.columns import KnownColumn
from server.reports.starting.words import StartingWords
from server.reports.starting.writing import one_line, pretty, sql_name

_ROUND_FROM = 100_000  # amounts of money are told without cents


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is its column in queries. `adds_up`: its values have a total."""

    name: str
    sql: str
    label: str
    format: str
    adds_up: bool = True
    is_better_higher: bool = True


def sum_of(column: KnownColumn, name: str) -> Measure:
    total = abs(column.mean or 0) * column.count
    rounded = bool(column.currency) and column.decimals is None and total >= _ROUND_FROM
    return Measure(
        name=name,
        sql=f"sum({sql_name(column.name)})",
        label=label_of(column),
        format=format_of(column) + (", decimals: 0" if rounded else ""),
        is_better_higher=not column.is_cost,
    )


def average_of(column: KnownColumn, name: str, words: StartingWords) -> Measure:
    return Measure(
        name=name,
        sql=f"avg({sql_name(column.name)})",
        label=words.filled(words.average, column=label_of(column)),
        format=format_of(column).replace("format: integer", "format: decimal"),
        adds_up=False,
        is_better_higher=False,  # a price, a discount, a temperature: who knows
    )


def label_of(column: KnownColumn) -> str:
    """With its unit, unless that is a currency: amounts have that beside them."""
    label, unit = one_line(pretty(column.name)), one_line(column.unit)
    is_told = bool(column.currency) or not unit or unit in label
    return label if is_told else f"{label} ({unit})"


def format_of(column: KnownColumn) -> str:
    if column.is_share:
        return "format: percent"
    decimals = "" if column.decimals is None else f", decimals: {column.decimals}"
    if column.currency:
        return f"format: currency, currency: {column.currency}{decimals}"
    if column.type == "integer" and not decimals:
        return "format: integer"
    return f"format: decimal{decimals}"
