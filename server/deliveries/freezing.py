"""Writes down who gets which files of a batch that is made, in one transaction, before any of it is sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, new_id, utc_now
from server.deliveries.bounce_reading import new_tag
from server.deliveries.delivery import (
    DeliveryContent,
    DeliveryState,
)
from server.deliveries.delivery_telling import DeliveryTelling
from server.deliveries.drafts import DeliveryDraft, content_of, why_nothing, with_trials
from server.deliveries.planning import DeliveryRules, PlannedDelivery, planned_deliveries
from server.deliveries.recipients import openers
from server.deliveries.store import IS_REAL, add_deliveries, as_last_time, opted_out
from server.delivery.wishes import DeliveryStage, DeliveryVia
from server.jobs.job import State
from server.reports.batch_store import BatchStore
from server.reports.batches import Batch, BatchReport
from server.reports.share_links import ShareLinkStore
from server.reports.summary import labels_of
from server.storage.database import NOT_NOW, Database
from server.storage.rows import lock
from server.storage.tables import batches, deliveries, jobs, schedules, templates
from server.texts import Phrase, phrase

_LOG = logging.getLogger("jindu.deliveries")
_AT_ONCE = 20  # batches of one look
OPTED_OUT = phrase("This address wants no more mail of this schedule.")
_LINKING = frozenset(DeliveryVia) - {DeliveryVia.MAIL, DeliveryVia.FOLDER, DeliveryVia.S3}
_ENDS = [state for state in State if state.is_final]

_TRIAL_DAYS = 1  # that a link of one works beyond today: it is looked at when it comes


class LinkEnd(Protocol):
    def __call__(self, time_zone: str, now: datetime, *, at_most_days: int | None = None) -> datetime | None:
        """When a link that is made now for readers in a time zone ends; None where there are to be no links."""
        ...


class Freezing:
    """`mail_bytes`: the most that a mail may have, its attachments as they are written in it."""

    def __init__(
        self,
        *,
        database: Database,
        store: BatchStore,
        links: ShareLinkStore,
        link_end: LinkEnd,
        rules: DeliveryRules,
        telling: DeliveryTelling,
        announce: Callable[[str, dict[str, Any], str | None], object],
        mail_bytes: int,
        mail_domain: str,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._links = links
        self._link_end = link_end
        self._rules = rules
        self._telling = telling
        self._announce = announce
        self._mail_bytes = mail_bytes
        self._mail_domain = mail_domain
        self._clock = clock

    async def freeze_due(self) -> None:
        """All batches that are made and wait for it."""
        query = (
            sa.select(batches.c.id)
            .join(jobs, jobs.c.id == batches.c.job_id)
            .where(batches.c.delivery_state == DeliveryStage.WANTED, jobs.c.state.in_(_ENDS))
        )
        async with self._database.read() as connection:
            ids = (await connection.scalars(query.order_by(batches.c.id).limit(_AT_ONCE))).all()
        for batch_id in ids:
            try:
                await self.freeze(batch_id)
            except NOT_NOW:
                raise
            except Exception:  # the others go out all the same
                _LOG.exception("deliveries could not be written down", extra={"action": "freeze", "batch": batch_id})

    async def freeze(self, batch_id: str) -> None:
        batch = await self._store.get(batch_id)
        if batch.deliveries is None or not batch.job_state.is_final:
            return
        reports = await self._store.all_reports(batch_id)
        wanted = batch.deliveries
        planned = await asyncio.to_thread(planned_deliveries, wanted.wishes, reports, self._rules)
        planned = [each for each in planned if not wanted.is_settled(each.position, batch.job_id)]
        async with self._database.write() as connection:
            if not await _is_still_wanted(connection, batch, len(wanted.wishes)):
                return
            rows = await self._rows(connection, batch, planned)
            await add_deliveries(connection, rows)
            frozen = sa.update(batches).where(batches.c.id == batch.id)
            await connection.execute(frozen.values(delivery_state=DeliveryStage.FROZEN))
            wrong = [row for row in rows if row["state"] is DeliveryState.FAILED and row["trial_for"] is None]
            known = await as_last_time(connection, [row["id"] for row in wrong])
            wrong = [row for row in wrong if row["id"] not in known]
            kept = await self._telling.keep_stopped(connection, batch, wrong)
        self._telling.send(kept)
        self._announce(event_of(batch.id), {}, batch.owner_id)

    async def _rows(
        self, connection: AsyncConnection, batch: Batch, planned: Sequence[PlannedDelivery]
    ) -> list[dict[str, Any]]:
        assert batch.deliveries is not None
        schedule_id = batch.deliveries.schedule_id
        refused = await opted_out(connection, schedule_id) if schedule_id else set()
        known = sa.select(schedules.c.name).where(schedules.c.id == schedule_id)
        list_name = (await connection.scalar(known) if schedule_id else None) or ""
        summary = await connection.scalar(sa.select(templates.c.summary).where(templates.c.id == batch.template_id))
        labels = labels_of(summary or "")
        mailed = [each.recipient for each in planned if each.wish.is_mailed]
        may_open = await openers(connection, mailed, batch.id)
        drafts = self._drafts(batch, planned, await _before(connection, batch.id), refused, bool(list_name))
        tried = await _tried_before(connection, batch.id)
        rows: list[dict[str, Any]] = []
        for each in with_trials(drafts, tried):
            content = content_of(batch, each, list_name, labels, mail_bytes=self._mail_bytes)
            if each.planned.wish.is_mailed and each.planned.recipient.casefold() not in may_open:
                content = msgspec.structs.replace(content, may_open=False)
            await _forget_skipped(connection, batch.id, each.row)
            if each.problem is None:
                content = await self._linked(connection, batch, each.row["id"], each.planned, content)
            in_order = each.row["created_at"] + timedelta(microseconds=len(rows))  # what is planned first goes first
            rows.append(each.row | {"content": msgspec.json.encode(content), "created_at": in_order})
        return rows

    def _drafts(
        self,
        batch: Batch,
        planned: Sequence[PlannedDelivery],
        before: Mapping[tuple[int, str], set[str]],
        refused: Collection[str],
        has_list: bool,
    ) -> Iterator[DeliveryDraft]:
        assert batch.deliveries is not None
        schedule_id = batch.deliveries.schedule_id if has_list else None
        for each in planned:
            done = before.get((each.position, each.recipient_key), set())
            ready = each.reports if batch.job_state is State.SUCCEEDED else ()
            new = [report for report in ready if report.state is State.SUCCEEDED and report.id not in done]
            empty = [report for report in new if report.is_empty] if each.wish.unless_empty else []
            made = [report for report in new if not report.is_empty] if empty else new
            if not made and done:
                continue
            row = self._row(batch, each, made, schedule_id)
            problem = each.problem
            if problem is None and not made:
                problem, row["state"] = why_nothing(batch, each, empty), DeliveryState.SKIPPED
            elif problem is None and each.recipient.casefold() in refused:
                problem, row["state"] = OPTED_OUT, DeliveryState.SKIPPED
            elif problem is not None:
                row["state"] = DeliveryState.FAILED
            row |= _end_of(problem) if problem else {}
            yield DeliveryDraft(planned=each, made=made, empty=empty, row=row, problem=problem)

    def _row(
        self, batch: Batch, planned: PlannedDelivery, made: Sequence[BatchReport], schedule_id: str | None
    ) -> dict[str, Any]:
        delivery_id, now = new_id(), self._clock()
        return {
            "id": delivery_id,
            "batch_id": batch.id,
            "owner_id": batch.owner_id,
            "schedule_id": schedule_id,
            "round": batch.job_id,
            "position": planned.position,
            "via": planned.wish.via,
            "recipient": planned.recipient,
            "recipient_key": planned.recipient_key,
            "trial_for": None,
            "report_id": planned.report_id,
            "report_count": len(made),
            "sealed": planned.wish.sealed,
            "state": DeliveryState.WAITING,
            "next_at": now,
            "error": None,
            "message_id": f"<{delivery_id}@{self._mail_domain}>",
            "bounce_tag": new_tag(),
            "created_at": now,
        }

    async def _linked(
        self,
        connection: AsyncConnection,
        batch: Batch,
        delivery_id: str,
        planned: PlannedDelivery,
        content: DeliveryContent,
    ) -> DeliveryContent:
        """With links for whoever has no account here, where the files themselves do not go along."""
        if content.attach or (planned.wish.via not in _LINKING and planned.wish.via is not DeliveryVia.MAIL):
            return content
        end = self._link_end(
            batch.time_zone, self._clock(), at_most_days=None if content.trial is None else _TRIAL_DAYS
        )
        if end is None:
            return content

        async def made(report_id: str | None) -> str:
            link, _ = await self._links.add(
                connection,
                made_by=batch.owner_id,
                batch_id=batch.id,
                report_id=report_id,
                expires_at=end,
                password_hash="",
                delivery_id=delivery_id,
            )
            return link.id

        if planned.is_whole:
            return msgspec.structs.replace(content, link_id=await made(None), links_end_at=end)
        reports = [msgspec.structs.replace(each, link_id=await made(each.id)) for each in content.reports]
        return msgspec.structs.replace(content, reports=reports, links_end_at=end)


def event_of(batch_id: str) -> str:
    """What tells its owner's pages that something became of its deliveries."""
    return f"deliveries.{batch_id}"


