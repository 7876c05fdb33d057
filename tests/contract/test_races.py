"""Two nodes on one database decide at the same moment: one of them decides first, and the other knows of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.credentials import Credentials
from server.auth.permissions import Principal, Role
from server.auth.seals import Seals
from server.auth.throttle import LoginThrottle
from server.auth.users import Clash, User, UserStore
from server.clock import new_id, utc_now
from server.datasets.catalog import Catalog
from server.datasets.dataset import Mode, Version
from server.datasets.import_reading import ImportParameters
from server.datasets.importing import require_unchanged
from server.datasets.schema import Column
from server.engines.local_files import LocalFiles
from server.errors import Conflict, JobFailed
from server.jobs.context import JobContext
from server.jobs.job import Job, State
from server.jobs.keys import Asked
from server.jobs.life import JobLife
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.operations.accounts import AccountOperations
from server.operations.admin import AdminOperations
from server.operations.first_run import FirstRun
from server.operations.password_step import PasswordStep
from server.realtime.history import History
from server.settings import Settings
from server.storage.database import Database
from server.storage.growth import Growth
from server.storage.quotas import Quotas
from server.storage.tables import users
from server.uploads.files import TakenOver, Upload, UploadStore
from tests.conftest import QUICK_PASSWORDS
from tests.contract.conftest import OpenDatabase

T = TypeVar("T")
SEALS = Seals(Fernet(Fernet.generate_key()))
ROOT = Path(__file__).parent.parent.parent


class AlwaysShared:
    """A database on which nobody ever writes alone: what is right here rests on what was locked, not on the turn.

    It commits late, so that decisions do overlap.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def write(self, *, shared: bool = False) -> AsyncIterator[AsyncConnection]:
        async with self._database.write(shared=True) as connection:
            yield connection
            await asyncio.sleep(0.05)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@dataclass(frozen=True, slots=True)
class Node:
    """The parts of one node that decide."""

    database: Database
    catalog: Catalog
    history: History
    life: JobLife
    users: UserStore
    admin: AdminOperations
    first_run: FirstRun
    uploads: UploadStore

    async def begin(self, key: str | None = None) -> Job:
        job = Job(
            id=new_id(), kind="import", owner_id="alice", title="t", unit="rows", created_at=utc_now(), revision=1
        )
        return await self.life.begin(job, asked=Asked.under(key, by="alice", what={}))

    def context(self, job: Job) -> JobContext:
        return JobContext(job, life=self.life, workers=None)  # type: ignore[arg-type]

    async def publish(self, name: str, mode: Mode, *, columns: tuple[str, ...] = ("a",)) -> Version:
        async with self.database.write() as connection:
            return await self.publish_in(connection, name, mode, columns=columns)

    async def publish_in(
        self, connection: AsyncConnection, name: str, mode: Mode, *, columns: tuple[str, ...] = ("a",)
    ) -> Version:
        job_id = new_id()
        return await self.catalog.publish(
            connection,
            owner_id="alice",
            name=name,
            mode=mode,
            job_id=job_id,
            files=[job_id],
            row_count=1,
            rejected_count=0,
            bytes=1,
            own_bytes=1,
            columns=[Column(name=column, type="text") for column in columns],
            statistics={},
            source={},
        )


def node(database: Database, directory: Path) -> Node:
    async def tell_nobody(connection: AsyncConnection, job: Job, notice: object = None) -> Callable[[], None]:
        return lambda: None

    table, store = JobTable(), JobStore(database)
    saver = ProgressSaver(store=store, table=table)
    credentials = Credentials.over(database, passwords=QUICK_PASSWORDS, seals=SEALS, session_days=1)
    accounts = AccountOperations(
        database=database,
        credentials=credentials,
        languages=Languages.load(ROOT / "locales"),
        password_step=PasswordStep(
            database=database,
            credentials=credentials,
            throttle=LoginThrottle(10),
            tell=lambda user_id, notice: None,
        ),
    )
    return Node(
        database=database,
        catalog=Catalog(database, LocalFiles(directory / "blobs"), announce=lambda *call: None),
        history=History(database),
        life=JobLife(
            database=database,
            table=table,
            store=store,
            saver=saver,
            on_life_change=tell_nobody,
            enqueue=tell_nobody,
            growth=Growth(bytes_per_day=0),
        ),
        users=credentials.users,
        admin=AdminOperations(database=database, credentials=credentials, settings=Settings(), parts={}),
        first_run=FirstRun(database=database, users=credentials.users, accounts=accounts),
        uploads=UploadStore(database, quotas=Quotas()),
    )


