"""Writes down who gets which files of a batch that is made, in one transaction, before any of it is sent."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, new_id, utc_now
from server.deliveries.bounce_reading import new_tag
from server.deliveries.delivery import (
    MOST_LEFT_OUT_TOLD,
    MOST_REPORTS_TOLD,
    DeliveredFile,
    DeliveredReport,
    DeliveryContent,
    DeliveryState,
    TriedMail,
)
from server.deliveries.delivery_telling import DeliveryTelling
from server.deliveries.planning import DeliveryRules, PlannedDelivery, planned_deliveries
from server.deliveries.store import IS_REAL, add_deliveries, opted_out
from server.delivery.wishes import MOST_TRIED, DeliveryStage, DeliveryVia, TrialReader
from server.jobs.job import State
from server.reports.batch_store import BatchStore
from server.reports.batches import Batch, BatchReport
from server.reports.parameter_texts import value_text
from server.reports.share_links import ShareLinkStore
from server.reports.summary import labels_of
from server.storage.database import NOT_NOW, Database
from server.storage.rows import lock
from server.storage.tables import batches, deliveries, jobs, schedules, templates
from server.texts import Phrase, phrase

_LOG = logging.getLogger("jindu.deliveries")
_FILES_ATTACHED = 20
_MOST_FIGURES, _MOST_PARAMETERS = 6, 12
_AT_ONCE = 20  # batches of one look
_TIME = re.compile(r"\d{4}-\d{2}(-\d{2})?")
_NOT_MADE = (
    "“{name}” could not be made, so there was nothing to send.",
    "None of the {count} reports could be made, so there was nothing to send: {names}",
)
_NO_ROWS = ("Not sent: “{name}” has no rows.", "Not sent: none of the {count} reports has rows: {names}")
_REST_HAS_NO_ROWS = "Not sent: some of the reports could not be made, and the others have no rows: {names}"
_NOT_DONE = phrase("The reports were not all tried: their job was cancelled or failed. Make them again to send them.")
OPTED_OUT = phrase("This address wants no more mail of this schedule.")
_ATTACHING = frozenset({DeliveryVia.MAIL})
_LINKING = frozenset(DeliveryVia) - {DeliveryVia.MAIL, DeliveryVia.FOLDER, DeliveryVia.S3}
_ENDS = [state for state in State if state.is_final]

LinkEnd = Callable[[str, datetime], datetime | None]
"""When a link that is made now for readers in a time zone ends; None where there are to be no links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writing:
    """One that is about to be written down: of which reports, and why it cannot be sent as it is."""

    planned: PlannedDelivery
    made: Sequence[BatchReport]
    empty: Sequence[BatchReport]
    row: dict[str, Any]
    problem: Phrase | None
    trial: TriedMail | None = None


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
        planned = await asyncio.to_thread(planned_deliveries, batch.deliveries.wishes, reports, self._rules)
        async with self._database.write() as connection:
            if not await _is_still_wanted(connection, batch):
                return
            rows = await self._rows(connection, batch, planned)
            await add_deliveries(connection, rows)
            frozen = sa.update(batches).where(batches.c.id == batch.id)
            await connection.execute(frozen.values(delivery_state=DeliveryStage.FROZEN))
            wrong = [row for row in rows if row["state"] is DeliveryState.FAILED and row["trial_for"] is None]
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
        writings = self._writings(batch, planned, await _before(connection, batch.id), refused, bool(list_name))
        tried = await _tried_before(connection, batch.id)
        rows = []
        for each in _with_trials(writings, tried):
            content = self._content(batch, each, list_name, labels)
            await _forget_skipped(connection, batch.id, each.row)
            if each.problem is None:
                content = await self._linked(connection, batch, each.row["id"], each.planned, content)
            rows.append(each.row | {"content": msgspec.json.encode(content)})
        return rows

    def _writings(
        self,
        batch: Batch,
        planned: Sequence[PlannedDelivery],
        before: Mapping[tuple[int, str], set[str]],
        refused: Collection[str],
        has_list: bool,
    ) -> Iterator[_Writing]:
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
                problem, row["state"] = _why_nothing(batch, each, empty), DeliveryState.SKIPPED
            elif problem is None and each.recipient.casefold() in refused:
                problem, row["state"] = OPTED_OUT, DeliveryState.SKIPPED
            elif problem is not None:
                row["state"] = DeliveryState.FAILED
            row |= _end_of(problem) if problem else {}
            yield _Writing(planned=each, made=made, empty=empty, row=row, problem=problem)

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

    def _content(
        self,
        batch: Batch,
        writing: _Writing,
        list_name: str,
        labels: Mapping[str, str],
    ) -> DeliveryContent:
        planned, made, empty = writing.planned, writing.made, writing.empty
        is_told_in_part = planned.is_whole and planned.wish.via is not DeliveryVia.S3
        told = made[:MOST_REPORTS_TOLD] if is_told_in_part else made
        content = DeliveryContent(
            subject=planned.wish.subject,
            body=planned.wish.body,
            batch_name=batch.name,
            template=batch.template_name,
            period=_period(made),
            language=batch.language,
            time_zone=batch.time_zone,
            as_of=batch.clock,
            is_whole=planned.is_whole,
            attach=planned.wish.attach and planned.wish.via in _ATTACHING,
            report_ids=[report.id for report in made],
            reports=[_told(report, labels) for report in told],
            missing=sum(report.state is not State.SUCCEEDED for report in planned.reports),
            left_out=[report.title for report in empty[:MOST_LEFT_OUT_TOLD]],
            left_out_count=len(empty),
            list_name=list_name,
            path=planned.wish.path,
            rights=planned.wish.rights,
            trial=writing.trial,
        )
        files = content.files
        fits = sum(encoded_bytes(file.size) for file in files) <= self._mail_bytes
        is_small = fits and len(files) <= _FILES_ATTACHED and len(told) == len(made)
        return (
            content if is_small or not content.attach else msgspec.structs.replace(content, attach=False, is_large=True)
        )

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
        end = self._link_end(batch.time_zone, self._clock())
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


