"""Lists of batches and reports as people ask for them: what fits a filter, what could be chosen, all of it as files."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import msgspec

from server.auth.access import BATCHES, Whose, listed
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, utc_now
from server.errors import InvalidInput, NotFound
from server.languages import Languages
from server.operations.batches import BatchOperations
from server.reports.batch_filter import BatchCondition, BatchFilter
from server.reports.batch_lists import BatchLists, ChosenReports, KnownValue, ListedReport
from server.reports.batches import BatchHead, BatchReport
from server.reports.listed_files import ReportTable, table_pieces, zip_pieces
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.pages import Listing

MOST_FILES = 5_000
MOST_BYTES = 4_000_000_000
"""Of a zip: more is better taken in parts than begun anew when a line breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What there is to choose among what somebody may see."""

    templates: Sequence[str]
    owners: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneFilters:
    """What a filter asks for and nothing that somebody may see has any more."""

    templates: Sequence[str] = ()
    values: Sequence[tuple[str, str]] = ()
    owner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSize:
    batches: int
    reports: int
    files: int
    bytes: int

    @property
    def fits(self) -> bool:
        """Into one zip."""
        return self.files <= MOST_FILES and self.bytes <= MOST_BYTES


class BatchListOperations:
    """One filter is asked for the list, its count, its files, and by `BatchesTogether` for what is done with it."""

    def __init__(
        self,
        *,
        database: Database,
        lists: BatchLists,
        batches: BatchOperations,
        blobs: BlobStore,
        audit: Audit,
        languages: Languages,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._lists = lists
        self._batches = batches
        self._blobs = blobs
        self._audit = audit
        self._languages = languages
        self._clock = clock

    async def batches(
        self,
        principal: Principal,
        wanted: BatchFilter = BatchFilter(),  # noqa: B008 – it cannot be changed
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[BatchHead]:
        """Newest first; of an owner all that the caller may see."""
        return await self._lists.batches(_which(principal, wanted), wanted, limit=limit, cursor=cursor)

    async def chosen(
        self, principal: Principal, batches: Sequence[BatchHead], wanted: BatchFilter
    ) -> dict[str, ChosenReports]:
        """Of those of a page by id: which of their reports are meant, where that need not be all of them."""
        principal.require_read()
        if not wanted.chooses_reports:
            return {}
        return await self._lists.chosen([batch.id for batch in batches], wanted)

    async def reports(
        self, principal: Principal, wanted: BatchFilter, *, limit: int = 50, cursor: str | None = None
    ) -> Listing[ListedReport]:
        """Of the newest batch first, and of each in order."""
        page = await self._lists.reports(_which(principal, wanted), wanted, limit=limit, cursor=cursor)
        heads = {each.batch.id: each.batch for each in page.items}
        shown = {batch_id: await self._batches.shown_to(principal, head) for batch_id, head in heads.items()}
        items = [msgspec.structs.replace(each, report=shown[each.batch.id]([each.report])[0]) for each in page.items]
        return Listing(items=items, total=page.total, next_cursor=page.next_cursor)

    async def count_reports(self, principal: Principal, wanted: BatchFilter) -> int:
        return await self._lists.count_reports(_which(principal, wanted), wanted)

    async def values(self, principal: Principal, wanted: BatchFilter, *, find: str = "") -> list[KnownValue]:
        """Those that could be chosen besides, the most used of each parameter first; `find` narrows."""
        return await self._lists.values(_which(principal, wanted), wanted, find=find)

    async def offered(self, principal: Principal, whose: Whose) -> Offered:
        which = _which(principal, BatchFilter(whose=whose))
        return Offered(templates=await self._lists.templates(which), owners=await self._lists.owners(which))

    async def gone(self, principal: Principal, wanted: BatchFilter) -> GoneFilters:
        """What keeps a filter from finding anything, however the rest of it is changed."""
        which = _which(principal, BatchFilter(whose=wanted.whose))
        whole = _which(principal, BatchFilter(whose=wanted.whose, owner=wanted.owner))
        templates = await self._lists.templates(which) if wanted.templates else ()
        values = await self._lists.existing(which, wanted.values)
        return GoneFilters(
            templates=[each for each in wanted.templates if each not in templates],
            values=[each for each in wanted.values if each not in values],
            owner=wanted.owner is not None and await self._lists.count(whole, BatchFilter()) == 0,
        )

    async def size(self, principal: Principal, wanted: BatchFilter) -> ListSize:
        """Of what would be taken away."""
        which = _which(principal, wanted)
        files, size = await self._lists.bytes(which, wanted)
        return ListSize(
            batches=await self._lists.count(which, wanted),
            reports=await self._lists.count_reports(which, wanted),
            files=files,
            bytes=size,
        )

    async def table(
        self, principal: Principal, wanted: BatchFilter, *, address: Callable[[str], str]
    ) -> AsyncGenerator[bytes, None]:
        """The reports that are meant as CSV; `address` is that of a report's page."""
        ids = (await self._lists.ids(_which(principal, wanted), wanted))[::-1]  # the newest first, as in the list
        table = await self._table(principal, wanted, address)
        async with self._database.write() as connection:
            await self._audit.record(connection, principal, "report.export_list", "", {"batches": len(ids)})
        return _generated(table_pieces(self._found(principal, ids, wanted), table))

    async def archive(
        self, principal: Principal, wanted: BatchFilter, *, address: Callable[[str], str]
    ) -> AsyncGenerator[bytes, None]:
        """Their files as a zip, a folder a batch. Raises `InvalidInput` where they are too many for one."""
        size = await self.size(principal, wanted)
        if not size.fits:
            raise InvalidInput(
                "These are {count} files; one zip takes {limit} files or {bytes} bytes. Narrow the list.",
                code="too_many_files",
                count=size.files,
                limit=MOST_FILES,
                bytes=MOST_BYTES,
            )
        ids = (await self._lists.ids(_which(principal, wanted), wanted))[::-1]  # the newest first, as in the list
        heads = [batch async for batch, _ in self._found(principal, ids, wanted)]
        table = await self._table(principal, wanted, address)
        async with self._database.write() as connection:
            await self._audit.record(connection, principal, "report.export_files", "", {"batches": len(heads)})
        there = [batch.id for batch in heads]
        return _generated(
            zip_pieces(
                self._found(principal, there, wanted),
                table,
                self._blobs,
                folders=[batch.name for batch in heads],
                moment=self._clock(),
            )
        )

    async def _table(self, principal: Principal, wanted: BatchFilter, address: Callable[[str], str]) -> ReportTable:
        names = await self._lists.names(_which(principal, wanted), wanted)
        return ReportTable(names, gettext=self._languages.of(principal.language).gettext, address=address)

    async def _found(
        self, principal: Principal, batch_ids: Sequence[str], wanted: BatchFilter
    ) -> AsyncIterator[tuple[BatchHead, Sequence[BatchReport]]]:
        """Each batch is asked for anew: what is no longer theirs to see is left out, and looks are noted."""
        for batch_id in batch_ids:
            try:
                batch = await self._batches.get(principal, batch_id)
            except NotFound:
                continue
            shown = await self._batches.shown_to(principal, batch)
            yield batch, shown(await self._lists.chosen_of(batch_id, wanted))


def _which(principal: Principal, wanted: BatchFilter) -> BatchCondition:
    principal.require_read()
    return listed(principal, BATCHES, wanted.whose, wanted.owner)


async def _generated(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for piece in pieces:
        yield piece
