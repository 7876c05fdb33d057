"""What SQLite stores and PostgreSQL does not, named with its place before PostgreSQL refuses it in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from server.care.problem import CareRefused

_NUL, _INSTEAD = "\0", "�"
_MOST_OF_INTEGER = 2**31  # SQLite has larger ones in any column


class FitForPostgresql:
    """Called with each row of a table, which it hands on. Raises `CareRefused`."""

    def __init__(self, table: sa.Table, *, replaces_nul: bool) -> None:
        self._table = table
        self._replaces_nul = replaces_nul
        columns = list(enumerate(table.columns))
        self._texts = [(place, each.type.length) for place, each in columns if isinstance(each.type, sa.String)]
        self._integers = [place for place, each in columns if type(each.type) is sa.Integer]
        self._key = [place for place, each in columns if each.primary_key]

    def __call__(self, row: Sequence[Any]) -> Sequence[Any]:
        for place, most in self._texts:
            value = row[place]
            if not isinstance(value, str):
                continue
            if _NUL in value:
                row = self._without_nul(row, place)
            if most is not None and len(value) > most:
                raise self._refused(row, place, f"{len(value)} characters, where {most} may be", "Shorten it.")
        for place in self._integers:
            value = row[place]
            if isinstance(value, int) and not -_MOST_OF_INTEGER <= value < _MOST_OF_INTEGER:
                raise self._refused(row, place, f"the number {value}", "Make it smaller.")
        return row

    def _without_nul(self, row: Sequence[Any], place: int) -> Sequence[Any]:
        if not self._replaces_nul:
            advice = f"Change it, or copy with --replace-nul, which puts a {_INSTEAD} in its place."
            raise self._refused(row, place, "the character NUL", advice)
        return [*row[:place], row[place].replace(_NUL, _INSTEAD), *row[place + 1 :]]

    def _refused(self, row: Sequence[Any], place: int, what: str, advice: str) -> CareRefused:
        where = f"{self._table.name}.{list(self._table.columns)[place].name}"
        key = ", ".join(str(row[each]) for each in self._key)
        return CareRefused(
            "value_refused", f"{where} in the row {key} has {what}: PostgreSQL cannot store that. {advice}"
        )