def encoded_bytes(size: int) -> int:
    """In base64, in lines of 76 characters."""
    letters = -(-size // 3) * 4
    return letters + -(-letters // 76) * 2


def _told(report: BatchReport, labels: Mapping[str, str]) -> DeliveredReport:
    """`labels` are what its parameters are called by people."""
    figures = [figure for figure in report.figures if not figure.row] or report.figures
    return DeliveredReport(
        id=report.id,
        title=report.title,
        parameters=[
            (labels.get(name, name), value_text(value))
            for name, value in report.parameters.items()
            if value not in (None, "")
        ][:_MOST_PARAMETERS],
        figures=[(figure.label, figure.text) for figure in figures[:_MOST_FIGURES]],
        files=[
            DeliveredFile(
                name=file.file,
                format=file.format,
                media_type=file.type,
                size=file.size,
                sha256=file.sha256,
                blob=file.blob,
            )
            for file in report.artifacts
        ],
    )


def _why_nothing(batch: Batch, planned: PlannedDelivery, empty: Sequence[BatchReport]) -> Phrase:
    """`empty` are those of its reports that are made, and left out."""
    if batch.job_state is not State.SUCCEEDED:
        return _NOT_DONE
    if not empty:
        return _about(planned.reports, _NOT_MADE)
    if len(empty) < len(planned.reports):
        return phrase(_REST_HAS_NO_ROWS, names=_names(empty))
    return _about(empty, _NO_ROWS)


def _about(reports: Sequence[BatchReport], words: tuple[str, str]) -> Phrase:
    """`words` are of one report, and of several."""
    if len(reports) == 1:
        return phrase(words[0], name=reports[0].title)
    return phrase(words[1], count=len(reports), names=_names(reports))


def _names(reports: Sequence[BatchReport]) -> str:
    names = ", ".join(report.title for report in reports[:MOST_LEFT_OUT_TOLD])
    return f"{names} …" if len(reports) > MOST_LEFT_OUT_TOLD else names


def _with_trials(writings: Iterable[_Writing], tried: Collection[int]) -> Iterator[_Writing]:
    """Of what somebody tries, the first that would go out, to them instead; and as many of those that would not, so
    that it is said why nothing comes. Once: what is made later is tried when somebody asks for it again."""
    trials: dict[TrialReader, list[_Writing]] = {}
    for each in writings:
        if (reader := each.planned.wish.trial) is None:
            yield each
        elif each.planned.position not in tried:
            trials.setdefault(reader, []).append(each)
    for reader, own in trials.items():
        would_go = [each for each in own if each.problem is None]
        would_not = [each for each in own if each.problem is not None]
        trial = TriedMail(user_id=reader.user_id, sent=min(len(would_go), MOST_TRIED), total=len(would_go))
        for each in (*would_go[:MOST_TRIED], *would_not[:MOST_TRIED]):
            to_them = {"recipient": reader.address, "trial_for": each.planned.recipient}
            yield replace(each, row=each.row | to_them, trial=trial)


def _period(reports: Sequence[BatchReport]) -> str:
    """The days or months that all of them are about, if their parameters say so."""
    if not reports:
        return ""
    for name, value in reports[0].parameters.items():
        is_time = isinstance(value, dict) or (isinstance(value, str) and _TIME.fullmatch(value))
        if is_time and all(report.parameters.get(name) == value for report in reports):
            return value_text(value)
    return ""


def _end_of(problem: Phrase) -> dict[str, Any]:
    return {"next_at": None, "error": problem}


async def _is_still_wanted(connection: AsyncConnection, batch: Batch) -> bool:
    """Somebody may have had it made again since it was read."""
    row = (
        await connection.execute(
            lock(sa.select(batches.c.job_id, batches.c.delivery_state).where(batches.c.id == batch.id))
        )
    ).one_or_none()
    return row is not None and row.job_id == batch.job_id and row.delivery_state == DeliveryStage.WANTED


async def _before(connection: AsyncConnection, batch_id: str) -> dict[tuple[int, str], set[str]]:
    """Which reports each recipient got of each wish, or was to get, when the batch was made before."""
    query = sa.select(deliveries.c.position, deliveries.c.recipient_key, deliveries.c.content).where(
        deliveries.c.batch_id == batch_id, deliveries.c.state != DeliveryState.SKIPPED, IS_REAL
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
    """What could not be made before is made now."""
    if row["trial_for"] is not None:
        return
    same = [deliveries.c[name] == row[name] for name in ("position", "recipient_key", "report_id")]
    skipped = sa.and_(deliveries.c.state == DeliveryState.SKIPPED, IS_REAL)
    await connection.execute(sa.delete(deliveries).where(deliveries.c.batch_id == batch_id, skipped, *same))
