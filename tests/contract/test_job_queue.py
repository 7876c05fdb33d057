"""What every job queue promises the runner: whose turn it is, nothing lost, nothing handed out twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import utc_now
from server.engines.postgresql import PostgresqlDatabase
from server.errors import Conflict
from server.jobs.away import FILES_AWAY
from server.jobs.job import Job, Priority, State
from server.jobs.job_queue import JobQueue
from server.jobs.outcomes import FROM_THE_BEGINNING, ended
from server.jobs.waiting import WaitingFor
from server.storage.database import Database
from tests.contract.conftest import OpenDatabase
from tests.queues import FILES, SLOTS, Node, add_people, lease_queue, memory_queue, opened
from tests.waiting import until

ENGINES: dict[str, Callable[[Database], JobQueue]] = {"memory": memory_queue, "leases": lease_queue}
OpenNode = Callable[[], Awaitable[Node]]


@pytest.fixture(params=ENGINES)
async def open_node(request: pytest.FixtureRequest, open_another: OpenDatabase) -> AsyncIterator[OpenNode]:
    databases: list[Database] = []
    nodes: list[Node] = []

    async def open_one() -> Node:
        database = open_another()
        databases.append(database)
        if not nodes:
            await add_people(database)
        if request.param == "leases" and not isinstance(database, PostgresqlDatabase):
            pytest.skip("PostgreSQL alone is shared")
        nodes.append(await opened(database, ENGINES[request.param]))
        return nodes[-1]

    yield open_one
    for node in nodes:
        await node.queue.close()
        await node.queue.end()
    for database in databases:
        await database.close()


@pytest.fixture
async def node(open_node: OpenNode) -> Node:
    return await open_node()


async def test_what_is_handed_out_runs_in_a_new_attempt_that_is_stored_and_told(node: Node) -> None:
    put = await node.put("alice")
    job = await node.next()
    assert (job.id, job.state, job.attempt) == (put.id, State.RUNNING, 1)
    assert await node.life.store.get(job.id) == job
    assert node.told == [(job.id, State.QUEUED), (job.id, State.RUNNING)]


async def test_one_owners_jobs_begin_in_the_order_in_which_they_were_put(node: Node) -> None:
    put = [(await node.put("alice")).id for _ in range(4)]
    begun = []
    for _ in put:
        job = await node.next()
        begun.append(job.id)
        await node.finish(job)
    assert begun == put


async def test_owners_take_turns(node: Node) -> None:
    for owner in ("alice", "alice", "alice", "bob", "bob"):
        await node.put(owner)
    owners = []
    for _ in range(4):
        job = await node.next()
        owners.append(job.owner_id)
        await node.finish(job)
    assert owners == ["alice", "bob", "alice", "bob"]


async def test_whoever_has_fewer_running_is_next(node: Node) -> None:
    for owner in ("alice", "alice", "bob"):
        await node.put(owner)
    assert [(await node.next()).owner_id for _ in range(SLOTS)] == ["alice", "bob"]


async def test_the_last_place_is_for_somebody_who_has_none(node: Node) -> None:
    for _ in range(SLOTS + 1):
        await node.put("alice")
    running = [await node.next() for _ in range(SLOTS)]
    waiting = asyncio.create_task(node.next())
    of_bob = await node.put("bob")
    begun = await waiting
    assert begun.id == of_bob.id
    waiting = asyncio.create_task(node.next())
    await node.finish(begun)
    await node.finish(running[0])  # two places are free
    assert (await waiting).owner_id == "alice"


async def test_short_jobs_and_those_that_share_do_not_wait_for_long_ones_nor_for_each_other(node: Node) -> None:
    for kind in ("heavy", "shared", "short"):
        for _ in range(SLOTS + 1):
            await node.put("alice", kind=kind)
    begun = sorted([(await node.next()).kind for _ in range(3 * SLOTS)])
    assert begun == ["heavy"] * SLOTS + ["shared"] * SLOTS + ["short"] * SLOTS
    await until(lambda: node.queue.statistics().waiting == 3)


async def test_jobs_that_share_their_workers_are_under_way_for_everybody_at_once(node: Node) -> None:
    for owner in ("alice", "bob"):
        for _ in range(SLOTS):
            await node.put(owner, kind="shared")
    owners = [(await node.next()).owner_id for _ in range(2 * SLOTS)]
    assert sorted(owners) == ["alice"] * SLOTS + ["bob"] * SLOTS


async def test_the_priority_orders_only_ones_own_jobs(node: Node) -> None:
    low = await node.put("alice", priority=Priority.LOW)
    normal = await node.put("alice")
    of_bob = await node.put("bob", priority=Priority.LOW)
    high, also_high = await node.put("alice", priority=Priority.HIGH), await node.put("alice", priority=Priority.HIGH)
    begun = []
    for _ in range(5):
        job = await node.next()
        begun.append(job.id)
        await node.finish(job)
    assert begun == [high.id, of_bob.id, also_high.id, normal.id, low.id]


async def test_a_job_that_is_to_be_tried_again_later_lets_others_go_first(node: Node) -> None:
    later = await node.put("alice", not_before=utc_now() + timedelta(seconds=2.5))
    now = await node.put("alice")
    assert (await node.waiting(later.id))[later.id].reason is WaitingFor.AGAIN
    assert [(await node.next()).id for _ in range(2)] == [now.id, later.id]


@pytest.fixture
def files_are_away() -> Iterator[None]:
    FILES.is_away = True
    yield
    FILES.is_away = False


@pytest.mark.usefixtures("files_are_away")
async def test_what_waits_for_files_is_not_begun_in_vain_until_it_has_waited_too_long(node: Node) -> None:
    held_up: dict[str, Any] = {"stage": FILES_AWAY, "not_before": utc_now() + timedelta(seconds=0.2)}
    waits = await node.put("alice", **held_up, stalled_since=utc_now())
    too_long = await node.put("bob", **held_up, stalled_since=utc_now() - timedelta(hours=2))
    assert (await node.next()).id == too_long.id
    assert (await node.waiting(waits.id))[waits.id].reason is WaitingFor.FILES
    FILES.is_away = False
    assert (await node.next()).id == waits.id


async def test_what_waits_knows_its_place_and_whose_work_it_waits_for(node: Node) -> None:
    for _ in range(SLOTS):
        await node.put("alice")
        await node.next()
    of_alice = [(await node.put("alice")).id for _ in range(2)]
    waiting = await node.waiting(*of_alice)
    assert [(waiting[job_id].place, waiting[job_id].count, waiting[job_id].is_own) for job_id in of_alice] == [
        (1, SLOTS, True),
        (2, SLOTS + 1, True),
    ]
    await node.put("bob")
    await node.next()  # the last place
    of_bob = (await node.put("bob")).id
    waiting = await node.waiting(of_bob)
    assert (waiting[of_bob].place, waiting[of_bob].count, waiting[of_bob].is_own) == (1, SLOTS + 1, False)
    assert waiting[of_alice[0]].place == 2
    assert {found.reason for found in waiting.values()} == {WaitingFor.TURN}


async def test_light_jobs_take_no_place(node: Node) -> None:
    for _ in range(SLOTS + 1):
        await node.put("alice")
    for _ in range(SLOTS):
        await node.next()
    light = [(await node.put("alice", kind="light")).id for _ in range(5)]
    assert [(await node.next()).id for _ in light] == light


async def test_what_was_rolled_back_was_never_put(node: Node) -> None:
    async def refuse(connection: AsyncConnection, job: Job) -> None:
        raise Conflict

    with pytest.raises(Conflict):
        await node.put("alice", also=refuse)
    put = await node.put("alice")
    assert (await node.next()).id == put.id


async def test_a_cancelled_job_waits_no_more(node: Node) -> None:
    first, second = await node.put("alice"), await node.put("alice")
    assert await node.cancel(first)
    await until(lambda: node.queue.statistics().waiting == 1)
    assert (await node.next()).id == second.id


async def test_a_job_that_was_handed_out_is_stopped_when_it_is_cancelled(node: Node) -> None:
    job = await node.put("alice")
    await node.next()
    assert not await node.cancel(job)  # as it was before it began
    assert node.stopped == [job.id]


async def test_a_job_that_is_cancelled_while_it_is_handed_out_does_not_run_on(node: Node) -> None:
    for _ in range(20):
        job = await node.put("alice", kind="light")
        handing_out = asyncio.create_task(node.next())
        await asyncio.sleep(0)
        if await node.cancel(job):
            other = await node.put("alice", kind="light")
            assert (await handing_out).id == other.id
        else:
            assert (await handing_out).id == job.id
            assert job.id in node.stopped


async def test_a_job_that_is_started_again_is_handed_out_again(node: Node) -> None:
    await node.put("alice")
    failed = await node.finish(await node.next(), State.FAILED)
    await node.life.move(failed, **FROM_THE_BEGINNING)
    again = await node.next()
    assert (again.id, again.attempt) == (failed.id, 2)


async def test_a_closed_queue_hands_out_nothing_and_its_rows_wait_for_the_next_one(
    node: Node, open_node: OpenNode
) -> None:
    waiting = asyncio.create_task(node.queue.next())
    await asyncio.sleep(0)
    await node.queue.close()
    assert await waiting is None
    put = await node.put("alice")
    assert await node.queue.next() is None
    assert (await (await open_node()).next()).id == put.id


async def test_what_a_process_that_is_no_more_was_running_is_handed_out_again(node: Node, open_node: OpenNode) -> None:
    await node.put("alice")
    lost = await node.next()
    waiting = await node.put("bob")
    await node.die()
    other = await open_node()
    begun = {job.id: job for job in (await other.next(), await other.next())}
    assert begun.keys() == {lost.id, waiting.id}
    assert (begun[lost.id].attempt, begun[lost.id].interruptions) == (2, 1)
    assert begun[lost.id].revision > lost.revision
    assert await node.life.move(lost, **ended(State.SUCCEEDED)) is None  # it was not killed, only slow: too late
