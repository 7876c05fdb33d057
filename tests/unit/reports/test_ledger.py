"""What becomes of reports is stored together where it comes together, and never half."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.errors import JobFailed, StorageFull
from server.jobs.job import Job, State
from server.jobs.store import JobStore
from server.reports.batch_store import BatchStore
from server.reports.batches import Batch, BatchReport, StoredArtifact
from server.reports.ledger import ReportLedger
from server.reports.work import ExpandedReport
from server.storage.database import Database
from server.storage.quotas import Quota, Quotas, Stored
from server.storage.reserve import Reserve
from server.storage.room import Room

QUOTA_BYTES = 1000


class Made:
    """A batch of six reports in a database, and how often its ledger asked whether it may still write."""

    def __init__(self, database: Database, store: BatchStore, batch_id: str, directory: Path) -> None:
        self.store = store
        self.batch_id = batch_id
        self.transactions = 0
        self.is_taken_over = False
        self.ledger = ReportLedger(
            database=database,
            store=store,
            quotas=Quotas({Stored.REPORTS: Quota(per_user=QUOTA_BYTES)}),
            room=Room(directory, min_free_bytes=0, reserve=Reserve(directory / "reserve", wanted_bytes=0)),
            fence=self._fence,
        )

    async def reports(self) -> list[BatchReport]:
        return await self.store.all_reports(self.batch_id)

    async def states(self) -> list[str]:
        return [report.state.value for report in await self.reports()]

    async def _fence(self, connection: AsyncConnection) -> None:
        self.transactions += 1
        if self.is_taken_over:
            raise JobFailed("Another attempt goes on.")


@pytest.fixture
async def made(database: Database, tmp_path: Path) -> Made:
    store, now = BatchStore(database), utc_now()
    job = Job(id=new_id(), kind="batch_report", owner_id="alice", title="", unit="reports", created_at=now)
    job = msgspec.structs.replace(job, state=State.RUNNING, revision=1)
    batch = Batch(
        id=new_id(),
        owner_id="alice",
        job_id=job.id,
        name="Sales",
        template_name="sales",
        template_version=1,
        template_source="",
        requested=None,
        formats=["html"],
        clock=now,
        dataset_versions={},
        language="en",
        time_zone="UTC",
        report_count=6,
        created_at=now,
    )
    async with database.write() as connection:
        await JobStore(database).add(connection, job)
        await store.add(connection, batch)
        await store.add_reports(connection, batch, [ExpandedReport(parameters={"n": number}) for number in range(6)])
    return Made(database, store, batch.id, tmp_path)


def ended(report: BatchReport, size: int = 1) -> BatchReport:
    file = StoredArtifact(
        file="a.html", format="html", type="text/html", size=size, sha256="", blob=f"reports/{report.id}"
    )
    return msgspec.structs.replace(report, state=State.SUCCEEDED, artifacts=[file])


async def test_what_comes_while_one_transaction_runs_shares_the_next(made: Made) -> None:
    reports = await made.reports()
    async with made.ledger as ledger:
        begun = await asyncio.gather(*(ledger.turn(begun=report) for report in reports[:3]))
        following = zip(begun, reports[3:], strict=True)
        turns = await asyncio.gather(
            *(ledger.turn(finished=ended(turn.begun or reports[0]), begun=report) for turn, report in following)
        )
    assert made.transactions <= 4
    assert await made.states() == ["succeeded"] * 3 + ["running"] * 3
    assert [turn.finished.finished_at is not None for turn in turns if turn.finished] == [True] * 3


async def test_a_report_without_room_takes_no_other_with_it(made: Made) -> None:
    first, large, third, fourth, *_ = await made.reports()
    async with made.ledger as ledger:
        answers = await asyncio.gather(
            ledger.turn(finished=ended(first, 600)),
            ledger.turn(finished=ended(large, 600), begun=fourth),
            ledger.turn(finished=ended(third, 300)),
            return_exceptions=True,
        )
    assert [isinstance(answer, StorageFull) for answer in answers] == [False, True, False]
    assert (await made.states())[:4] == ["succeeded", "queued", "succeeded", "queued"]


async def test_what_ended_is_kept_also_where_the_next_has_no_room(made: Made) -> None:
    first, second, *_ = await made.reports()
    async with made.ledger as ledger:
        turn = await ledger.turn(finished=ended(first, QUOTA_BYTES), begun=second)
    assert isinstance(turn.full, StorageFull)
    assert (turn.finished is not None, turn.begun) == (True, None)
    assert (await made.states())[:2] == ["succeeded", "queued"]


async def test_nothing_is_stored_once_another_attempt_goes_on(made: Made) -> None:
    first, second, *_ = await made.reports()
    made.is_taken_over = True
    async with made.ledger as ledger:
        turns = (ledger.turn(finished=ended(first)), ledger.turn(begun=second))
        answers = await asyncio.gather(*turns, return_exceptions=True)
    assert [type(answer) for answer in answers] == [JobFailed, JobFailed]
    assert await made.states() == ["queued"] * 6


async def test_at_its_end_nothing_is_under_way(made: Made) -> None:
    first, *_ = await made.reports()
    async with made.ledger as ledger:
        waiting = asyncio.create_task(ledger.turn(finished=ended(first)))
        await asyncio.sleep(0)
        waiting.cancel()
    assert await made.states() in (["succeeded"] + ["queued"] * 5, ["queued"] * 6)
    transactions = made.transactions
    await made.reports()
    assert made.transactions == transactions
