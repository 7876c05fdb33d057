"""How the columns of a dataset are called and written in a report, and what is shown of a group of its rows."""

from __future__ import annotations

import msgspec

from server.reports.starting.columns import KnownColumn
from server.reports.starting.words import NameInText, StartingWords
from server.reports.starting.writing import one_line, pretty, sql_name, within_text

_ROUND_FROM = 100_000  # what is more is told without decimals


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is its column in queries. `adds_up`: its values have a total. `within` is its label within a sentence."""

    name: str
    sql: str
    label: str
    format: str
    adds_up: bool = True
    is_better_higher: bool = True
    within: str = ""

    @property
    def named(self) -> NameInText:
        """One of our own words begins small within a sentence."""
        return NameInText(self.label, self.within or self.label[:1].lower() + self.label[1:])


def sum_of(column: KnownColumn, name: str) -> Measure:
    total = abs(column.mean or 0) * column.count
    if total >= _ROUND_FROM and column.type != "integer" and not column.has_fixed_decimals:
        column = msgspec.structs.replace(column, decimals=0)
    return Measure(
        name=name,
        sql=f"sum({sql_name(column.name)})",
        label=label_of(column),
        format=format_of(column),
        is_better_higher=not column.is_cost,
        within=name_of(column).within,
    )


def average_of(column: KnownColumn, name: str, words: StartingWords) -> Measure:
    return Measure(
        name=name,
        sql=f"avg({sql_name(column.name)})",
        label=words.filled(words.average, column=name_of(column)),
        format=format_of(column).replace("format: integer", "format: decimal"),
        adds_up=False,
        is_better_higher=False,  # a price, a discount, a temperature: who knows
    )


def label_of(column: KnownColumn) -> str:
    """With its unit, unless that is a currency: amounts have that beside them."""
    return name_of(column).alone


def name_of(column: KnownColumn) -> NameInText:
    """A name that somebody has written so (`Straße`) stays so, also within a sentence."""
    alone, within, unit = one_line(pretty(column.name)), one_line(within_text(column.name)), one_line(column.unit)
    is_told = bool(column.currency) or not unit or unit in alone
    return NameInText(alone, within) if is_told else NameInText(f"{alone} ({unit})", f"{within} ({unit})")


def format_of(column: KnownColumn) -> str:
    if column.is_share:
        return "format: percent"
    decimals = "" if column.decimals is None else f", decimals: {column.decimals}"
    if column.currency:
        return f"format: currency, currency: {column.currency}{decimals}"
    if column.type == "integer" and not decimals:
        return "format: integer"
    return f"format: decimal{decimals}"
