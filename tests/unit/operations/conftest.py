"""The house without a web around it, with the people who live in it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import argon2
import pytest
from sqlalchemy import select

from server.app.parts import Parts, build_parts
from server.auth.audit_search import AuditFilter
from server.auth.permissions import Principal, Role, Scope
from server.auth.users import User
from server.clock import new_id, utc_now
from server.datasets.dataset import Mode, Version
from server.datasets.import_orders import ImportRequest
from server.datasets.version_rows import data_key
from server.errors import JinduError
from server.jobs.job import Job
from server.operations.batches import BatchStart
from server.operations.made_files import MadeFile
from server.operations.monitoring import MonitoringOperations
from server.operations.offered import Operations
from server.operations.peers import PeerOperations
from server.operations.uploads import NewUpload
from server.reports.batch_orders import BatchOrder
from server.settings import Settings
from server.storage.tables import users
from server.uploads.files import Upload
from tests.conftest import PASSWORDS, QUICK_PASSWORDS
from tests.unit.auth.conftest import MovableClock
from tests.unit.live.conftest import joined
from tests.unit.operations.monitored import NOON
from tests.unit.operations.peer_browsers import Browser
from tests.waiting import until

ORDERS = b"id,region,amount\n1,north,120\n2,south,80\n3,north,40\n"
DIRTY = b"id,region,amount\n1,north,120\n2,south\n3,north,40\n4,south,5,6\n"  # two rows that are none
SALES = """\
title: Sales
formats: [html]
queries:
  sales: select region, sum(amount) as revenue from orders group by region order by region
blocks:
  - table: {query: sales}
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file, to be published again without reading it."""

    version: Version
    parquet: bytes


_IMPORTED: dict[bytes, Imported] = {}


@dataclass(frozen=True, slots=True)
class House:
    """All parts, open, and short ways to what many tests begin with."""

    parts: Parts
    admin: Principal
    alice: Principal
    bob: Principal

    @property
    def todo(self) -> Operations:
        return self.parts.operations

    async def user(self, name: str, *, role: Role = Role.EDITOR) -> Principal:
        """Somebody else."""
        return _principal(await self.todo.accounts.create_user(None, name=name, password="correct-horse", role=role))

    async def upload(self, owner: Principal, content: bytes = ORDERS, *, name: str = "orders.csv") -> Upload:
        return await self.todo.uploads.receive_whole(owner, NewUpload(name=name, size=len(content)), in_pieces(content))

    async def imported(
        self, owner: Principal, /, content: bytes = ORDERS, *, name: str = "orders.csv", **wanted: Any
    ) -> Job:
        """The job of an import that has ended, whether well or not."""
        upload = await self.upload(owner, content, name=name)
        request = ImportRequest(upload_id=upload.id, **{"dataset": "orders", **wanted})
        return await self.ended(owner, await self.todo.imports.start(owner, request))

    async def given(
        self, owner: Principal, content: bytes = ORDERS, *, dataset: str = "orders", mode: Mode = "create"
    ) -> Version:
        """A version as an import of this file makes it, which happens once for all tests and is published by each."""
        made = _IMPORTED.get(content)
        if made is None:
            made = _IMPORTED[content] = await self._imported_once(content)
        storage, catalog, key = self.parts.storage, self.parts.datasets.catalog, data_key(new_id())
        scratch = storage.scratch.path()
        scratch.write_bytes(made.parquet)
        await storage.blobs.publish(scratch, key)
        async with storage.database.write() as connection:
            return await catalog.publish(
                connection,
                owner_id=owner.user_id,
                name=dataset,
                mode=mode,
                job_id=key.split("/")[1],
                files=[key],
                row_count=made.version.row_count,
                rejected_count=0,
                bytes=made.version.bytes,
                own_bytes=made.version.bytes,
                columns=made.version.columns,
                statistics=made.version.statistics,
                source=made.version.source,
            )

    async def _imported_once(self, content: bytes) -> Imported:
        keeper = await self.user(f"keeper{len(_IMPORTED)}")  # whose things nobody counts
        await self.imported(keeper, content, dataset="imported")
        version = (await self.todo.datasets.get(keeper, "imported")).current
        async with self.parts.storage.blobs.fetch(version.files) as (path,):
            parquet = path.read_bytes()
        await self.todo.datasets.delete(keeper, "imported")
        return Imported(version, parquet)

    def left_in_scratch(self) -> list[str]:
        """What nobody will send or remove."""
        return [path.name for path in (self.parts.settings.data / "blobs" / "partial").iterdir()]

    async def reported(self, owner: Principal, /, template: str = "sales", **wanted: Any) -> BatchStart:
        """A batch whose job has ended."""
        started = await self.todo.batch_orders.start(owner, BatchOrder(template=template, **wanted))
        return BatchStart(job=await self.ended(owner, started.job), batch_id=started.batch_id)

    async def ended(self, owner: Principal, job: Job) -> Job:
        async with asyncio.timeout(30):
            while not job.state.is_final:
                await asyncio.sleep(0.005)
                job = await self.todo.jobs.get(owner, job.id)
        return job

    async def audited(self, action: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Who did so to what, oldest first."""
        lines = (await self.todo.audit.page(self.admin, AuditFilter(actions=[action]))).lines
        return [(line.user_name, line.subject, line.detail) for line in reversed(lines)]

    async def audited_ids(self, action: str) -> list[tuple[str, str]]:
        """Who did so to which one, oldest first."""
        lines = (await self.todo.audit.page(self.admin, AuditFilter(actions=[action]))).lines
        return [(line.user_name, line.subject_id) for line in reversed(lines)]


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as parts:
        yield await peopled(parts)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Parts]:
    before = set(threading.enumerate())
    async with build_parts(settings, passwords=QUICK_PASSWORDS).open() as parts:
        yield parts
    # A chore that is cut short in the database leaves a thread that still says so to the event loop of this test.
    await until(lambda: not [each for each in threading.enumerate() if each not in before and _DATABASE in each.name])


