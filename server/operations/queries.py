"""Read-only SQL over the datasets somebody may read."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Literal

import msgspec

from server.auth.access import DATASETS, given_or_own
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.datasets.answers import Answer
from server.datasets.dataset import Dataset
from server.datasets.query_store import NAME_CHARACTERS, QueryChange, QueryRun, QueryStore, SavedQuery
from server.datasets.schema import ColumnType
from server.datasets.sql_text import quoted
from server.datasets.work import (
    NamesRequest,
    QueryAnswerRequest,
    QueryRequest,
    QueryResult,
    read_names,
    run_query,
    write_query,
)
from server.errors import FieldError, InvalidInput, RateLimited, StorageFull
from server.operations.data_reading import DataReading
from server.operations.made_files import MadeFile
from server.storage.database import Database
from server.storage.growth import Growth
from server.storage.pages import Listing

_ALL_ROWS = 2**62  # as many as fit into the answer's bytes
MOST_CHARACTERS = 100_000
_COMPLETED_DATASETS = 200
_MEDIA_TYPES = {"json": "application/json", "csv": "text/csv"}


class QueryOperations:
    """Each query runs in a shared worker, which dies with a query that does not end."""

    def __init__(
        self, reading: DataReading, *, database: Database, store: QueryStore, audit: Audit, growth: Growth
    ) -> None:
        self._reading = reading
        self._database = database
        self._store = store
        self._audit = audit
        self._growth = growth

    async def saved(
        self, principal: Principal, *, q: str = "", limit: int = 50, cursor: str | None = None
    ) -> Listing[SavedQuery]:
        """The caller's, by name."""
        principal.require_read()
        return await self._store.list(principal.user_id, q=q, limit=limit, cursor=cursor)

    async def get(self, principal: Principal, query_id: str) -> SavedQuery:
        """Raises `NotFound`, also for those of others."""
        principal.require_read()
        return await self._store.get(principal.user_id, query_id)

    async def save(self, principal: Principal, *, name: str, sql: str, description: str = "") -> SavedQuery:
        """Keep a new one; whether it is right is said when it is run. Raises `Conflict` for a name that is taken."""
        principal.require_write()
        name = _name(name)
        async with self._database.write() as connection:
            self._growth.charge(principal.user_id, name, sql, description)
            query_id = await self._store.add(connection, principal.user_id, name=name, description=description, sql=sql)
            await self._audit.record(connection, principal, "query.save", name, subject_id=query_id)
        return await self._store.get(principal.user_id, query_id)

    async def change(self, principal: Principal, query_id: str, change: QueryChange) -> SavedQuery:
        """Raises `NotFound` or `Conflict`."""
        principal.require_write()
        if change.name is not None:
            change = msgspec.structs.replace(change, name=_name(change.name))
        async with self._database.write() as connection:
            self._growth.charge(principal.user_id, change.name, change.sql, change.description)
            name = await self._store.change(connection, principal.user_id, query_id, change)
            await self._audit.record(connection, principal, "query.change", name, subject_id=query_id)
        return await self._store.get(principal.user_id, query_id)

    async def delete(self, principal: Principal, query_id: str) -> None:
        """Raises `NotFound`."""
        principal.require_write()
        async with self._database.write() as connection:
            deleted = await self._store.delete(connection, principal.user_id, query_id)
            await self._audit.record(connection, principal, "query.delete", deleted.name, subject_id=query_id)

    async def history(self, principal: Principal) -> Sequence[QueryRun]:
        """What the caller ran on pages, the newest first."""
        principal.require_read()
        return await self._store.runs(principal.user_id)

    async def forget_history(self, principal: Principal) -> None:
        principal.require_own_change()
        async with self._database.write() as connection:
            await self._store.forget_runs(connection, principal.user_id)
            await self._audit.record(connection, principal, "query.forget")

    async def names(self, principal: Principal) -> dict[str, list[str]]:
        """The columns of each dataset that a query may name, of as many datasets as are quickly read.

        Those of others with their owner, as SQL has them.
        """
        return {name: list(columns) for name, columns in (await self.types(principal)).items()}

    async def types(self, principal: Principal) -> dict[str, dict[str, ColumnType]]:
        """As `names`, with what each column holds."""
        principal.require_read()
        page = await self._reading.catalog.list(given_or_own(principal, DATASETS), limit=_COMPLETED_DATASETS)
        return {
            _in_sql(principal, dataset): {column.name: column.type for column in dataset.columns}
            for dataset in page.items
        }

    async def run_and_remember(self, principal: Principal, sql: str, *, limit: int) -> QueryResult:
        """As `run`; it stands in the history, also when it fails."""
        began, result = time.monotonic(), None
        try:
            result = await self.run(principal, sql, {}, limit=limit)
        finally:
            seconds = time.monotonic() - began
            if sql.strip() and len(sql) <= MOST_CHARACTERS:
                await self._remember(principal, sql, result, seconds)
        return result

    async def _remember(self, principal: Principal, sql: str, result: QueryResult | None, seconds: float) -> None:
        """What cannot be remembered, on a full disk or beyond a user's share, is no reason to refuse the answer."""
        with suppress(StorageFull, RateLimited):
            self._growth.charge(principal.user_id, sql)
            async with self._database.write() as connection:
                await self._store.remember(
                    connection,
                    principal.user_id,
                    sql,
                    rows=None if result is None else len(result.rows),
                    truncated=result is not None and result.truncated,
                    seconds=round(seconds, 3),
                )

    async def run(self, principal: Principal, sql: str, parameters: dict[str, Any], *, limit: int) -> QueryResult:
        """The first rows as a page shows them. Raises `InvalidInput` with what is wrong in the SQL."""
        async with self._request(principal, sql, parameters, limit) as request:
            result: QueryResult = await self._reading.in_worker(principal, run_query, request)
        return result

    async def require_names(self, principal: Principal, sql: str) -> None:
        """Nothing is run. Raises `InvalidInput` where it names a dataset that is none of theirs, or no more."""
        principal.require_read()
        known = await self._reading.catalog.readable(principal)
        request = NamesRequest(sql=sql, owned=dict.fromkeys(known.ids, ""), limits=self._reading.limits)
        await self._reading.in_worker(principal, read_names, request)

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
        # All names, to tell what is misspelt; files are fetched of those alone that the text names.
        known = await catalog.readable(principal)
        read = await catalog.mentioned(known, [sql])
        await self._reading.note_looks(principal, read.values())
        rows = _ALL_ROWS if limit is None else min(limit, limits.rows)
        async with AsyncExitStack() as fetched:
            yield QueryRequest(
                datasets={
                    name: await fetched.enter_async_context(catalog.fetched(version.files))
                    for name, version in read.items()
                },
                known=known.offered,
                sql=sql,
                parameters=parameters,
                limits=msgspec.structs.replace(limits, rows=rows),
            )


def _in_sql(principal: Principal, dataset: Dataset) -> str:
    if dataset.owner_id == principal.user_id:
        return dataset.name
    return f"{quoted(dataset.owner)}.{quoted(dataset.name)}"


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > NAME_CHARACTERS:
        message = "Give it a name of up to {limit} characters."
        raise InvalidInput(errors=[FieldError(field="name", message=message, parameters={"limit": NAME_CHARACTERS})])
    return name
