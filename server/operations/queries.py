"""Read-only SQL over the datasets somebody may read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.auth.permissions import Principal
from server.datasets.catalog import Catalog
from server.datasets.query import QueryLimits, QueryRequest, QueryResult, run_query
from server.datasets.rows import plain
from server.jobs.workers import WorkerPool

_GRACE_SECONDS = 5.0  # a query ends itself at its limit; this is for one that cannot be interrupted


class QueryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Rows as lists, in column order. `truncated`: there were more than the limit."""

    columns: list[tuple[str, str]]
    rows: list[list[Any]]
    truncated: bool


class QueryOperations:
    """One query at a time on the interactive worker, which dies with a query that does not end."""

    def __init__(self, *, catalog: Catalog, interactive: WorkerPool, limits: QueryLimits) -> None:
        self._catalog = catalog
        self._interactive = interactive
        self._limits = limits

    async def run(
        self, principal: Principal, sql: str, parameters: dict[str, Any], *, limit: int = 1000
    ) -> QueryAnswer:
        """Raises `InvalidInput` with what is wrong in the SQL."""
        principal.require_read()
        files = await self._catalog.files_of(principal.user_id)
        request = QueryRequest(
            datasets={name: part.paths for name, part in files.items()},
            sql=sql,
            parameters=parameters,
            limits=msgspec.structs.replace(self._limits, rows=min(limit, self._limits.rows)),
        )
        result: QueryResult = await self._interactive.run(
            run_query, request, timeout_seconds=self._limits.seconds + _GRACE_SECONDS
        )
        return QueryAnswer(
            columns=_unique(result.columns),
            rows=[[plain(value) for value in row] for row in result.rows],
            truncated=result.truncated,
        )


def _unique(columns: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """`select a, a` gives `a` and `a_2`: rows go out as objects, which have each name once."""
    taken: set[str] = set()
    unique: list[tuple[str, str]] = []
    for name, kind in columns:
        free, copy = name, 2
        while free in taken:
            free, copy = f"{name}_{copy}", copy + 1
        taken.add(free)
        unique.append((free, kind))
    return unique
