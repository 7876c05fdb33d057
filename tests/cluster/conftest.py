"""Several nodes as processes of their own, on one PostgreSQL, Valkey and S3 store: two serve people, one runs jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest
from cryptography.fernet import Fernet

from server.storage.database import Database
from tests.conftest import new_user, signed_in
from tests.functional.live_client import Json, LiveSocket, connected
from tests.ports import free_port
from tests.process import ServerProcess
from tests.valkey import ValkeyProcess

LOOK_SECONDS = 1.0
CREDENTIAL_LOOK_SECONDS = 6.0  # what is closed long before that was told, and not found


@dataclass(frozen=True)
class Cluster:
    """`home` runs the jobs, `east` and `west` serve people."""

    database_url: str
    valkey: ValkeyProcess
    home: ServerProcess
    east: ServerProcess
    west: ServerProcess

    @property
    def nodes(self) -> tuple[ServerProcess, ...]:
        return (self.home, self.east, self.west)


def node(directory: Path, name: str, environment: dict[str, str], **more: str) -> ServerProcess:
    data = directory / name
    data.mkdir(exist_ok=True)
    ports = {"JINDU_GRPC_PORT": str(free_port())}
    return ServerProcess(data, environ={**environment, **ports, "JINDU_NODE": name, **more})


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, str]:
    """What all nodes have in common."""
    from tests import postgresql, seaweed

    return {
        "JINDU_DATABASE_URL": postgresql.new_database(f"cluster_{worker_id}"),
        "JINDU_SECRET_KEY": Fernet.generate_key().decode(),
        "JINDU_STORAGE_URL": seaweed.new_place(),
        "JINDU_STORAGE_KEY_ID": seaweed.KEY_ID,
        "JINDU_STORAGE_SECRET": seaweed.SECRET,
        "JINDU_WORKERS": "1",
        "JINDU_BROKER_LOOK_SECONDS": str(LOOK_SECONDS),
        "JINDU_CREDENTIAL_LOOK_SECONDS": str(CREDENTIAL_LOOK_SECONDS),
        "JINDU_DRAIN_SECONDS": "1",
        "JINDU_PEER": "1",
        "JINDU_GRAPHQL": "1",
        "JINDU_MAX_CONNECTIONS_PER_USER": "4",
        "JINDU_RECONNECTS_PER_SECOND": "1000",
    }


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Cluster]:
    directory, valkey = tmp_path_factory.mktemp("cluster"), ValkeyProcess()
    valkey.start()
    environment["JINDU_BROKER_URL"] = valkey.url
    cluster = Cluster(
        database_url=environment["JINDU_DATABASE_URL"],
        valkey=valkey,
        home=node(directory, "home", environment),
        east=node(directory, "east", environment, JINDU_ROLE="web"),
        west=node(directory, "west", environment, JINDU_ROLE="web"),
    )
    try:
        cluster.home.start()  # it makes the tables and the administrator
        with ThreadPoolExecutor() as threads:
            list(threads.map(ServerProcess.start, (cluster.east, cluster.west)))
        yield cluster
    finally:
        for each in cluster.nodes:
            each.kill()
        valkey.kill()


class Patient(LiveSocket):
    """Three servers may share few cores with everything else."""

    async def next(self, wanted: str | Callable[[Json], bool] | None = None, *, seconds: float = 30.0) -> Json:
        return await super().next(wanted, seconds=seconds)


@asynccontextmanager
async def live(client: aiohttp.ClientSession, client_id: str = "tab") -> AsyncIterator[Patient]:
    async with connected(client, client_id) as socket:
        patient = Patient(socket.socket)
        await patient.joined(seconds=30)
        yield patient


@dataclass(frozen=True)
class People:
    """Clients of somebody at each node, with the same token."""

    home: aiohttp.ClientSession
    east: aiohttp.ClientSession
    west: aiohttp.ClientSession

    @property
    def token(self) -> str:
        return str(self.home.headers["Authorization"]).removeprefix("Bearer ")


class HasNodes(Protocol):
    @property
    def nodes(self) -> Sequence[ServerProcess]: ...
    @property
    def east(self) -> ServerProcess: ...


async def everywhere(cluster: HasNodes, client: aiohttp.ClientSession) -> People:
    headers = {"Authorization": client.headers["Authorization"]}
    await client.close()
    return People(*(aiohttp.ClientSession(each.url, headers=headers) for each in cluster.nodes))


async def close(people: People) -> None:
    for client in (people.home, people.east, people.west):
        await client.close()


@pytest.fixture
def served(cluster: Cluster) -> HasNodes:
    """Whose nodes the people below speak to; a module with nodes of its own names them instead."""
    return cluster


@pytest.fixture
async def admin(served: HasNodes) -> AsyncIterator[People]:
    people = await everywhere(served, await signed_in(served.east, "admin"))
    yield people
    await close(people)


@pytest.fixture
async def alice(served: HasNodes, admin: People) -> AsyncIterator[People]:
    people = await everywhere(served, await a_user(served, admin, "alice"))
    yield people
    await close(people)


@pytest.fixture
async def bob(served: HasNodes, admin: People) -> AsyncIterator[People]:
    people = await everywhere(served, await a_user(served, admin, "bob"))
    yield people
    await close(people)


@pytest.fixture
async def database(served: HasNodes) -> AsyncIterator[Database]:
    found = served.east.database()
    yield found
    await found.close()


async def a_user(cluster: HasNodes, admin: People, name: str) -> aiohttp.ClientSession:
    """Made at the first test that asks; later ones sign in anew."""
    async with admin.west.get("/api/v1/admin/users", params={"q": name}) as response:
        known = (await response.json())["items"]
    if known:
        return await signed_in(cluster.nodes[-1], name)
    return await new_user(cluster.nodes[-1], admin.west, name)
