"""A node far away, that listens at a replica beside it: it hears everything, and what it does not hear it reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import make_url

from server.storage.database import Database
from tests.cluster.conftest import CREDENTIAL_LOOK_SECONDS, Cluster, People, live, node
from tests.cluster.hopping import every_offset_is_told_once
from tests.conftest import PASSWORDS
from tests.delaying import delaying_line
from tests.process import ServerProcess
from tests.valkey import ValkeyProcess
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)
_WAY_SECONDS = 0.02


@dataclass(frozen=True)
class Edge:
    process: ServerProcess
    replica: ValkeyProcess
    primary_port: int  # by the long line

    async def follow(self) -> None:
        """The replica has its primary, and the node its replica."""
        async with self.replica.admin() as client:
            await client.replicaof("127.0.0.1", str(self.primary_port))
        async with aiohttp.ClientSession(self.process.url) as client:
            await until(lambda: _nodes(client, "ok"), seconds=30)


async def _nodes(client: aiohttp.ClientSession, wanted: str) -> bool:
    async with client.get("/readyz") as response:
        return bool((await response.json())["nodes"] == wanted)


@pytest.fixture
async def edge(cluster: Cluster, environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Edge]:
    """Everything but the replica is at the other end of long lines."""
    database, replica = make_url(cluster.database_url), ValkeyProcess()
    socket = Path(str(database.query["host"])) / ".s.PGSQL.5432"
    async with (
        delaying_line(cluster.valkey.port, seconds=_WAY_SECONDS) as words,
        delaying_line(socket, seconds=_WAY_SECONDS) as rows,
    ):
        replica.start()
        process = node(
            tmp_path,
            "edge",
            environment,
            JINDU_ROLE="web",
            JINDU_DATABASE_URL=database.set(host="127.0.0.1", port=rows.port, query={}).render_as_string(False),
            JINDU_BROKER_URL=f"redis://127.0.0.1:{words.port}/0",
            JINDU_BROKER_SUBSCRIBE_URL=replica.url,
        )
        found = Edge(process, replica, words.port)
        try:
            await asyncio.to_thread(process.start)
            await found.follow()
            yield found
        finally:
            process.kill()
            replica.kill()


@pytest.fixture
async def alice_far(edge: Edge, alice: People) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {alice.token}"}
    async with aiohttp.ClientSession(edge.process.url, headers=headers) as client:
        yield client


async def test_people_at_the_edge_hear_what_happens_at_the_core_which_knows_nothing_of_them(
    cluster: Cluster, edge: Edge, alice: People, bob: People, alice_far: aiohttp.ClientSession
) -> None:
    async with live(alice_far) as hers, live(bob.east) as his:
        await his.next("connection")
        await hers.next("connection")
        await hers.send(type="subscribe", events=["news"])
        await hers.next("subscription")
        async with cluster.valkey.admin() as core, edge.replica.admin() as far:
            assert dict(await core.pubsub_numsub("jindu:event:news"))[b"jindu:event:news"] == 0
            assert dict(await far.pubsub_numsub("jindu:event:news"))[b"jindu:event:news"] == 1
        async with alice.home.post("/api/v1/events/news", json={"n": 1}) as response:
            assert response.ok
        assert (await hers.next("event"))["data"] == {"n": 1}
        async with alice_far.post("/api/v1/jobs/demonstration", json={"seconds": 0.5}) as response:
            job_id = (await response.json())["job_id"]
        await hers.next(lambda each: each.get("job_id") == job_id and each["state"] == "succeeded")
        async with alice_far.get(f"/api/v1/jobs/{job_id}") as response:  # own writes are read where they are
            assert (await response.json())["state"] == "succeeded"
        async with bob.home.get(f"/api/v1/jobs/{job_id}") as response:
            assert response.status == 404
        assert [each["type"] for each in his.seen] == ["connection"]


async def test_who_signs_out_at_the_core_is_disconnected_at_the_edge_within_a_second(edge: Edge, alice: People) -> None:
    took = []
    for _ in range(3):
        credentials = {"username": "alice", "password": PASSWORDS["alice"], "name": "soon over"}
        async with alice.west.post("/api/v1/tokens", json=credentials) as response:
            made = await response.json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        async with aiohttp.ClientSession(edge.process.url, headers=headers) as client, live(client) as far:
            await far.next("connection")
            began = time.monotonic()
            async with alice.west.delete(f"/api/v1/tokens/{made['id']}") as response:
                assert response.ok
            assert await far.closed_with(seconds=20) == 4500
            took.append(time.monotonic() - began)
            async with client.get("/api/v1/me") as response:
                assert response.status == 401
    assert min(took) < 1.0
    assert max(took) < CREDENTIAL_LOOK_SECONDS, took


async def test_clients_that_hop_between_core_and_edge_miss_nothing_while_the_replica_is_away(
    edge: Edge, database: Database, alice: People, bob: People, alice_far: aiohttp.ClientSession
) -> None:
    following: list[asyncio.Task[None]] = []

    async def faults(step: int) -> None:
        if step == 40:
            edge.replica.kill()
            await until(lambda: _nodes(alice_far, "degraded"))
        if step == 80:
            edge.replica.start()
            following.append(asyncio.create_task(edge.follow()))

    headers = {"Authorization": f"Bearer {bob.token}"}
    async with aiohttp.ClientSession(edge.process.url, headers=headers) as bob_far:
        alices, bobs = People(alice.home, alice.east, alice_far), People(bob.home, bob.east, bob_far)
        try:
            await every_offset_is_told_once(database, alices, bobs, faults)
        finally:
            await asyncio.gather(*following)
        async with aiohttp.ClientSession(edge.process.url, headers=headers) as client:
            assert await _nodes(client, "ok")