@pytest.fixture
def alice(house: House) -> Principal:
    return house.alice


@pytest.fixture
def bob(house: House) -> Principal:
    return house.bob


@pytest.fixture
def admin(house: House) -> Principal:
    return house.admin


async def peopled(parts: Parts) -> House:
    """With alice and bob beside the administrator of the settings."""
    now = utc_now()
    people = [
        User(id=new_id(), name=name, role=Role.EDITOR, password_hash=_HASHES[name], created_at=now)
        for name in ("alice", "bob")
    ]
    async with parts.storage.database.write() as connection:
        for user in people:
            assert await parts.auth.credentials.users.add(connection, user) is None
        admin_id = await connection.scalar(select(users.c.id).where(users.c.name == "admin"))
    assert admin_id is not None
    admin = Principal(user_id=admin_id, user_name="admin", role=Role.ADMIN, language="en")
    return House(parts, admin, *map(_principal, people))


@contextmanager
def refused(kind: type[JinduError], code: str | None = None, *, fields: tuple[str, ...] = ()) -> Iterator[None]:
    """The block raises `kind` with this code, and says which fields are wrong."""
    with pytest.raises(kind) as raised:
        yield
    assert raised.value.specific_code == (code or kind.code)
    assert tuple(error.field for error in raised.value.errors) == fields


def bytes_of(made: MadeFile) -> bytes:
    """What is sent of it; a file goes with that."""
    if isinstance(made.content, bytes):
        return made.content
    assert isinstance(made.content, Path)
    content = made.content.read_bytes()
    made.content.unlink()
    return content


def only_looking(principal: Principal) -> tuple[Principal, Principal]:
    """The same person as a viewer, and with a token that may only read."""
    return replace(principal, role=Role.VIEWER), replace(principal, scopes=frozenset({Scope.READ}))


async def in_pieces(content: bytes, *, size: int = 1_000_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def _principal(user: User) -> Principal:
    return Principal(user_id=user.id, user_name=user.name, role=user.role, language="en")


_DATABASE = "_connection_worker"  # so aiosqlite calls its threads
_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)  # as QUICK_PASSWORDS
_HASHES = {name: _HASHER.hash(password) for name, password in PASSWORDS.items()}


@pytest.fixture
def monitoring(house: House) -> MonitoringOperations:
    parts = house.parts.monitoring
    return MonitoringOperations(
        database=house.parts.storage.database,
        store=parts.store,
        readings=parts.sampler.readings,
        metrics_addresses=("10.0.0.0/8", "2001:db8::/32"),
        clock=lambda: NOON,
    )


@pytest.fixture
def peer_clock() -> MovableClock:
    return MovableClock(utc_now())


@pytest.fixture
def peers(house: House, peer_clock: MovableClock) -> PeerOperations:
    peers = house.todo.peers
    peers._clock = peers._offers._clock = peer_clock
    return peers


@pytest.fixture
def browser(house: House, peers: PeerOperations) -> Any:
    """Makes one that somebody has signed in with."""

    async def come(principal: Principal, events: tuple[str, ...] = ("me:files",)) -> Browser:
        session = (
            principal if principal.token_id else replace(principal, session_id=f"session of {principal.user_name}")
        )
        return Browser(peers, await joined(house.parts.realtime, session, events=events))

    return come
