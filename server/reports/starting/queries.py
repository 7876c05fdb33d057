"""The SQL of a started template, as somebody would write it: short lines, names quoted only where they must be."""

from __future__ import annotations

from collections.abc import Sequence

from server.datasets.sql_text import literal
from server.reports.starting.columns import KnownColumn, is_monthly
from server.reports.starting.measures import Measure
from server.reports.starting.words import StartingWords
from server.reports.starting.writing import sql_name

TOP = 10
_LINE = 100


def select(table: str, parts: Sequence[str], *more: str) -> str:
    """`select … from …`, and what comes after, a line each."""
    return "\n".join([f"select {_wrapped(parts)}", f"from {table}", *filter(None, more)])


def rows_of(table: str, column: KnownColumn, parameter: str) -> str:
    """In place of a table: its rows with the value of a parameter."""
    return "(" + " ".join(["select * from", table, "where", f"{sql_name(column.name)} = ${parameter}"]) + ")"


def shown(measures: Sequence[Measure]) -> list[str]:
    return [f"{one.sql} as {one.name}" for one in measures]


def of_month(table: str, date: KnownColumn, parts: Sequence[str], *, back: int) -> str:
    """Of the newest month that is over, or of one `back` from it. A month that has but one date is over with it."""
    name = sql_name(date.name)
    if is_monthly(date):
        first = f"date_trunc('month', max({name})) - interval {back} month"
    else:
        first = f"date_trunc('month', max({name}) + interval 2 day) - interval {back + 1} month"
    newest = " ".join(["select", first, "from", table])
    return select(table, parts, f"where date_trunc('month', {name}) = (", f"  {newest})")


def grouped(table: str, column: KnownColumn, measures: Sequence[Measure], words: StartingWords) -> str:
    """The first of the measures orders the rows."""
    value, name = _value_of(column, words), sql_name(column.name)
    first = name if value == name else f"{value} as {name}"
    return select(table, [first, *shown(measures)], "group by 1 order by 2 desc nulls last, 1")


def largest(table: str, column: KnownColumn, main: Measure, words: StartingWords) -> str:
    """Ten values, and the others together."""
    ranked = "ranked" if table != "ranked" else "ranked_rows"
    value = _value_of(column, words)
    place = f"row_number() over (order by {main.sql} desc nulls last, {value}) as place"
    inner = select(table, [f"{value} as name", f"{main.sql} as value", place], f"group by {value})")
    name = f"case when place <= {TOP} then name else {literal(words.other)} end as {sql_name(column.name)}"
    order = f"least(place, {TOP + 1})"
    lines = inner.replace("\n", "\n  ")
    outer = select(ranked, [name, f"sum(value) as {main.name}"], f"group by 1, {order} order by {order}")
    return f"with {ranked} as (\n  {lines}\n{outer}"


def empty_shares(table: str, columns: Sequence[KnownColumn]) -> str:
    """A row for each column: its name, and which part of its cells is empty."""
    names = ", ".join(literal(column.name) for column in columns)
    shares = [f"1 - count({sql_name(column.name)}) / nullif(count(*), 0)" for column in columns]
    return f"select unnest([{names}]) as name,\n       unnest([{_wrapped(shares, indent=15)}]) as share\nfrom {table}"


def _value_of(column: KnownColumn, words: StartingWords) -> str:
    name = sql_name(column.name)
    if column.type == "boolean":
        yes, no, empty = literal(words.yes), literal(words.no), literal(words.empty)
        return f"case when {name} then {yes} when not {name} then {no} else {empty} end"
    value = name if column.type == "text" else f"{name}::varchar"
    return f"coalesce({value}, {literal(words.empty)})" if column.nulls else value


def _wrapped(parts: Sequence[str], *, indent: int = 7) -> str:
    """As many on a line as are read well; 7 is behind `select`."""
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) > _LINE:
            lines.append("")
        lines[-1] += f"{part}, "
    return ("\n" + " " * indent).join(line.rstrip() for line in lines)[:-1]
