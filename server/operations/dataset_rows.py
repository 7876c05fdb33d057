"""Rows of a dataset as people and programs ask for them: filtered, searched, sorted, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from server.auth.permissions import Principal
from server.datasets.answers import Answer, page_rows
from server.datasets.dataset import Version
from server.datasets.row_filters import check_request
from server.datasets.work import RowsAnswerRequest, RowsPage, RowsRequest, read_rows, write_rows
from server.errors import InvalidInput
from server.numerals import whole_number
from server.operations.data_reading import DataReading
from server.operations.dataset_access import DatasetAccess
from server.operations.made_files import MadeFile


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsQuery:
    """Which rows somebody wants to see; the syntax is that of `datasets.rows`."""

    filters: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    q: str = ""
    limit: int = 50
    cursor: str | None = None

    @property
    def chooses(self) -> bool:
        """Whether it is another list of rows than that of the file."""
        return bool(self.filters or self.order or self.q.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRows:
    """One page of the rows of one version; `offset` is the place of the first, `limit` how many a page has."""

    version: Version
    page: RowsPage
    offset: int
    limit: int
    next_cursor: str | None


class RowOperations:
    """Every method takes who asks first. An `owner` is the name of a user who shared theirs."""

    def __init__(self, reading: DataReading, access: DatasetAccess) -> None:
        self._reading = reading
        self._access = access

    async def page(self, principal: Principal, name: str, query: RowsQuery, *, owner: str | None = None) -> VersionRows:
        """Rows as a page shows them, fewer of wide ones.

        A cursor stays with the version it began in, so that no import in between shifts rows.
        """
        async with self._rows_request(principal, name, query, owner) as (version, asked):
            request = msgspec.structs.replace(asked, limit=page_rows(query.limit, len(asked.columns)))
            page: RowsPage = await self._reading.in_worker(principal, read_rows, request)
        after = request.offset + len(page.rows)
        more = page.rows and after < page.total
        return VersionRows(
            version=version,
            page=page,
            offset=request.offset,
            limit=request.limit or len(page.rows),
            next_cursor=f"{version.number}.{after}" if more else None,
        )

    async def answer(self, principal: Principal, name: str, query: RowsQuery, *, owner: str | None = None) -> MadeFile:
        """The same for programs, as JSON with every value whole; raises `InvalidInput` when that is too large."""
        async with (
            self._rows_request(principal, name, query, owner) as (_, rows),
            self._reading.place(".json") as place,
        ):
            request = RowsAnswerRequest(rows=rows, place=place)
            answer: Answer = await self._reading.in_worker(principal, write_rows, request)
        return MadeFile.of(answer, name=f"{name}.json", media_type="application/json")

    @asynccontextmanager
    async def _rows_request(
        self, principal: Principal, name: str, query: RowsQuery, owner: str | None
    ) -> AsyncIterator[tuple[Version, RowsRequest]]:
        dataset = await self._access.get(principal, name, owner)
        number, offset = _place(query.cursor, dataset.version)
        version = await self._access.version(dataset, number)
        check_request(query.filters, query.order, version.columns)  # before anybody waits for a worker
        async with self._reading.catalog.fetched(version.files) as paths:
            yield (
                version,
                RowsRequest(
                    paths=paths,
                    columns=tuple(version.columns),
                    row_count=version.row_count,
                    limits=self._reading.limits,
                    filters=query.filters,
                    order=query.order,
                    q=query.q,
                    limit=query.limit,
                    offset=offset,
                    version=version.number,
                ),
            )


def _place(cursor: str | None, current: int) -> tuple[int, int]:
    """Version number and row offset of a cursor."""
    if cursor is None:
        return current, 0
    number, offset = map(whole_number, cursor.split(".", maxsplit=1)) if "." in cursor else (None, None)
    if number is None or offset is None:
        raise InvalidInput("This cursor is not one of ours; start again without it.")
    return number, offset
