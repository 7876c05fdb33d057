"""Lists over many batches: the batches and the reports that a filter means, and the values there are to filter by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import InvalidInput
from server.jobs.job import State
from server.reports.batch_filter import BatchCondition, BatchFilter, chosen_reports, of_batches, of_reports
from server.reports.batch_rows import (
    REPORT_SIZE,
    SHOWN_STATE,
    batch_of,
    batch_query,
    report_of,
    report_query,
    tallies_of,
)
from server.reports.batches import BatchHead, BatchReport
from server.storage.database import Database
from server.storage.pages import Listing, page_of, place_of
from server.storage.searching import mentions
from server.storage.tables import batches, jobs, report_values, reports, users

_NAMED_OF_EACH = 4
_NAMES, _VALUES_OF_EACH = 12, 8
_LATEST = 300  # batches


class ChosenReport(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    state: State


class ChosenReports(msgspec.Struct, frozen=True, kw_only=True):
    """Of one batch the reports that a filter means: how many, and the first of them."""

    count: int
    first: list[ChosenReport]


class KnownValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a parameter has, and in how many reports."""

    name: str
    value: str
    reports: int


class ListedReport(msgspec.Struct, frozen=True, kw_only=True):
    report: BatchReport
    batch: BatchHead


class BatchLists:
    """`which` are the batches that whoever asks may see, as one expression, in each question and before its LIMIT."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def batches(
        self, which: BatchCondition, wanted: BatchFilter, *, limit: int = 50, cursor: str | None = None
    ) -> Listing[BatchHead]:
        """Newest first."""
        matching = batch_query(BatchHead, which, *of_batches(wanted))
        page = matching if cursor is None else matching.where(batches.c.sequence < place_of(cursor))
        async with self._database.read() as connection:
            total = await self._count_batches(connection, which, wanted)
            newest_first = page.order_by(batches.c.sequence.desc()).limit(limit + 1)
            rows = (await connection.execute(newest_first)).mappings().all()
            tallies = await tallies_of(connection, [row["id"] for row in rows])
        items = [batch_of(row, tallies, BatchHead) for row in rows[:limit]]
        return Listing(items=items, total=total, next_cursor=str(items[-1].sequence) if len(rows) > limit else None)

    async def count(self, which: BatchCondition, wanted: BatchFilter) -> int:
        async with self._database.read() as connection:
            return await self._count_batches(connection, which, wanted)

    async def ids(self, which: BatchCondition, wanted: BatchFilter, *, limit: int | None = None) -> list[str]:
        """Oldest first."""
        found = _batches(batches.c.id).where(which, *of_batches(wanted)).order_by(batches.c.sequence)
        async with self._database.read() as connection:
            return list(await connection.scalars(found.limit(limit)))

    async def chosen(self, batch_ids: Sequence[str], wanted: BatchFilter) -> dict[str, ChosenReports]:
        """By batch, of those of a page."""
        place = sa.func.row_number().over(partition_by=reports.c.batch_id, order_by=reports.c.position)
        count = sa.func.count().over(partition_by=reports.c.batch_id)
        columns = reports.c.batch_id, reports.c.id, reports.c.title, SHOWN_STATE.label("state")
        numbered = (
            _reports(*columns, place.label("place"), count.label("of_batch_count"))
            .where(reports.c.batch_id.in_(batch_ids), *chosen_reports(wanted))
            .subquery()
        )
        query = sa.select(numbered).where(numbered.c.place <= _NAMED_OF_EACH).order_by(numbered.c.place)
        found: dict[str, ChosenReports] = {}
        async with self._database.read() as connection:
            for row in await connection.execute(query):
                of_batch = found.setdefault(row.batch_id, ChosenReports(count=row.of_batch_count, first=[]))
                of_batch.first.append(ChosenReport(id=row.id, title=row.title, state=State(row.state)))
        return found

    async def reports(
        self, which: BatchCondition, wanted: BatchFilter, *, limit: int = 50, cursor: str | None = None
    ) -> Listing[ListedReport]:
        """Of the newest batch first, and of each in order."""
        matching = [which, *of_reports(wanted)]
        page = _reports(reports.c.id, REPORT_SIZE, batches.c.sequence, reports.c.position)
        page = page.where(*matching, *_after(cursor))
        page = page.order_by(batches.c.sequence.desc(), reports.c.position).limit(limit + 1)
        async with self._database.read() as connection:
            total = await self._count_reports(connection, matching, wanted)
            found = {row.id: row for row in await connection.execute(page)}
            ids, has_more = page_of([(row.id, row[1]) for row in found.values()], limit=limit)
            items = await _listed(connection, ids)
        last = found[ids[-1]] if ids else None
        next_cursor = f"{last.sequence}-{last.position}" if last is not None and has_more else None
        return Listing(items=items, total=total, next_cursor=next_cursor)

    async def count_reports(self, which: BatchCondition, wanted: BatchFilter) -> int:
        async with self._database.read() as connection:
            return await self._count_reports(connection, [which, *of_reports(wanted)], wanted)

    async def chosen_of(self, batch_id: str, wanted: BatchFilter) -> list[BatchReport]:
        """All that are meant of one batch, in order."""
        query = report_query(reports.c.batch_id == batch_id, *of_reports(wanted)).order_by(reports.c.position)
        async with self._database.read() as connection:
            return [report_of(row) for row in (await connection.execute(query)).mappings()]

    async def bytes(self, which: BatchCondition, wanted: BatchFilter) -> tuple[int, int]:
        """How many files the reports that are meant have, and how large they are."""
        query = _reports(reports.c.artifacts).where(which, *of_reports(wanted), reports.c.state == State.SUCCEEDED)
        files = size = 0
        async with self._database.read() as connection, connection.stream_scalars(query) as found:
            async for artifacts in found:
                files += len(artifacts)
                size += sum(each["size"] for each in artifacts)
        return files, size

    async def names(self, which: BatchCondition, wanted: BatchFilter) -> list[str]:
        """Of the parameters that the reports have which are meant."""
        of_these = _reports(reports.c.id).where(which, *of_reports(wanted))
        names = sa.select(report_values.c.name).where(report_values.c.report_id.in_(of_these)).distinct()
        async with self._database.read() as connection:
            return sorted(await connection.scalars(names))

    async def values(self, which: BatchCondition, wanted: BatchFilter, *, find: str = "") -> list[KnownValue]:
        """Those that reports of the batches meant have, the most used first: of each parameter some; `find` narrows."""
        count = sa.func.count().label("reports")
        value = report_values.c
        used = sa.select(value.name, value.value, count).group_by(value.name, value.value)
        of = _batches(batches.c.id).where(which, *of_batches(wanted))
        if find:
            used = used.where(mentions(value.value, find))
        else:  # of late: what was used years ago is found by its letters
            of = of.order_by(batches.c.sequence.desc()).limit(_LATEST)
        used = used.where(value.batch_id.in_(of))
        found = used.subquery()
        place = sa.func.row_number().over(
            partition_by=found.c.name, order_by=(found.c.reports.desc(), found.c.value.desc())
        )
        placed = sa.select(found, place.label("place")).subquery()
        query = sa.select(placed).where(placed.c.place <= _VALUES_OF_EACH).order_by(placed.c.name, placed.c.place)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.limit(_NAMES * _VALUES_OF_EACH))).all()
        return [KnownValue(name=row.name, value=row.value, reports=row.reports) for row in rows]

    async def existing(self, which: BatchCondition, values: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of `values` that a report has."""
        if not values:
            return set()
        value = report_values.c
        pairs = sa.or_(*(sa.and_(value.name == name, value.value == text) for name, text in values))
        query = sa.select(value.name, value.value).where(pairs, value.batch_id.in_(_batches(batches.c.id).where(which)))
        async with self._database.read() as connection:
            return {(row.name, row.value) for row in await connection.execute(query.distinct())}

    async def templates(self, which: BatchCondition) -> list[str]:
        """Names of those that batches were made by."""
        names = sa.select(batches.c.template_name).where(which).distinct().order_by(batches.c.template_name)
        async with self._database.read() as connection:
            return list(await connection.scalars(names))

    async def owners(self, which: BatchCondition) -> list[str]:
        """Names of those whose batches these are."""
        theirs = sa.select(batches.c.owner_id).where(which)
        query = sa.select(users.c.name).where(users.c.id.in_(theirs)).order_by(users.c.name_key)
        async with self._database.read() as connection:
            return list(await connection.scalars(query))

    async def _count_batches(self, connection: AsyncConnection, which: BatchCondition, wanted: BatchFilter) -> int:
        query = _batches(sa.func.count()).where(which, *of_batches(wanted))
        return await connection.scalar(query) or 0

    async def _count_reports(
        self, connection: AsyncConnection, matching: Sequence[BatchCondition], wanted: BatchFilter
    ) -> int:
        # Without a choice among reports it is what their batches count already.
        counted = _reports(sa.func.count()) if wanted.chooses_reports else _batches(sa.func.sum(batches.c.report_count))
        return int(await connection.scalar(counted.where(*matching)) or 0)


