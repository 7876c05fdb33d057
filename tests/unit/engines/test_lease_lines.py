"""A node keeps its leases while its event loop computes, hears what others say, and learns what it has lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text, update

from server.engines.lease_lines import Heard, LeaseLines
from server.engines.lease_rows import CANCELLED, PUT, notify
from server.engines.postgresql import PostgresqlDatabase
from server.storage.tables import jobs
from tests.unit.engines.leases import add_job
from tests.waiting import until

LEASE_SECONDS = 1.0


class Node:
    def __init__(self, database: PostgresqlDatabase, name: str) -> None:
        self.lines = LeaseLines(database.place, node=name, lease_seconds=LEASE_SECONDS)
        self.put = 0
        self.lost: list[tuple[str, int]] = []
        self.cancelled: list[str] = []

    async def open(self) -> None:
        await self.lines.open(Heard(put=self._put, lost=self._lost, cancelled=self.cancelled.append))

    def _put(self) -> None:
        self.put += 1

    def _lost(self, job_id: str, attempt: int) -> None:
        self.lost.append((job_id, attempt))


@pytest.fixture
async def node(shared_rows: PostgresqlDatabase) -> AsyncIterator[Node]:
    made = Node(shared_rows, "here")
    await made.open()
    await until(lambda: made.put)  # it listens
    yield made
    await made.lines.close()


async def is_held(database: PostgresqlDatabase, job_id: str) -> bool:
    async with database.read() as connection:
        left = await connection.scalar(
            select(jobs.c.lease_until > text("clock_timestamp()")).where(jobs.c.id == job_id)
        )
    return bool(left)


async def test_a_lease_is_renewed_while_the_event_loop_computes(shared_rows: PostgresqlDatabase, node: Node) -> None:
    job = await add_job(shared_rows, node="here", state="running", attempt=1)
    node.lines.hold(job.id, 1)
    await until(lambda: is_held(shared_rows, job.id))
    ends_at = time.monotonic() + 3 * LEASE_SECONDS
    while time.monotonic() < ends_at:
        sum(range(10_000))
    assert await is_held(shared_rows, job.id)
    assert node.lost == []


async def test_what_was_released_is_renewed_no_more(shared_rows: PostgresqlDatabase, node: Node) -> None:
    job = await add_job(shared_rows, node="here", state="running", attempt=1)
    node.lines.hold(job.id, 1)
    await until(lambda: is_held(shared_rows, job.id))
    node.lines.release(job.id, 1)

    async def is_over() -> bool:
        return not await is_held(shared_rows, job.id)

    await until(is_over)


@pytest.mark.parametrize("change", [{"attempt": 2}, {"state": "queued"}, {"node": "elsewhere"}])
async def test_whoever_lost_a_job_is_told(
    shared_rows: PostgresqlDatabase, node: Node, change: dict[str, object]
) -> None:
    job = await add_job(shared_rows, node="here", state="running", attempt=1)
    node.lines.hold(job.id, 1)
    await until(lambda: is_held(shared_rows, job.id))
    async with shared_rows.write() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job.id).values(**change))
    await until(lambda: node.lost)
    assert set(node.lost) == {(job.id, 1)}


async def test_a_row_that_is_locked_is_not_lost_and_renewed_right_after(
    shared_rows: PostgresqlDatabase, node: Node
) -> None:
    job = await add_job(shared_rows, node="here", state="running", attempt=1)
    node.lines.hold(job.id, 1)
    await until(lambda: is_held(shared_rows, job.id))
    async with shared_rows.write() as connection:
        await connection.execute(select(jobs.c.id).where(jobs.c.id == job.id).with_for_update())
        await asyncio.sleep(2 * LEASE_SECONDS)
        assert not await is_held(shared_rows, job.id)
    await until(lambda: is_held(shared_rows, job.id))
    assert node.lost == []


async def test_what_others_say_is_heard(shared_rows: PostgresqlDatabase, node: Node) -> None:
    before = node.put
    async with shared_rows.write() as connection:
        await notify(connection, PUT)
    await until(lambda: node.put > before)

    job = await add_job(shared_rows, node="here", state="running", attempt=1)
    node.lines.hold(job.id, 1)
    await until(lambda: is_held(shared_rows, job.id))
    async with shared_rows.write() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job.id).values(cancel_requested=True))
        await notify(connection, CANCELLED)
    await until(lambda: job.id in node.cancelled)


async def test_lines_that_were_cut_are_made_anew_and_whoever_waits_looks(
    shared_rows: PostgresqlDatabase, node: Node
) -> None:
    before = node.put
    async with shared_rows.write() as connection:
        await connection.execute(
            text("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'jindu leases here'")
        )
    await until(lambda: node.put > before)
    job = await add_job(shared_rows, node="here", state="running", attempt=1)
    node.lines.hold(job.id, 1)
    await until(lambda: is_held(shared_rows, job.id))