Nodes = tuple[Node, Node]


@pytest.fixture(params=["with turns", "by locks alone"])
async def nodes(request: pytest.FixtureRequest, open_another: OpenDatabase, tmp_path: Path) -> AsyncIterator[Nodes]:
    """Alice and Bob are administrators."""
    databases = [open_another(), open_another()]
    async with databases[0].write() as connection:
        people = [
            {"id": name, "name": name, "name_key": name, "password_hash": "", "role": "admin", "created_at": utc_now()}
            for name in ("alice", "bob")
        ]
        await connection.execute(insert(users), people)
    for database in databases:  # connected, so that neither is late
        async with database.write(shared=True), database.read():
            pass
    used = databases if request.param == "with turns" else [AlwaysShared(database) for database in databases]
    yield (node(used[0], tmp_path), node(used[1], tmp_path))  # type: ignore[arg-type]
    for database in databases:
        await database.close()


async def at_once(*decisions: Awaitable[Any]) -> list[Any]:
    """What each came to, or raised; the refusals last."""
    found = await asyncio.gather(*decisions, return_exceptions=True)
    return sorted(found, key=lambda each: isinstance(each, BaseException))


async def begun(decision: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """It has had time to come as far as it can while others are in the middle of something."""
    task = asyncio.create_task(decision)
    await asyncio.wait([task], timeout=0.5)
    return task


async def test_two_administrators_cannot_demote_each_other(nodes: Nodes) -> None:
    async def demote(by: Node, whom: str, who: str) -> User:
        asking = Principal(user_id=who, user_name=who, role=Role.ADMIN, language="en")
        return await by.admin.change_user(asking, whom, role=Role.EDITOR)

    done, refused = await at_once(demote(nodes[0], "bob", "alice"), demote(nodes[1], "alice", "bob"))
    assert (done.role, refused.specific_code) == (Role.EDITOR, "last_administrator")
    assert await nodes[0].users.has_admin()


async def test_a_job_that_was_cancelled_elsewhere_does_not_start(nodes: Nodes) -> None:
    here, there = nodes
    job = await here.begin()
    assert await there.life.move(job, state=State.CANCELLED, finished_at=utc_now())
    assert await here.life.move(job, state=State.RUNNING, attempt=1, started_at=utc_now()) is None
    stored = await here.life.store.get(job.id)
    assert stored is not None
    assert stored.state is State.CANCELLED


async def test_a_change_of_state_whose_commit_went_unanswered_can_be_stored_again(nodes: Nodes) -> None:
    here, there = nodes
    job = await here.begin()
    running = await here.life.move(job, state=State.RUNNING, attempt=1, started_at=utc_now())
    assert running is not None
    outcome = {"state": State.SUCCEEDED, "finished_at": utc_now()}
    there.life.table.put(running)
    assert await here.life.move(running, **outcome)
    assert await there.life.move(running, **outcome)
    assert await there.life.move(running, state=State.FAILED, finished_at=utc_now()) is None


async def test_nothing_is_published_after_a_cancel_that_was_stored(nodes: Nodes) -> None:
    here, there = nodes
    job = await here.begin()
    running = await here.life.move(job, state=State.RUNNING, attempt=1, started_at=utc_now())
    assert running is not None
    async with here.database.write() as connection:
        await here.context(running).fence(connection)
        cancelling = await begun(there.life.store.request_cancel(job.id))
        assert not cancelling.done()
        await here.publish_in(connection, "orders", "create")
    await cancelling
    async with here.database.write() as connection:
        with pytest.raises(JobFailed):
            await here.context(running).fence(connection)


async def test_two_imports_that_create_one_dataset_are_one_and_a_conflict(nodes: Nodes) -> None:
    done, refused = await at_once(*(each.publish("orders", "create") for each in nodes))
    assert (done.number, type(refused), refused.specific_code) == (1, Conflict, "dataset_exists")


async def test_imports_that_replace_one_dataset_have_a_number_each(nodes: Nodes) -> None:
    made = await asyncio.gather(*(each.publish("orders", "replace") for each in nodes * 4))
    assert sorted(version.number for version in made) == list(range(1, 9))
    newest = max(made, key=lambda version: version.number)
    assert (await nodes[0].catalog.get("alice", "orders")).current.files == newest.files


async def test_rows_are_not_appended_to_columns_that_were_changed_meanwhile(nodes: Nodes) -> None:
    here, there = nodes
    await here.publish("orders", "create")
    seen = await here.catalog.get("alice", "orders")
    wanted = ImportParameters(upload_id="u", dataset="orders", mode="append")

    async def append() -> None:
        async with here.database.write() as connection:
            await require_unchanged(connection, wanted=wanted, job_owner_id="alice", seen=seen)
            await here.publish_in(connection, "orders", "append")

    async with there.database.write() as connection:
        await there.publish_in(connection, "orders", "replace", columns=("a", "b"))
        appending = await begun(append())
    with pytest.raises(Conflict, match="changed meanwhile"):
        await appending


async def test_one_idempotency_key_begins_one_job(nodes: Nodes) -> None:
    begun = await asyncio.gather(*(each.begin("key") for each in nodes * 4))
    assert len({job.id for job in begun}) == 1


async def test_a_stream_that_is_met_first_at_two_nodes_is_one(nodes: Nodes) -> None:
    await asyncio.gather(*(each.history.load("alice") for each in nodes))
    assert nodes[0].history.position("alice") == nodes[1].history.position("alice")


async def test_messages_kept_at_two_nodes_have_an_offset_each(nodes: Nodes) -> None:
    async def keep(at: Node) -> int:
        async with at.database.write() as connection:
            return (await at.history.append(connection, "alice", type="t", body=b"{}")).offset

    assert sorted(await asyncio.gather(*(keep(each) for each in nodes * 4))) == list(range(1, 9))


async def test_one_name_is_given_to_one_person(nodes: Nodes) -> None:
    async def add(at: Node) -> Clash | None:
        person = User(id=new_id(), name="Charlie", role=Role.EDITOR, password_hash="", created_at=utc_now())
        async with at.database.write() as connection:
            return await at.users.add(connection, person)

    assert set(await asyncio.gather(*(add(each) for each in nodes))) == {None, Clash.TAKEN}


async def test_two_new_nodes_start_and_one_of_their_codes_counts(nodes: Nodes) -> None:
    async with nodes[0].database.write() as connection:
        await connection.execute(users.update().values(role="editor"))
    await asyncio.gather(*(each.first_run.prepare(admin_user="", admin_password="") for each in nodes))
    assert [await nodes[0].first_run.is_code(each.first_run.code or "") for each in nodes].count(True) == 1


async def test_two_new_nodes_with_one_administrator_in_their_settings_start(nodes: Nodes) -> None:
    async with nodes[0].database.write() as connection:
        await connection.execute(users.update().values(role="editor"))
    await asyncio.gather(
        *(each.first_run.prepare(admin_user="root", admin_password="correct-horse-root") for each in nodes)
    )
    root = await nodes[0].users.by_name("root")
    assert root is not None
    assert root.role is Role.ADMIN


async def test_bytes_of_one_upload_are_acknowledged_to_one_request(nodes: Nodes) -> None:
    upload = Upload(
        id=new_id(),
        owner_id="alice",
        name="a.csv",
        media_type="",
        size=10,
        offset=0,
        sha256=None,
        metadata={},
        job_id=None,
        created_at=utc_now(),
        completed_at=None,
        expires_at=None,
    )
    async with nodes[0].database.write() as connection:
        await nodes[0].uploads.add(connection, upload)
    moves = (each.uploads.move_offset(upload, 5 + n, before=0, expires_at=utc_now()) for n, each in enumerate(nodes))
    done, refused = await at_once(*moves)
    assert (done, type(refused)) == (None, TakenOver)
