"""The job that makes a batch: expands it into reports once, renders each in a worker, stores each outcome at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from server.auth.access import DATASETS, closed_to
from server.datasets.work import QueryLimits
from server.errors import Conflict, Forbidden, InvalidInput, JinduError, StorageFull
from server.jobs.away import is_held_up, stage_of
from server.jobs.context import JobContext
from server.jobs.job import Job, State
from server.jobs.kinds import JobKind, JobLink, Missing
from server.jobs.lanes import Lane
from server.jobs.outcomes import Outcome
from server.live.announcing import Announce
from server.reports.batch_outcome import batch_outcome
from server.reports.batch_store import BatchStore
from server.reports.batches import Batch, BatchReport
from server.reports.ledger import ReportLedger, Turn
from server.reports.queued_reports import QueuedReports
from server.reports.report_maker import ReportMaker
from server.reports.requests import LaidOut, expand_request, layout_request
from server.reports.work import ExpandedReport, expand_batch, lay_out
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.quotas import Quotas, Stored
from server.storage.room import Room
from server.storage.scratch import Scratch
from server.texts import plain

KIND = "batch_report"
_STALLS_AFTER_SECONDS = 180.0  # a large report takes a minute or two
_FIGURES = {"succeeded": "Reports made", "failed": "Reports failed"}
_MANY = 10  # reports; for fewer it is not worth a look whether sorting their data would pay
_UNFINISHED = (State.QUEUED, State.RUNNING, State.CANCELLED)


@dataclass(slots=True)
class _Tally:
    """What the attempt knows about the whole batch, told with every step; `current` are titles by id."""

    counts: Counter[State]
    current: dict[str, str] = field(default_factory=dict)

    @property
    def done(self) -> int:
        return self.counts[State.SUCCEEDED] + self.counts[State.FAILED]

    def detail(self) -> dict[str, Any]:
        return {
            "succeeded": self.counts[State.SUCCEEDED],
            "failed": self.counts[State.FAILED],
            "current": ", ".join(self.current.values()),
        }


class BatchReports:
    """Makes batches. It can stop at any instant and be started again: what is finished is never made twice."""

    def __init__(
        self,
        *,
        database: Database,
        store: BatchStore,
        blobs: BlobStore,
        scratch: Scratch,
        announce: Announce,
        limits: QueryLimits,
        parallel: int,
        max_reports: int,
        room: Room,
        quotas: Quotas,
        report_seconds: float,
    ) -> None:
        """`report_seconds` is the time limit of one report, and of finding out which ones to make."""
        self._database = database
        self._store = store
        self._blobs = blobs
        self._scratch = scratch
        self._announce = announce
        self._limits = limits
        self._parallel = parallel
        self._max_reports = max_reports
        self._room = room
        self._quotas = quotas
        self._report_seconds = report_seconds
        self._maker = ReportMaker(blobs=blobs, scratch=scratch, limits=limits)

    def kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            label="Reports",
            icon="layers",
            unit="reports",
            message="batch_report_progress",
            figures=_FIGURES,
            missing=Missing(names=("failed",), label="Done · {count} failed"),
            links=_links,
            lost="Reports that are done stay; the others will not be made.",
            kept="Reports that are done stay; only the others are made.",
            noun="batch",
            step_noun="report",
            function=self.process_batch_reports,
            stalls_after_seconds=_STALLS_AFTER_SECONDS,
            goes_on=True,
            lane=lambda job: Lane.SHARED,
            step_seconds=self._report_seconds,
            stores=Stored.REPORTS,
        )

    async def process_batch_reports(self, context: JobContext) -> Outcome:
        """One attempt. Succeeds when every report was tried, unless every one failed; the result holds the tally."""
        batch = await self._take_up(context)
        await self._require_sources(batch)
        if not batch.report_count:
            batch = await self._expand(context, batch)
        await self._requeue(context, batch)
        tally = _Tally(await self._counts(batch))
        context.advance(tally.done, total=batch.report_count, stage="rendering", detail=tally.detail())
        await self._render_all(context, batch, tally)
        counts = tally.counts
        return batch_outcome(batch, succeeded=counts[State.SUCCEEDED], failed=counts[State.FAILED])

    async def _take_up(self, context: JobContext) -> Batch:
        """Raises `Conflict` when another live job is making the same batch."""
        batch = await self._store.get(context.job.parameters["batch_id"])
        if batch.job_id == context.job.id:
            return batch
        if not batch.job_state.is_final:
            raise Conflict("Another job is already making these reports; wait until it has finished.")
        async with self._database.write() as connection:
            await context.fence(connection)
            await self._store.hand_over(connection, batch.id, context.job.id)
        return await self._store.get(batch.id)

    async def _require_sources(self, batch: Batch) -> None:
        """Reports that are made again read the datasets again: what is shared no more is not read by a detour."""
        books = batch.deliveries.books if batch.deliveries else {}
        used = {book.dataset_id: name for name, book in books.items()}
        used |= {each.dataset_id: name for name, each in batch.dataset_versions.items()}
        async with self._database.read() as connection:
            closed = await closed_to(connection, batch.owner_id, DATASETS, used)
        for dataset_id in closed:
            raise Forbidden(
                "The dataset “{name}” is no longer shared with you; ask its owner, or order from another one.",
                name=used[dataset_id],
            )

    async def _expand(self, context: JobContext, batch: Batch) -> Batch:
        context.advance(stage="expanding")
        async with expand_request(batch, self._blobs, self._limits, max_reports=self._max_reports) as request:
            made: list[ExpandedReport] = await context.run_in_worker(expand_batch, request)
        if not made:
            raise InvalidInput(
                "There is nothing to report: the parameters gave no report. Check the data they come from."
            )
        async with self._database.write() as connection:
            await context.fence(connection)
            await self._store.add_reports(connection, batch, made)
        context.log("Reports to make: {count}", values={"count": len(made)})
        return await self._store.get(batch.id)

    async def _requeue(self, context: JobContext, batch: Batch) -> None:
        """What an earlier attempt left unfinished goes on; the failed ones only when a person asked to try again."""
        states = (*_UNFINISHED, State.FAILED) if was_asked_again(context.begun_as) else _UNFINISHED
        async with self._database.write() as connection:
            await context.fence(connection)
            await self._store.requeue(connection, batch.id, states)

    async def _counts(self, batch: Batch) -> Counter[State]:
        tally = (await self._store.head(batch.id)).tally
        return Counter({State(name): count for name, count in msgspec.structs.asdict(tally).items()})

    async def _render_all(self, context: JobContext, batch: Batch, tally: _Tally) -> None:
        states = await self._store.states(batch.id)
        queued = [report_id for report_id, state in states if state is State.QUEUED]
        waiting = QueuedReports(self._store, batch.id, queued)
        ledger = ReportLedger(
            database=self._database, store=self._store, quotas=self._quotas, room=self._room, fence=context.fence
        )
        try:
            async with (
                self._laid_out(context, batch, len(queued)) as laid_out,
                ledger,
                asyncio.TaskGroup() as lanes,
            ):
                for _ in range(min(self._parallel, len(queued))):
                    lanes.create_task(self._render_next(context, batch, waiting, ledger, tally, laid_out))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None  # no room, no store, or given up: the same in every lane

    @asynccontextmanager
    async def _laid_out(self, context: JobContext, batch: Batch, reports: int) -> AsyncIterator[LaidOut]:
        """Large datasets in an order in which each report finds its own rows at once: it only makes them faster."""
        found: LaidOut = {}
        async with self._scratch.workplace() as output:
            if reports >= _MANY:
                try:
                    found = await self._room.within(self._lay_out(context, batch, reports, output))
                except JinduError as error:  # whatever it is, reports can be made without
                    if stage_of(error) is not None:
                        raise  # they cannot
                    values = {"reason": {"phrase": error.message, "parameters": plain(error.parameters)}}
                    context.log("Datasets are read as they are stored: {reason}", level="warning", values=values)
            yield found

    async def _lay_out(self, context: JobContext, batch: Batch, reports: int, output: Path) -> LaidOut:
        asked = layout_request(batch, self._blobs, self._limits, output=output, reports=reports)
        async with asked as request:
            found: LaidOut = await context.run_in_worker(
                lay_out, request, on_report=lambda _begun: context.advance(stage="sorting")
            )
        context.advance(stage="rendering")
        return found

    async def _render_next(
        self,
        context: JobContext,
        batch: Batch,
        waiting: QueuedReports,
        ledger: ReportLedger,
        tally: _Tally,
        laid_out: LaidOut,
    ) -> None:
        """One lane: that a report ended and that the next one begins is stored together."""
        made: BatchReport | None = None
        while (report := await waiting.next()) or made:
            turn = await self._stored(ledger, made, report)
            if turn.finished is not None:
                self._tell_end(context, turn.finished, tally)
            if turn.full is not None:
                raise turn.full
            if turn.begun is None:
                return
            self._tell_begin(context, turn.begun, tally)
            made = await self._maker.outcome(context, batch, turn.begun, laid_out)

    async def _stored(self, ledger: ReportLedger, made: BatchReport | None, report: BatchReport | None) -> Turn:
        try:
            return await ledger.turn(finished=made, begun=report)
        except StorageFull:
            if made is not None:
                await self._blobs.delete(*[artifact.blob for artifact in made.artifacts])
            raise

    def _tell_begin(self, context: JobContext, report: BatchReport, tally: _Tally) -> None:
        tally.current[report.id] = report.title
        self._tell(report)
        context.advance(tally.done, detail=tally.detail())

    def _tell_end(self, context: JobContext, made: BatchReport, tally: _Tally) -> None:
        del tally.current[made.id]
        tally.counts[made.state] += 1
        self._tell(made)
        if made.error is not None:
            reason = {"phrase": made.error.message, "parameters": made.error.parameters}
            values = {"title": made.title, "reason": reason, "code": made.error.code}
            context.log("{title}: {reason} ({code})", level="error", values=values)
        context.advance(tally.done, detail=tally.detail())

    def _tell(self, report: BatchReport) -> None:
        data = {
            "report_id": report.id,
            "position": report.position,
            "state": report.state.value,
            "title": report.title,
            # Not why: that is told to those who may see the data (`shown_reports.without_reasons`).
            "error": {"code": report.error.code} if report.error else None,
        }
        self._announce(f"batch:{report.batch_id}", data, None)  # to all who may watch it (live/shared_events.py)


def was_asked_again(job: Job) -> bool:
    """By a person, and this is the first attempt since: those that come by themselves are counted in the job."""
    return job.attempt > 1 and not job.interruptions and not job.failures and not is_held_up(job)


def _links(job: Job) -> Sequence[JobLink]:
    batch_id = job.parameters.get("batch_id")
    return [JobLink(url=f"/batches/{batch_id}", label="Open the reports", icon="layers")] if batch_id else []