async def _listed(connection: AsyncConnection, report_ids: Sequence[str]) -> list[ListedReport]:
    """In the order of their ids here."""
    rows = (await connection.execute(report_query(reports.c.id.in_(report_ids)))).mappings().all()
    found = {row["id"]: report_of(row) for row in rows}
    batch_ids = {report.batch_id for report in found.values()}
    heads = (await connection.execute(batch_query(BatchHead, batches.c.id.in_(batch_ids)))).mappings().all()
    untold = {batch_id: dict[str, int]() for batch_id in batch_ids}  # nobody asks how far the others are
    by_id = {row["id"]: batch_of(row, untold, BatchHead) for row in heads}
    return [ListedReport(report=found[each], batch=by_id[found[each].batch_id]) for each in report_ids]


def _batches(*columns: Any) -> sa.Select[Any]:
    return sa.select(*columns).select_from(batches.join(jobs, jobs.c.id == batches.c.job_id))


def _reports(*columns: Any) -> sa.Select[Any]:
    joined = reports.join(batches, batches.c.id == reports.c.batch_id).join(jobs, jobs.c.id == batches.c.job_id)
    return sa.select(*columns).select_from(joined)


def _after(cursor: str | None) -> list[BatchCondition]:
    if cursor is None:
        return []
    sequence, dash, position = cursor.partition("-")
    if not dash:
        raise InvalidInput("This cursor is not one of ours; start again without it.")
    batch, report = place_of(sequence), place_of(position)
    return [sa.or_(batches.c.sequence < batch, sa.and_(batches.c.sequence == batch, reports.c.position > report))]
