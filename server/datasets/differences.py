"""What differs between two versions of a dataset, row by row: matched by key, compared cell by cell. Runs in workers.

Pairs of row numbers are made first, from keys and one hash a row: they are narrow, whatever the rows hold. Only the
rows of one page are read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from server.datasets.answers import Answer, AnswerWriter, encoded, page_rows, plain, shown
from server.datasets.query_session import QuerySession
from server.datasets.sql_text import quoted
from server.datasets.work import (
    Change,
    DifferencesAnswerRequest,
    DifferencesPage,
    DifferencesRequest,
    RowDifference,
    differences_cursor,
)
from server.errors import InvalidInput
from server.jobs.worker_process import OnReport

_CHANGES = {"changed": "b is not null and a is not null", "added": "b is null", "removed": "a is null"}
_PLACE = "\x1fplace"  # no column is called so
_AT_ONCE = 100  # rows of an answer that are Python objects


def read_differences(request: DifferencesRequest, report: OnReport) -> DifferencesPage:
    """One page of them, cells as a page shows them, and the counts of all."""
    with _Comparison(request) as comparison:
        counted = comparison.counted()
        rows = [_shown(row) for row in comparison.rows(request.offset, page_rows(request.limit, 2 * comparison.width))]
    return counted.with_rows(rows)


def write_differences(request: DifferencesAnswerRequest, report: OnReport) -> Answer:
    """The same for programs, with every value whole."""
    wanted = request.differences
    with _Comparison(wanted) as comparison, AnswerWriter(request.place) as writer:
        counted = comparison.counted()
        writer.write(encoded(request.head | counted.facts())[:-1] + b',"items":')
        separator, after = b"[", wanted.offset
        while after < wanted.offset + wanted.limit:
            rows = list(comparison.rows(after, min(_AT_ONCE, wanted.offset + wanted.limit - after)))
            for row in rows:
                writer.write(separator + encoded(_as_object(row, comparison.names, comparison.key)))
                separator = b","
            after += len(rows)
            if not rows:
                break
        writer.write(b"]" if separator == b"," else b"[]")
        next_cursor = differences_cursor(request.head["from"], request.head["to"], after)
        tail = {"total": counted.total, "next_cursor": next_cursor if after < counted.total else None}
        writer.write(b"," + encoded(tail)[1:])
        return writer.answer()


class _Comparison:
    """Both versions as views, and the pairs of rows that differ as a table: `b` and `a` are places before and after."""

    def __init__(self, request: DifferencesRequest) -> None:
        self._request = request
        after = [column.name for column in request.after.columns]
        before = [column.name for column in request.before.columns]
        self._shared = [name for name in after if name in set(before)]
        self.key = list(request.key)
        self.names = [*self.key, *(name for name in after if name not in self.key)]
        self.names += [name for name in before if name not in after]
        self.width = len(self.names)
        self._has = {"before": set(before), "after": set(after)}
        self._session = QuerySession({"before": request.before.paths, "after": request.after.paths}, request.limits)

    def __enter__(self) -> _Comparison:
        try:
            self._alike = self._kinds_alike()
            self._retyped = [name for name, kind in self._alike.items() if kind]
            self._repeated = [self._repeated_keys(side) for side in ("before", "after")] if self.key else [0, 0]
            self._make_pairs()
        except BaseException:
            self._session.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def counted(self) -> DifferencesPage:
        counts = ", ".join(f"count(*) filter (where {is_so})" for is_so in _CHANGES.values())
        changed, added, removed = self._run(f"select {counts} from pairs")[0]  # noqa: S608 – of ours
        request = self._request
        total = {"": changed + added + removed, "changed": changed, "added": added, "removed": removed}
        return DifferencesPage(
            names=self.names,
            changed=changed,
            added=added,
            removed=removed,
            same=request.after.row_count - changed - added,
            cells=self._cells(changed),
            repeated_before=self._repeated[0],
            repeated_after=self._repeated[1],
            total=total[request.change],
        )

    def rows(self, offset: int, limit: int) -> Iterator[RowDifference]:
        """In the order of the later version; a row that is gone stands where it was."""
        wanted = _CHANGES.get(self._request.change, "true")
        page = f"select b, a from pairs where {wanted} order by coalesce(a, b), a is not null limit {limit:d} offset {offset:d}"  # noqa: S608, E501
        pairs = self._run(page)
        before = self._whole_rows("before", [b for b, _ in pairs if b is not None])
        after = self._whole_rows("after", [a for _, a in pairs if a is not None])
        places = {name: place for place, name in enumerate(self.names)}
        compared = [(places[name], places[name]) for name in self._shared if not self._alike[name]]
        compared += [(places[name], self.width + extra) for extra, name in enumerate(self._retyped)]
        for b, a in pairs:
            old, new = before.get(b), after.get(a)
            if old is None or new is None:
                change: Change = "removed" if new is None else "added"
                cells = []
            else:
                change = "changed"
                cells = sorted(place for place, at in compared if _differ(old[at], new[at]))
            yield RowDifference(change=change, before=self._row(old), after=self._row(new), cells=cells)

    def _row(self, found: list[Any] | None) -> list[Any] | None:
        return None if found is None else found[: self.width]

    def _whole_rows(self, side: str, numbers: Sequence[int]) -> dict[int, list[Any]]:
        """By place, a value for each of `names`; after them those of `_retyped` as they are compared."""
        if not numbers:
            return {}
        names = [quoted(name) if name in self._has[side] else "null" for name in self.names]
        selected = ", ".join([*names, *self._values(self._retyped)])
        found = self._session.execute(
            f"select {quoted(_PLACE)}, {selected} from "  # noqa: S608 – quoted
            f"(select row_number() over () as {quoted(_PLACE)}, * from {side}) "
            f"where {quoted(_PLACE)} in ({', '.join(map(str, numbers))})"
        )
        return {row[0]: list(row[1:]) for row in found.rows}

    def _cells(self, changed: int) -> dict[str, int]:
        """By column in how many rows it changed, most first."""
        others = [name for name in self._shared if name not in self.key]
        if not changed or not others:
            return {}
        counts = ", ".join(
            f"count(*) filter (where x.{_column(n)} is distinct from y.{_column(n)})" for n in range(len(others))
        )
        x, y = (
            f"(select row_number() over () as place, {', '.join(self._named(others))} from {side})"  # noqa: S608
            for side in ("before", "after")
        )
        row = self._run(
            f"select {counts} from pairs join {x} x on x.place = b join {y} y on y.place = a"  # noqa: S608 – quoted
        )[0]
        cells = {name: count for name, count in zip(others, row, strict=True) if count}
        return dict(sorted(cells.items(), key=lambda item: -item[1]))

    def _make_pairs(self) -> None:
        """Rows of one key that comes several times are paired in their order."""
        key = [_column(number) for number in range(len(self.key))] or ["h"]
        numbered = not self.key or any(self._repeated)
        sides = []
        for side in ("before", "after"):
            keys = [f"{value} as {name}" for value, name in zip(self._values(self.key), key, strict=False)]
            row = ", ".join(self._values(self._shared))
            parts = ", ".join(["row_number() over () as place", *keys, f"hash({row}) as h"])
            source = f"select {parts} from {side}"  # noqa: S608 – quoted
            if numbered:
                source = (
                    f"select *, row_number() over (partition by {', '.join(key)} order by place) as n from ({source})"  # noqa: S608
                )
            sides.append(source)
        same = " and ".join(f"x.{name} is not distinct from y.{name}" for name in [*key, *(["n"] if numbered else [])])
        self._run(
            "create temporary table pairs as select x.place as b, y.place as a "  # noqa: S608 – quoted
            f"from ({sides[0]}) x full join ({sides[1]}) y on {same} "
            "where x.place is null or y.place is null or x.h <> y.h"
        )

    def _repeated_keys(self, side: str) -> int:
        """How many rows have a key that another row before them has."""
        key = ", ".join(self._values(self.key))
        counted = self._run(f"select sum(c - 1)::bigint from (select count(*) as c from {side} group by {key})")  # noqa: S608
        return counted[0][0] or 0

    def _values(self, names: Sequence[str]) -> list[str]:
        """Values of both versions as of one type."""
        return [f"{quoted(name)}::{self._alike[name]}" if self._alike[name] else quoted(name) for name in names]

    def _named(self, names: Sequence[str]) -> list[str]:
        return [f"{value} as {_column(number)}" for number, value in enumerate(self._values(names))]

    def _kinds_alike(self) -> dict[str, str]:
        """The type in which both versions of each column can be compared; empty where they have the same."""
        kinds = [
            dict(self._run(f"select column_name, column_type from (describe {side})"))  # noqa: S608 – of ours
            for side in self._has
        ]
        return {name: self._kind_alike(name, *(kind[name] for kind in kinds)) for name in self._shared}

    def _kind_alike(self, name: str, before: str, after: str) -> str:
        if before == after:
            return ""
        both = f"select {quoted(name)} from before union all select {quoted(name)} from after"  # noqa: S608
        try:
            kind = self._run(f"select column_type from (describe {both})")[0][0]  # noqa: S608 – quoted
            self._run(f"select count({quoted(name)}) from ({both})")  # noqa: S608 – that every value can be so
        except InvalidInput:
            return "varchar"
        return str(kind)

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        return self._session.run_own(sql)


def _column(number: int) -> str:
    return f"c{number}"


def _differ(old: Any, new: Any) -> bool:
    """As DuckDB tells it: what is no number is the same as another such."""
    return bool(old != new and not (old != old and new != new))


def _shown(row: RowDifference) -> RowDifference:
    return RowDifference(
        change=row.change,
        before=None if row.before is None else [shown(value) for value in row.before],
        after=None if row.after is None else [shown(value) for value in row.after],
        cells=row.cells,
    )


def _as_object(row: RowDifference, names: Sequence[str], key: Sequence[str]) -> dict[str, Any]:
    sides = {
        side: None if values is None else dict(zip(names, map(plain, values), strict=True))
        for side, values in (("before", row.before), ("after", row.after))
    }
    told = sides["after"] or sides["before"] or {}
    return {
        "change": row.change,
        "key": {name: told[name] for name in key},
        "cells": [names[place] for place in row.cells],
        **sides,
    }
