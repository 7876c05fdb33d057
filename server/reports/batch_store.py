"""The rows of batches and their reports: what was asked for, how far each report is, and what it made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Text, and_, case, cast, delete, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, new_id, utc_now
from server.delivery.wishes import DeliveryStage
from server.errors import NotFound
from server.jobs.job import State
from server.reports.batch_comparing import Figure, ReportFigures
from server.reports.batch_rows import (
    REPORT_SIZE,
    SHOWN_STATE,
    batch_of,
    batch_query,
    one_batch,
    report_conditions,
    report_of,
    report_query,
    tallies_of,
)
from server.reports.batches import Batch, BatchHead, BatchReport, ReportFilter
from server.reports.parameter_texts import value_text
from server.reports.report_values import rows_of, words_in, words_of, words_of_batch
from server.reports.work import ExpandedReport
from server.storage import findable
from server.storage.database import Database
from server.storage.han_sounds import learn
from server.storage.pages import Listing, page_of
from server.storage.rows import put
from server.storage.searching import holds
from server.storage.tables import batch_words, batches, brands, jobs, report_values, reports, templates

_PAGE_ROWS = 200  # reports that are read in one piece: a few milliseconds of the event loop
_INSERT_CHUNK = 500  # rows a statement: SQLite binds at most 32,766 values


class BatchStore:
    """Reads batches and reports; the writing functions take the transaction they belong to."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def get(self, batch_id: str) -> Batch:
        """All of it, for whoever makes its reports. Raises `NotFound`."""
        async with self._database.read() as connection:
            return await one_batch(connection, batch_id, Batch)

    async def head(self, batch_id: str) -> BatchHead:
        """Raises `NotFound`."""
        async with self._database.read() as connection:
            return await self.head_in(connection, batch_id)

    async def head_in(self, connection: AsyncConnection, batch_id: str) -> BatchHead:
        """As `head`, in the caller's transaction."""
        return await one_batch(connection, batch_id, BatchHead)

    async def reports(self, batch_id: str, wanted: ReportFilter) -> Listing[BatchReport]:
        matching = report_query(reports.c.batch_id == batch_id, *report_conditions(wanted))
        page = matching if wanted.after is None else matching.where(reports.c.position > wanted.after)
        sizes = page.with_only_columns(reports.c.position, REPORT_SIZE, maintain_column_froms=True)
        sizes = sizes.order_by(reports.c.position).limit(wanted.limit + 1).offset(wanted.skip)
        async with self._database.read() as connection:
            total = await connection.scalar(select(func.count()).select_from(matching.subquery())) or 0
            found = [(row[0], row[1]) for row in await connection.execute(sizes)]
            positions, has_more = page_of(found, limit=wanted.limit)
            within = report_query(reports.c.batch_id == batch_id, reports.c.position.in_(positions))
            rows = (await connection.execute(within.order_by(reports.c.position))).mappings().all()
        next_cursor = str(positions[-1]) if has_more else None
        return Listing(items=[report_of(row) for row in rows], total=total, next_cursor=next_cursor)

    async def report(self, report_id: str) -> BatchReport:
        """Raises `NotFound`."""
        async with self._database.read() as connection:
            row = (await connection.execute(report_query(reports.c.id == report_id))).mappings().one_or_none()
        if row is None:
            raise NotFound
        return report_of(row)

    async def before(self, batch: BatchHead, which: ColumnElement[bool]) -> BatchHead | None:
        """The last one of `which` batches of the same owner and template that was ordered before and has a report."""
        older = batch_query(
            BatchHead,
            which,
            batches.c.owner_id == batch.owner_id,
            batches.c.template_name == batch.template_name,
            or_(batches.c.template_id.is_(None), batches.c.template_id.is_not_distinct_from(batch.template_id))
            if batch.template_id
            else true(),
            batches.c.sequence < batch.sequence,
            select(reports.c.id).where(reports.c.batch_id == batches.c.id, reports.c.state == State.SUCCEEDED).exists(),
        )
        async with self._database.read() as connection:
            found = await connection.execute(older.order_by(batches.c.sequence.desc()).limit(1))
            row = found.mappings().one_or_none()
            return None if row is None else batch_of(row, await tallies_of(connection, [row["id"]]), BatchHead)

    async def figures(self, batch_id: str) -> AsyncIterator[ReportFigures]:
        """Of the reports that are made, in order, read some at a time."""
        query = select(reports.c.id, reports.c.title, reports.c.parameters, reports.c.figures, reports.c.position)
        query = query.where(reports.c.batch_id == batch_id, reports.c.state == State.SUCCEEDED)
        last = 0
        while True:
            page = query.where(reports.c.position > last).order_by(reports.c.position).limit(_PAGE_ROWS)
            async with self._database.read() as connection:
                rows = (await connection.execute(page)).all()
            for row in rows:
                figures = msgspec.convert(row.figures, list[Figure])
                yield ReportFigures(id=row.id, title=row.title, parameters=row.parameters, figures=figures)
            if len(rows) < _PAGE_ROWS:
                return
            last = rows[-1].position

    async def not_made(self, batch_id: str) -> list[dict[str, Any]]:
        """Parameters of the reports that failed, or were not made for another reason."""
        query = select(reports.c.parameters).where(reports.c.batch_id == batch_id, reports.c.state != State.SUCCEEDED)
        async with self._database.read() as connection:
            return list(await connection.scalars(query))

    async def all_reports(self, batch_id: str) -> list[BatchReport]:
        """In order; page by page, since there may be thousands."""
        found: list[BatchReport] = []
        cursor: int | None = 0
        while cursor is not None:
            wanted = ReportFilter(after=cursor, limit=_PAGE_ROWS)
            page = await self.reports(batch_id, wanted)
            found += page.items
            cursor = int(page.next_cursor) if page.next_cursor else None
        return found

    async def states(self, batch_id: str) -> list[tuple[str, State]]:
        """Id and state of every report in order: enough to draw thousands of them at once."""
        query = (
            select(reports.c.id, SHOWN_STATE.label("state"))
            .join(batches, batches.c.id == reports.c.batch_id)
            .join(jobs, jobs.c.id == batches.c.job_id)
            .where(reports.c.batch_id == batch_id)
            .order_by(reports.c.position)
        )
        async with self._database.read() as connection:
            return [(row.id, State(row.state)) for row in await connection.execute(query)]

    async def newest_with_pages(self, which: ColumnElement[bool], template_ids: Sequence[str]) -> dict[str, str]:
        """By id of the template: the newest batch of `which` that was asked for PDFs and has files."""
        of_template = func.coalesce(batches.c.template_id, templates.c.id)
        # Of batches that were made before it was noted, the template is its owner's of that name.
        was_owners = and_(
            batches.c.template_id.is_(None),
            templates.c.owner_id == batches.c.owner_id,
            templates.c.name == batches.c.template_name,
        )
        joined = batches.outerjoin(templates, was_owners)
        newest = (
            select(func.max(batches.c.sequence))
            .select_from(joined)
            .where(
                which,
                of_template.in_(template_ids),
                batches.c.bytes > 0,
                cast(batches.c.formats, Text).contains('"pdf"'),
            )
            .group_by(of_template)
        )
        found = select(of_template.label("template"), batches.c.id).select_from(joined)
        async with self._database.read() as connection:
            rows = await connection.execute(found.where(batches.c.sequence.in_(newest)))
            return {row.template: row.id for row in rows}

    # writing

    async def add(self, connection: AsyncConnection, batch: Batch) -> None:
        row = msgspec.to_builtins(batch, builtin_types=(datetime,))
        given = {name: row[name] for name in batches.c.keys() if name in row and name != "sequence"}  # noqa: SIM118 – not a dict
        await connection.execute(insert(batches).values(given))
        said = [batch.template_name]
        await findable.put(connection, [findable.of_batch(batch.id, batch.owner_id, batch.name, said)])
        await learn([batch.name, batch.template_name])
        words = words_of_batch(batch.name, batch.template_name)
        await connection.execute(insert(batch_words).values(batch_id=batch.id, words=words))

    async def add_reports(self, connection: AsyncConnection, batch: Batch, expanded: Sequence[ExpandedReport]) -> None:
        await learn([batch.name, batch.template_name, *(provisional_title(each.parameters) for each in expanded)])
        rows = [
            {
                "id": new_id(),
                "batch_id": batch.id,
                "owner_id": batch.owner_id,
                "position": position,
                "title": provisional_title(each.parameters) or batch.name,
                "words": words_of(provisional_title(each.parameters) or batch.name, each.parameters),
                "parameters": each.parameters,
                "carried": each.carried,
                "state": State.QUEUED,
            }
            for position, each in enumerate(expanded, start=1)
        ]
        values = [value for row in rows for value in rows_of(row)]
        texts = (words_of_batch(batch.name, batch.template_name), *(str(row["words"]) for row in rows))
        noted = {"batch_id": batch.id, "words": await asyncio.to_thread(words_in, texts)}
        await put(connection, batch_words, noted, key=("batch_id",))
        for start in range(0, len(rows), _INSERT_CHUNK):
            some = rows[start : start + _INSERT_CHUNK]
            await connection.execute(insert(reports), some)
            found = [_findable_report(row, said=(batch.name, batch.template_name)) for row in some]
            await findable.put(connection, found)
        for start in range(0, len(values), _INSERT_CHUNK):
            await connection.execute(insert(report_values), values[start : start + _INSERT_CHUNK])
        await connection.execute(update(batches).where(batches.c.id == batch.id).values(report_count=len(rows)))

    async def hand_over(self, connection: AsyncConnection, batch_id: str, job_id: str) -> None:
        """From now on `job_id` is the job that makes this batch; what it makes goes out once it is over.

        But not what a restore holds back: that is let go by a person.
        """
        stage = batches.c.delivery_state
        wanted = case((stage.in_((DeliveryStage.NONE, DeliveryStage.HELD)), stage), else_=DeliveryStage.WANTED)
        moved = update(batches).where(batches.c.id == batch_id)
        await connection.execute(moved.values(job_id=job_id, delivery_state=wanted))

    async def requeue(self, connection: AsyncConnection, batch_id: str, states: Sequence[State]) -> int:
        """Put reports in `states` back into the queue; returns how many."""
        changed = await connection.execute(
            update(reports)
            .where(reports.c.batch_id == batch_id, reports.c.state.in_(states))
            .values(state=State.QUEUED, error=None, started_at=None, finished_at=None)
        )
        return changed.rowcount

    async def begin(self, connection: AsyncConnection, report: BatchReport) -> BatchReport:
        begun = msgspec.structs.replace(report, state=State.RUNNING, started_at=self._clock())
        await connection.execute(
            update(reports)
            .where(reports.c.id == report.id)
            .values(state=begun.state, started_at=begun.started_at, error=None)
        )
        return begun

    async def finish(self, connection: AsyncConnection, report: BatchReport) -> BatchReport:
        """Store the outcome that `report` holds, and when it came."""
        finished = msgspec.structs.replace(report, finished_at=self._clock())
        await learn([finished.title, provisional_title(finished.parameters)])
        words = words_of(finished.title, finished.parameters)
        row = msgspec.to_builtins(finished, builtin_types=(datetime,)) | {"words": words}
        names = ("title", "words", "state", "error", "artifacts", "warnings", "figures", "is_empty", "finished_at")
        await connection.execute(
            update(reports).where(reports.c.id == report.id).values({name: row[name] for name in names})
        )
        await self._name_findable(connection, finished)
        await self._note_words(connection, finished.batch_id, words)
        if finished.bytes:
            more = update(batches).where(batches.c.id == finished.batch_id)
            await connection.execute(more.values(bytes=batches.c.bytes + finished.bytes))
        return finished

    async def _name_findable(self, connection: AsyncConnection, report: BatchReport) -> None:
        """By the title that it has got."""
        query = select(batches.c.name, batches.c.template_name).where(batches.c.id == report.batch_id)
        said = (await connection.execute(query)).one()
        await findable.say_again(connection, _findable_report(msgspec.structs.asdict(report), said=said))

    async def _note_words(self, connection: AsyncConnection, batch_id: str, words: str) -> None:
        """A title may say what no parameter does."""
        of_batch, known = batch_words.c.batch_id == batch_id, batch_words.c.words
        asked = words.split()
        if not asked:
            return
        found = select(*(holds(known, word) for word in asked)).where(of_batch)
        row = (await connection.execute(found)).one_or_none()
        missing = [] if row is None else [word for word, is_known in zip(asked, row, strict=True) if not is_known]
        if missing:
            await connection.execute(update(batch_words).where(of_batch).values(words=known + f" {' '.join(missing)}"))

    async def image_keys(self) -> set[str]:
        """Blob keys of the pictures that any batch shows, or will show: those of brands too, seen at one moment."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(batches.c.images, batches.c.brand))).all()
            shown = {key for images, _brand in rows for key in images.values()}
            found = [brand for _images, brand in rows] + [*await connection.scalars(select(brands.c.brand))]
        return shown | {brand["logo"]["blob"] for brand in found if brand.get("logo")}

    async def delete(self, connection: AsyncConnection, batch_id: str) -> None:
        await connection.execute(delete(report_values).where(report_values.c.batch_id == batch_id))
        await connection.execute(delete(reports).where(reports.c.batch_id == batch_id))
        await connection.execute(delete(batches).where(batches.c.id == batch_id))


def _findable_report(row: dict[str, Any], *, said: Sequence[str]) -> dict[str, Any]:
    """`said` are the names of its batch and of the template."""
    ids = row["id"], row["batch_id"], row["owner_id"]
    return findable.of_report(*ids, row["title"], row["parameters"], said)


def provisional_title(parameters: dict[str, Any]) -> str:
    """What to call a report before it is made: its values, e.g. `North · 2026-10`."""
    return " · ".join(value_text(value) for value in parameters.values() if value not in (None, "", []))[:300]
