"""A script speaks to one node and then to another: its job moves along, ends once, and is given up once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.engines.lease_scripts import LeaseScripts
from server.engines.postgresql import PostgresqlDatabase
from server.errors import Unavailable
from server.jobs.external_among_nodes import ScriptsAmongNodes
from server.jobs.external_told import Cancelled, Ending, NewExternalJob, Over, Update
from server.jobs.job import Job, State
from server.jobs.life import REVISIONS_LOST, JobLife
from server.jobs.outcomes import Notice
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.storage.growth import Growth
from server.storage.tables import jobs
from tests.databases import EmptyPostgresql
from tests.unit.engines.leases import add_person

DONE = Ending(state=State.SUCCEEDED, result={"rows": 5})
NEW = NewExternalJob(title="Backup", total=4)


class Node:
    """One of several on a database; nobody is connected to it."""

    def __init__(self, database: PostgresqlDatabase, name: str) -> None:
        self.store, self.told = JobStore(database), list[State]()
        table = JobTable(keeps=lambda _: False)

        async def on_life_change(connection: AsyncConnection, job: Job, notice: Notice | None) -> Callable[[], None]:
            return lambda: self.told.append(job.state)

        async def enqueue(connection: AsyncConnection, job: Job) -> Callable[[], None]:
            raise AssertionError("a script's job takes no place in the queue")

        self.life = JobLife(
            database=database,
            table=table,
            store=self.store,
            saver=ProgressSaver(store=self.store, table=table),
            on_life_change=on_life_change,
            enqueue=enqueue,  # type: ignore[arg-type]
            growth=Growth(bytes_per_day=0),
            revisions_unseen=REVISIONS_LOST,
        )
        shared = LeaseScripts(database=database, node=name, silence_seconds=60.0)
        self.jobs = ScriptsAmongNodes(life=self.life, shared=shared, silence_seconds=60.0)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.jobs.watch())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="module")
def empty(worker_id: str) -> Iterator[EmptyPostgresql]:
    with closing(EmptyPostgresql(f"scripts_{worker_id}")) as database:
        yield database


@pytest.fixture
async def rows(empty: EmptyPostgresql, tmp_path: Path) -> AsyncIterator[PostgresqlDatabase]:
    made = PostgresqlDatabase(empty.put_into(tmp_path))
    await add_person(made, "alice")
    yield made
    await made.close()


@pytest.fixture
async def nodes(rows: PostgresqlDatabase) -> AsyncIterator[tuple[Node, Node]]:
    here, there = Node(rows, "here"), Node(rows, "there")
    for node in (here, there):
        await node.jobs.open()
    yield here, there
    for node in (here, there):
        node.jobs.close()
        await node.life.saver.flush()


async def fall_silent(rows: PostgresqlDatabase) -> None:
    async with rows.write() as connection:
        await connection.execute(update(jobs).values(lease_until=text("clock_timestamp() - interval '1 second'")))


async def stored(node: Node, job_id: str) -> Job:
    found = await node.store.get(job_id)
    assert found is not None
    return found


async def test_a_job_moves_along_with_its_script_and_ends_where_it_says_so(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    job = await here.jobs.begin("alice", NEW)
    assert (await here.jobs.update(job.id, Update(progress=1))).progress == 1
    moved = await there.jobs.update(job.id, Update(progress=2))
    assert (moved.progress, there.jobs.statistics().running) == (2, 1)
    assert (await here.jobs.update(job.id, Update(progress=3))).progress == 3
    done = await there.jobs.update(job.id, Update(ending=DONE))
    assert (done.state, done.result) == (State.SUCCEEDED, {"rows": 5})
    assert await here.jobs.update(job.id, Update(ending=DONE)) == await stored(here, job.id)
    with pytest.raises(Over):
        await here.jobs.update(job.id, Update(progress=4))
    assert [*here.told, *there.told].count(State.SUCCEEDED) == 1


async def test_all_nodes_count_the_jobs_of_one_person(rows: PostgresqlDatabase, nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    await here.jobs.begin("alice", NEW)
    counted: list[int] = []

    async def count(connection: AsyncConnection, job: Job) -> None:
        counted.append(await there.jobs.running_of(connection, "alice"))

    await there.jobs.begin("alice", NEW, also=count)
    assert counted == [1]


async def test_a_person_cancels_it_at_a_node_that_does_not_hear_it(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    job = await here.jobs.begin("alice", NEW)
    assert (await there.jobs.cancel(job.id)).state is State.CANCELLED
    assert (await there.jobs.cancel(job.id)).state is State.CANCELLED
    with pytest.raises(Cancelled):
        await here.jobs.update(job.id, Update(progress=1))
    assert here.jobs.statistics().running == 0


async def test_one_that_falls_silent_is_given_up_once_and_goes_on_at_the_node_that_it_speaks_to(
    rows: PostgresqlDatabase, nodes: tuple[Node, Node]
) -> None:
    here, there = nodes
    job = await here.jobs.begin("alice", NEW)
    await fall_silent(rows)
    async with here.watching(), there.watching(), asyncio.timeout(15):
        while (await stored(here, job.id)).state is not State.FAILED or here.jobs.statistics().running:
            await asyncio.sleep(0.02)
    lines = [line.message for line in (await here.store.lines.page(job.id, limit=10)).lines]
    assert len([line for line in lines if "Nothing was heard" in line]) == 1
    again = await there.jobs.update(job.id, Update(progress=3))
    assert (again.state, again.progress, again.error, there.jobs.statistics().running) == (State.RUNNING, 3, None, 1)


async def test_a_node_that_stops_leaves_its_scripts_to_the_others(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    job = await here.jobs.begin("alice", NEW)
    here.jobs.close()
    with pytest.raises(Unavailable):
        await here.jobs.update(job.id, Update(progress=1))
    assert (await there.jobs.update(job.id, Update(progress=2))).progress == 2
