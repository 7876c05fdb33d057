"""What every job queue promises the runner: whose turn it is, nothing lost, nothing handed out twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.engines.lease_lines import LeaseLines
from server.engines.lease_queue import LeaseQueue
from server.engines.memory_queue import MemoryQueue
from server.engines.postgresql import PostgresqlDatabase
from server.errors import Conflict
from server.jobs.job import Job, Priority, State
from server.jobs.job_queue import JobQueue
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.lanes import Lane
from server.jobs.life import REVISIONS_LOST, Also, JobLife
from server.jobs.outcomes import FROM_THE_BEGINNING, ended
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.jobs.waiting import Waiting, WaitingFor
from server.storage.database import Database
from server.storage.growth import Growth
from server.storage.tables import users
from tests.contract.conftest import OpenDatabase
from tests.waiting import until


async def nothing(context: object) -> None: ...


KINDS = JobKinds(
    [
        JobKind(name="heavy", label="Heavy", unit="rows", function=nothing),
        JobKind(name="short", label="Short", unit="rows", function=nothing, lane=lambda job: Lane.SHORT),
        JobKind(name="shared", label="Shared", unit="rows", function=nothing, lane=lambda job: Lane.SHARED),
        JobKind(name="light", label="Light", unit="rows", function=nothing, heavy=False),
    ]
)
SLOTS = 2
LEASE_SECONDS = 1.0


def memory_queue(_database: Database) -> JobQueue:
    return MemoryQueue(kinds=KINDS, heavy_slots=SLOTS, max_attempts=3)


def lease_queue(database: Database) -> JobQueue:
    url, node = database.place, new_id()
    return LeaseQueue(
        database=database,
        lines=LeaseLines(url, node=node, lease_seconds=LEASE_SECONDS),
        node=node,
        kinds=KINDS,
        claims=KINDS.names,
        heavy_slots=SLOTS,
        max_attempts=3,
        lease_seconds=LEASE_SECONDS,
    )


ENGINES: dict[str, Callable[[Database], JobQueue]] = {"memory": memory_queue, "leases": lease_queue}


@dataclass
class Node:
    """One queue over the rows, and what it told."""

    queue: JobQueue
    life: JobLife
    stopped: list[str] = field(default_factory=list)
    told: list[tuple[str, State]] = field(default_factory=list)

    async def put(self, owner: str, *, kind: str = "heavy", also: Also | None = None, **fields: Any) -> Job:
        known = {"id": new_id(), "title": "t", "unit": "rows", "created_at": utc_now(), "revision": 1}
        job = Job(kind=kind, owner_id=owner, **{**known, **fields})  # type: ignore[arg-type]
        return await self.life.begin(job, also=also)

    async def next(self) -> Job:
        async with asyncio.timeout(10):
            job = await self.queue.next()
        assert job is not None
        return job

    async def finish(self, job: Job, state: State = State.SUCCEEDED) -> Job:
        finished = await self.life.move(job, **ended(state))
        self.queue.done(job)
        assert finished is not None
        return finished

    async def waiting(self, *job_ids: str) -> Mapping[str, Waiting]:
        """As it is told once these are known to wait."""
        await until(lambda: self.queue.jobs_waiting().keys() >= set(job_ids))
        return self.queue.jobs_waiting()

    async def die(self) -> None:
        """As by a power cut: what it runs is not told to anybody."""
        if isinstance(self.queue, LeaseQueue):
            await self.queue.end()

    async def cancel(self, job: Job) -> bool:
        """As a person does; whether it had not begun."""
        cancelled = await self.life.move(job, **ended(State.CANCELLED))
        await self.queue.cancel(job)
        return cancelled is not None


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
        is_shared = request.param == "leases"
        if is_shared and not isinstance(database, PostgresqlDatabase):
            pytest.skip("PostgreSQL alone is shared")
        queue, store = ENGINES[request.param](database), JobStore(database)
        table = JobTable(keeps=lambda owner_id: True) if is_shared else JobTable()
        node: Node

        async def on_life_change(connection: AsyncConnection, job: Job, notice: object) -> Callable[[], None]:
            return lambda: node.told.append((job.id, job.state))

        saver = ProgressSaver(store=store, table=table)
        life = JobLife(
            database=database,
            table=table,
            store=store,
            saver=saver,
            on_life_change=on_life_change,
            enqueue=queue.put,
            growth=Growth(bytes_per_day=0),
            revisions_unseen=REVISIONS_LOST if is_shared else 0,
        )
        node = Node(queue, life)
        nodes.append(node)
        await queue.open(life, node.stopped.append)
        return node

    yield open_one
    for node in nodes:
        await node.queue.close()
        await node.queue.end()
    for database in databases:
        await database.close()


async def add_people(database: Database) -> None:
    async with database.write() as connection:
        for name in ("alice", "bob"):
            person: dict[str, Any] = {"id": name, "name": name, "name_key": name, "password_hash": ""}
            await connection.execute(insert(users).values(**person, role="editor", created_at=utc_now()))


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
