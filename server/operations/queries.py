"""Read-only SQL over the datasets somebody may read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import msgspec

from server.auth.permissions import Principal
from server.datasets.answers import Answer
from server.datasets.work import QueryAnswerRequest, QueryRequest, QueryResult, run_query, write_query
from server.operations.data_reading import DataReading
from server.operations.made_files import MadeFile

_ALL_ROWS = 2**62  # as many as fit into the answer's bytes
_MEDIA_TYPES = {"json": "application/json", "csv": "text/csv"}


class QueryOperations:
    """Each query runs in a shared worker, which dies with a query that does not end."""

    def __init__(self, reading: DataReading) -> None:
        self._reading = reading

    async def run(self, principal: Principal, sql: str, parameters: dict[str, Any], *, limit: int) -> QueryResult:
        """The first rows as a page shows them. Raises `InvalidInput` with what is wrong in the SQL."""
        async with self._request(principal, sql, parameters, limit) as request:
            result: QueryResult = await self._reading.in_worker(principal, run_query, request)
        return result

    async def answer(
        self,
        principal: Principal,
        sql: str,
        parameters: dict[str, Any],
        *,
        limit: int = 0,
        file_format: Literal["json", "csv"] = "json",
        name: str = "query",
    ) -> MadeFile:
        """All rows up to the limits, every value whole. Raises `InvalidInput` also when the answer is too large.

        A CSV file cannot say that rows are missing: it has all of them whatever `limit`, or there is none.
        """
        shown = None if file_format == "csv" else limit
        async with (
            self._request(principal, sql, parameters, shown) as query,
            self._reading.place(f".{file_format}") as place,
        ):
            request = QueryAnswerRequest(query=query, place=place, format=file_format)
            answer: Answer = await self._reading.in_worker(principal, write_query, request)
        return MadeFile.of(answer, name=f"{name}.{file_format}", media_type=_MEDIA_TYPES[file_format])

    @asynccontextmanager
    async def _request(
        self, principal: Principal, sql: str, parameters: dict[str, Any], limit: int | None
    ) -> AsyncIterator[QueryRequest]:
        principal.require_read()
        catalog, limits = self._reading.catalog, self._reading.limits
        known = await catalog.names_of(principal.user_id)
        read = await catalog.mentioned(principal.user_id, known, [sql])
        rows = _ALL_ROWS if limit is None else min(limit, limits.rows)
        async with AsyncExitStack() as fetched:
            yield QueryRequest(
                datasets={
                    name: await fetched.enter_async_context(catalog.fetched(version.files))
                    for name, version in read.items()
                },
                known=tuple(known),
                sql=sql,
                parameters=parameters,
                limits=msgspec.structs.replace(limits, rows=rows),
            )