def _end_of(problem: Phrase) -> dict[str, Any]:
    return {"next_at": None, "error": problem}


async def _is_still_wanted(connection: AsyncConnection, batch: Batch, wishes: int) -> bool:
    """Somebody may have had it made again since it was read, or ordered more of it."""
    columns = (batches.c.job_id, batches.c.delivery_state, batches.c.deliveries)
    row = (await connection.execute(lock(sa.select(*columns).where(batches.c.id == batch.id)))).one_or_none()
    if row is None or row.job_id != batch.job_id or row.delivery_state != DeliveryStage.WANTED:
        return False
    return len(row.deliveries["wishes"]) == wishes


async def _before(connection: AsyncConnection, batch_id: str) -> dict[tuple[int, str], set[str]]:
    """Which reports each recipient got of each wish, or was to get, when the batch was made before."""
    query = sa.select(deliveries.c.position, deliveries.c.recipient_key, deliveries.c.content).where(
        deliveries.c.batch_id == batch_id,
        sa.or_(deliveries.c.state != DeliveryState.SKIPPED, deliveries.c.sent_at.is_not(None)),
        IS_REAL,
    )
    found: dict[tuple[int, str], set[str]] = {}
    for row in await connection.execute(query):
        content = msgspec.json.decode(row.content, type=DeliveryContent)
        found.setdefault((row.position, row.recipient_key), set()).update(content.report_ids)
    return found


async def _tried_before(connection: AsyncConnection, batch_id: str) -> set[int]:
    """Places of the wishes that somebody has tried."""
    query = sa.select(deliveries.c.position).where(deliveries.c.batch_id == batch_id, sa.not_(IS_REAL))
    return set(await connection.scalars(query))


async def _forget_skipped(connection: AsyncConnection, batch_id: str, row: dict[str, Any]) -> None:
    """What could not be made before is made now; that something was sent once is never forgotten."""
    if row["trial_for"] is not None:
        return
    same = [deliveries.c[name] == row[name] for name in ("position", "recipient_key", "report_id")]
    skipped = sa.and_(deliveries.c.state == DeliveryState.SKIPPED, deliveries.c.sent_at.is_(None), IS_REAL)
    await connection.execute(sa.delete(deliveries).where(deliveries.c.batch_id == batch_id, skipped, *same))
