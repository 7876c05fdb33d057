"""Several nodes share one queue: everybody has their turn, and what one node loses another takes up, so often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from server.clock import utc_now
from server.engines import lease_queue as module
from server.engines.postgresql import PostgresqlDatabase
from server.jobs.job import Job, State
from server.jobs.outcomes import ended
from server.storage.tables import jobs
from tests.queues import SLOTS, Node, lease_queue, opened
from tests.unit.engines.leases import add_job, add_person
from tests.waiting import until


@pytest.fixture
async def nodes(shared_rows: PostgresqlDatabase) -> AsyncIterator[list[Node]]:
    await add_person(shared_rows, "bob")
    made = [await opened(shared_rows, lease_queue) for _ in range(2)]
    yield made
    for node in made:
        await node.queue.close()
        await node.queue.end()


async def stored(node: Node, job: Job) -> Job:
    found = await node.life.store.get(job.id)
    assert found is not None
    return found


async def lose(database: PostgresqlDatabase, job: Job) -> None:
    """As if nobody had renewed its lease."""
    async with database.write() as connection:
        gone = text("clock_timestamp() - interval '1 hour'")
        await connection.execute(update(jobs).where(jobs.c.id == job.id).values(lease_until=gone, node="dead"))


async def test_two_nodes_share_twelve_jobs_of_one_owner_and_let_another_ones_go_first(nodes: list[Node]) -> None:
    """Each keeps a place for whoever has none."""
    one, other = nodes
    for _ in range(12):
        await one.put("alice")
    begun = [await node.next() for node in (one, other) for _ in range(SLOTS)]
    assert {job.owner_id for job in begun} == {"alice"}
    of_bob = await other.put("bob")
    waiting = [asyncio.create_task(node.next()) for node in nodes]
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result().id for task in done] == [of_bob.id]
    for node, job in zip((one, one, other, other), begun, strict=True):
        await node.finish(job)
    (task,) = pending
    assert (await task).owner_id == "alice"


async def test_no_job_is_handed_out_twice(nodes: list[Node]) -> None:
    put = [(await nodes[0].put("alice", kind="light")).id for _ in range(20)]
    begun: list[str] = []

    async def run(node: Node) -> None:
        while len(begun) < len(put):
            async with asyncio.timeout(20):
                job = await node.queue.next()
            assert job is not None
            begun.append(job.id)

    tasks = [asyncio.create_task(run(node)) for node in nodes]
    await until(lambda: len(begun) >= len(put))
    for task in tasks:
        task.cancel()
    assert sorted(begun) == sorted(put)


async def test_what_waits_is_found_though_nobody_told_of_it(nodes: list[Node], shared_rows: PostgresqlDatabase) -> None:
    """A word that was lost, and what was put by a server that was alone."""
    job = await add_job(shared_rows)
    assert (await nodes[1].next()).id == job.id


async def test_a_job_that_is_lost_again_and_again_is_given_up(
    nodes: list[Node], shared_rows: PostgresqlDatabase
) -> None:
    job = await nodes[0].put("alice")
    for attempt in (1, 2, 3):
        begun = await nodes[attempt % 2].next()
        assert (begun.attempt, begun.interruptions) == (attempt, attempt - 1)
        await lose(shared_rows, begun)
    failed = await until(lambda: _in_state(nodes[0], job, State.FAILED))
    assert failed.error is not None
    assert (failed.error.code, failed.error.parameters) == ("interrupted", {"count": 3})
    assert (await nodes[0].life.store.attempts.of_job(job.id))[1] == 3


async def test_an_upload_that_waits_says_nothing_of_a_worker_that_died(
    nodes: list[Node], shared_rows: PostgresqlDatabase
) -> None:
    job = await nodes[0].put("alice", kind="waits", message="From a telephone")
    begun = await nodes[1].next()
    await lose(shared_rows, begun)
    again = await nodes[0].next()
    assert (again.id, again.message, again.interruptions) == (job.id, "From a telephone", 0)


async def _in_state(node: Node, job: Job, state: State) -> Job | None:
    found = await stored(node, job)
    return found if found.state is state else None


async def test_whoever_lost_a_job_is_told_to_stop_and_changes_nothing(
    nodes: list[Node], shared_rows: PostgresqlDatabase
) -> None:
    one, other = nodes
    await one.put("alice")
    begun = await one.next()
    await lose(shared_rows, begun)
    again = await other.next()
    assert (again.id, again.attempt) == (begun.id, 2)
    await until(lambda: one.stopped)
    assert one.life.table.own(begun.id) is None
    assert await one.life.move(begun, **ended(State.SUCCEEDED)) is None
    assert (await stored(one, begun)).attempt == 2
    async with shared_rows.write(shared=True) as connection:
        assert not await one.life.store.holds(connection, begun)
        assert await other.life.store.holds(connection, again)


async def test_a_running_job_is_stopped_wherever_it_runs(nodes: list[Node]) -> None:
    one, other = nodes
    job = await one.put("alice")
    begun = await other.next()
    await one.life.store.request_cancel(job.id)
    cancelling = asyncio.create_task(one.queue.cancel(job))
    await until(lambda: set(other.stopped) == {job.id})  # perhaps told twice: by the call, and with the lease
    await other.life.move(begun, **ended(State.CANCELLED))
    await cancelling
    assert (await stored(one, job)).state is State.CANCELLED


async def test_a_pause_is_as_long_at_nodes_with_other_clocks(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is put by a node whose clock is five seconds slow."""

    def slow() -> object:
        return utc_now() - timedelta(seconds=5)

    monkeypatch.setattr(module, "utc_now", slow)
    job = await nodes[0].put("alice", not_before=utc_now() - timedelta(seconds=4.5))
    began = asyncio.get_running_loop().time()
    assert (await nodes[1].next()).id == job.id
    assert asyncio.get_running_loop().time() - began < 4


async def test_a_job_goes_on_at_another_node_while_its_own_one_drains(nodes: list[Node]) -> None:
    one, other = nodes
    await one.put("alice")
    begun = await one.next()
    await one.queue.close()
    assert await one.queue.next() is None
    await one.life.move(begun, state=State.QUEUED)
    one.queue.done(begun)
    again = await other.next()
    assert (again.id, again.attempt, again.interruptions) == (begun.id, 2, 0)


async def test_kinds_that_nobody_knows_are_no_longer_run(nodes: list[Node], shared_rows: PostgresqlDatabase) -> None:
    job = await add_job(shared_rows, kind="forgotten")
    failed = await until(lambda: _in_state(nodes[0], job, State.FAILED))
    assert failed.error is not None
    assert failed.error.code == "unknown_kind"
