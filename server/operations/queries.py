"""Read-only SQL over the datasets somebody may read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from server.auth.permissions import Principal
from server.datasets.answers import Answer, AnswerPlace
from server.datasets.catalog import Catalog, deleted_named
from server.datasets.work import QueryAnswerRequest, QueryLimits, QueryRequest, QueryResult, run_query, write_query
from server.jobs.shared_workers import SharedWorkers
from server.operations.made_files import MadeFile, place_for
from server.storage.blobs import Blobs
from server.storage.room import Room

_GRACE_SECONDS = 5.0  # a query ends itself at its limit; this is for one that cannot be interrupted
_ALL_ROWS = 2**62  # as many as fit into the answer's bytes
_MEDIA_TYPES = {"json": "application/json", "csv": "text/csv"}


class QueryOperations:
    """Each query runs in a shared worker, which dies with a query that does not end."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        workers: SharedWorkers,
        blobs: Blobs,
        limits: QueryLimits,
        answer_bytes: int,
        room: Room,
    ) -> None:
        self._catalog = catalog
        self._workers = workers
        self._blobs = blobs
        self._limits = limits
        self._answer_bytes = answer_bytes
        self._room = room

    async def run(self, principal: Principal, sql: str, parameters: dict[str, Any], *, limit: int) -> QueryResult:
        """The first rows as a page shows them. Raises `InvalidInput` with what is wrong in the SQL."""
        request = await self._request(principal, sql, parameters, limit)
        with deleted_named(_files_of(request)):
            result: QueryResult = await self._workers.run(
                principal.user_id, run_query, request, timeout_seconds=self._worker_seconds
            )
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
        query = await self._request(principal, sql, parameters, None if file_format == "csv" else limit)
        with deleted_named(_files_of(query)):
            async with place_for(self._blobs, f".{file_format}") as path:
                place = AnswerPlace(path=path, max_bytes=self._answer_bytes, min_free_bytes=self._room.min_free_bytes)
                request = QueryAnswerRequest(query=query, place=place, format=file_format)
                answer: Answer = await self._workers.run(
                    principal.user_id, write_query, request, timeout_seconds=self._worker_seconds
                )
        return MadeFile.of(answer, name=f"{name}.{file_format}", media_type=_MEDIA_TYPES[file_format])

    async def _request(
        self, principal: Principal, sql: str, parameters: dict[str, Any], limit: int | None
    ) -> QueryRequest:
        principal.require_read()
        known = await self._catalog.names_of(principal.user_id)
        files = await self._catalog.files_mentioned(principal.user_id, known, [sql])
        return QueryRequest(
            datasets={name: part.paths for name, part in files.items()},
            known=tuple(known),
            sql=sql,
            parameters=parameters,
            limits=msgspec.structs.replace(
                self._limits, rows=_ALL_ROWS if limit is None else min(limit, self._limits.rows)
            ),
        )

    @property
    def _worker_seconds(self) -> float:
        return self._limits.seconds + _GRACE_SECONDS


def _files_of(request: QueryRequest) -> Sequence[Path]:
    return [path for paths in request.datasets.values() for path in paths]
