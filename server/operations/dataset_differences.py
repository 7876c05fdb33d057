"""What changed between two versions of a dataset, as people and programs ask for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

from server.auth.permissions import Principal
from server.datasets.answers import Answer
from server.datasets.dataset import Dataset, Version
from server.datasets.row_keys import changed_columns, default_key, require_key, shared_columns
from server.datasets.work import (
    Change,
    ComparedVersion,
    DifferencesAnswerRequest,
    DifferencesPage,
    DifferencesRequest,
    differences_cursor,
    read_differences,
    write_differences,
)
from server.errors import InvalidInput
from server.numerals import whole_number
from server.operations.data_reading import DataReading
from server.operations.dataset_access import DatasetAccess
from server.operations.made_files import MadeFile


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferencesQuery:
    """Which two versions are compared, and what of it is wanted.

    `after` is the current one when it is None, `before` the one that came before `after`, `key` what
    `row_keys.default_key` chooses; an empty `key` compares whole rows.
    """

    before: int | None = None
    after: int | None = None
    key: tuple[str, ...] | None = None
    change: Change | Literal[""] = ""
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """One page of what differs between two versions."""

    before: Version
    after: Version
    key: list[str]
    page: DifferencesPage
    offset: int
    next_cursor: str | None


class DifferenceOperations:
    """Every method takes who asks first. An `owner` is the name of a user who shared theirs."""

    def __init__(self, reading: DataReading, access: DatasetAccess) -> None:
        self._reading = reading
        self._access = access
        self._catalog = reading.catalog

    async def page(
        self, principal: Principal, name: str, query: DifferencesQuery, *, owner: str | None = None
    ) -> Differences:
        """What changed between two versions, as a page shows it. Raises `NotFound`, `InvalidInput`."""
        async with self._differences_request(principal, name, query, owner) as (before, after, request):
            page: DifferencesPage = await self._reading.in_worker(principal, read_differences, request)
        end = request.offset + len(page.rows)
        following = differences_cursor(before.number, after.number, end)
        return Differences(
            before=before,
            after=after,
            key=list(request.key),
            page=page,
            offset=request.offset,
            next_cursor=following if page.rows and end < page.total else None,
        )

    async def answer(
        self, principal: Principal, name: str, query: DifferencesQuery, *, owner: str | None = None
    ) -> MadeFile:
        """The same for programs, as JSON with every value whole."""
        async with (
            self._differences_request(principal, name, query, owner) as (before, after, wanted),
            self._reading.place(".json") as place,
        ):
            head = {
                "from": before.number,
                "to": after.number,
                "key": wanted.key,
                "columns": changed_columns(before, after),
            }
            request = DifferencesAnswerRequest(differences=wanted, head=head, place=place)
            answer: Answer = await self._reading.in_worker(principal, write_differences, request)
        return MadeFile.of(answer, name=f"{name}-diff.json", media_type="application/json")

    @asynccontextmanager
    async def _differences_request(
        self, principal: Principal, name: str, query: DifferencesQuery, owner: str | None
    ) -> AsyncIterator[tuple[Version, Version, DifferencesRequest]]:
        query, offset = _place(query)
        dataset = await self._access.get(principal, name, owner)
        after = await self._access.version(dataset, dataset.version if query.after is None else query.after)
        before = await self._access.version(dataset, query.before or await self._number_before(dataset, after.number))
        key = default_key(before, after) if query.key is None else require_key(query.key, before, after)
        if not shared_columns(before, after):
            raise InvalidInput("The two versions have no column in common; there is nothing to compare.")
        async with self._catalog.fetched(before.files) as old, self._catalog.fetched(after.files) as new:
            compared = [
                ComparedVersion(paths=paths, columns=tuple(version.columns), row_count=version.row_count)
                for paths, version in ((old, before), (new, after))
            ]
            yield (
                before,
                after,
                DifferencesRequest(
                    before=compared[0],
                    after=compared[1],
                    key=tuple(key),
                    limits=self._reading.limits,
                    change=query.change,
                    limit=query.limit,
                    offset=offset,
                ),
            )

    async def _number_before(self, dataset: Dataset, number: int) -> int:
        earlier = await self._catalog.versions(dataset, limit=1, before=number)
        if not earlier.items:
            raise InvalidInput("There is no version before version {number} to compare it with.", number=number)
        return earlier.items[0].number


def _place(query: DifferencesQuery) -> tuple[DifferencesQuery, int]:
    """With the versions that its cursor began in: the newest ones may be others by now. And where its page begins."""
    if query.cursor is None:
        return query, 0
    match [whole_number(text) for text in query.cursor.split(".")]:
        case [int(before), int(after), int(offset)] if query.before in (None, before) and query.after in (None, after):
            return replace(query, before=before, after=after), offset
    raise InvalidInput("This cursor is not one of ours; start again without it.")
