"""Through haproxy and nginx as deploy/cluster/ sets them, nodes die and leave, and nobody misses anything."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import re
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from server.realtime.history import History
from server.storage.database import Database
from tests import postgresql
from tests.cluster.balancers import BALANCERS, balancing
from tests.cluster.conftest import HasNodes, People
from tests.cluster.hopping import Client, user_id
from tests.cluster.workshop import Workshop, workshop
from tests.functional.event_stream import EventStream
from tests.process import ServerProcess
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)
TUS = {"Tus-Resumable": "1.0.0"}
CONTENT = os.urandom(12_000_000)
CUT = 9_000_000  # a piece in the store is 8 MiB
NOTICE_SECONDS = 3.0  # as the file of haproxy asks for
MOST_FAILURES = 0.01


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Workshop]:
    more = {
        "JINDU_TRUSTED_PROXIES": "1",
        "JINDU_DRAIN_NOTICE_SECONDS": str(NOTICE_SECONDS),
        "JINDU_MAX_CONNECTIONS_PER_USER": "20",
    }
    with workshop(tmp_path_factory.mktemp("balanced"), environment | more) as made, made.working("one"):
        yield made


@pytest.fixture
def served(shop: Workshop) -> HasNodes:
    return shop


class Socket(Client):
    """Stays where it is until that ends, and comes back by the position it has."""

    async def run(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                await self._visit(self.nodes[0], seconds=self.random.uniform(3, 9))
            await asyncio.sleep(0.1)

    def _take(self, message: dict[str, object]) -> None:
        """Whatever is kept counts: jobs of uploads, too."""
        is_kept = "offset" in message and message["type"] != "connection"
        super()._take(message | {"type": "notification"} if is_kept else message)


class Stream(Socket):
    """The same over server-sent events."""

    async def _visit(self, node: aiohttp.ClientSession, *, seconds: float) -> None:
        query = {"client_id": self.name} | ({"since": self.since} if self.since else {})
        async with node.get("/events", params=query, timeout=aiohttp.ClientTimeout(total=seconds)) as response:
            response.raise_for_status()
            stream = EventStream(response)
            with contextlib.suppress(AssertionError):  # it ended
                while message := await stream.next(seconds=seconds):
                    self._take(message)


@dataclass
class Asking:
    """Requests of all kinds, one after the other, and how many of them failed."""

    client: aiohttp.ClientSession
    asked: int = 0
    failed: list[str] = field(default_factory=list)

    async def run(self) -> None:
        while True:
            await self._ask("GET", "/api/v1/me")
            await self._ask("GET", "/healthz")
            await self._ask("POST", "/websocket-test/notification")

    async def _ask(self, method: str, path: str) -> None:
        self.asked += 1
        try:
            async with self.client.request(method, path, timeout=aiohttp.ClientTimeout(total=30)) as response:
                await response.read()
                if response.status >= 400:
                    self.failed.append(f"{method} {path} {response.status}")
        except (aiohttp.ClientError, OSError, TimeoutError) as failure:
            self.failed.append(f"{method} {path} {failure!r}")


@dataclass(frozen=True)
class Line:
    """Of two people, by one balancer."""

    hers: aiohttp.ClientSession
    his: aiohttp.ClientSession


@contextlib.asynccontextmanager
async def lines(shop: Workshop, alice: People, bob: People, folder: Path) -> AsyncIterator[dict[str, Line]]:
    """By each balancer: all of them stand before the same nodes."""
    async with contextlib.AsyncExitStack() as stack:
        found = {}
        for name in BALANCERS:
            balancer = await stack.enter_async_context(balancing(name, (shop.east, shop.west), folder / name))
            hers, his = [await stack.enter_async_context(balancer.client(each.token)) for each in (alice, bob)]
            found[name] = Line(hers, his)
        yield found


async def test_a_node_is_killed_and_another_leaves_while_people_and_uploads_are_there(
    shop: Workshop, database: Database, alice: People, bob: People, tmp_path: Path
) -> None:
    async with lines(shop, alice, bob, tmp_path) as by_balancer:
        clients = {
            who: [
                kind([getattr(line, who)], f"{name}{number}", random.Random(number))
                for name, line in by_balancer.items()
                for number, kind in enumerate((Socket, Socket, Stream))
            ]
            for who in ("hers", "his")
        }
        asking = {
            f"{who} by {name}": Asking(getattr(line, who))
            for name, line in by_balancer.items()
            for who in ("hers", "his")
        }
        async with going_on(*clients["hers"], *clients["his"]):
            async with going_on(*asking.values()):
                await until(lambda: all(client.first >= 0 for each in clients.values() for client in each))
                await asyncio.to_thread(shop.west.kill)
                places = await asyncio.gather(*(half_of_it(line.hers) for line in by_balancer.values()))
                await asyncio.to_thread(shop.west.start)
                await until(lambda: somebody_is_at(shop.west), so="who comes back is at the node that is there again")
                shop.east.signal(signal.SIGTERM)
                try:
                    assert await asyncio.to_thread(shop.east.wait) == 0
                    rest = (the_rest(place, line) for place, line in zip(places, by_balancer.values(), strict=True))
                    await asyncio.gather(*rest)
                finally:
                    await asyncio.to_thread(shop.east.start)
            for who, person in (("hers", alice), ("his", bob)):
                await every_offset_came_once(database, clients[who], await user_id(person))
    for name, each in asking.items():
        assert each.asked > 100, name
        assert len(each.failed) < MOST_FAILURES * each.asked, (name, each.asked, each.failed)


@contextlib.asynccontextmanager
async def going_on(*those: Socket | Asking) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in those]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def every_offset_came_once(database: Database, clients: Sequence[Client], user: str) -> None:
    stored = await History(database).stored(user)
    assert stored is not None
    end = stored.offset
    await until(lambda: all(client.offsets[-1:] == [end] for client in clients))
    for client in clients:
        assert client.offsets == list(range(client.first + 1, end + 1)), client.name
        assert client.cuts == 0
        assert client.recoveries > 0


async def half_of_it(client: aiohttp.ClientSession) -> str:
    """At the only node that there is; the line is cut before the end."""
    headers = TUS | {"Upload-Length": str(len(CONTENT)), "Upload-Metadata": "filename b3JkZXJzLmNzdg=="}
    async with client.post("/api/v1/uploads", headers=headers) as response:
        assert response.status == 201, await response.text()
        place = response.headers["Location"]
    patching = asyncio.create_task(patch(client, place, _stalling(), offset=0))
    # It is there before the end: nobody in between keeps it for themselves.
    await until(lambda: _received(client, place), so="what was sent has come to the node")
    patching.cancel()
    await asyncio.wait([patching])
    return place


async def _stalling() -> AsyncIterator[bytes]:
    for begin in range(0, CUT, 1_000_000):
        yield CONTENT[begin : min(begin + 1_000_000, CUT)]
    await asyncio.Event().wait()


async def _received(client: aiohttp.ClientSession, place: str) -> bool:
    async with client.head(place, headers=TUS) as response:
        return response.ok and int(response.headers["Upload-Offset"]) > 0


async def patch(
    client: aiohttp.ClientSession, place: str, data: io.BytesIO | AsyncIterator[bytes], *, offset: int
) -> aiohttp.ClientResponse:
    headers = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    async with client.patch(place, data=data, headers=headers) as response:
        await response.read()
        return response


async def somebody_is_at(node: ServerProcess) -> bool:
    async with aiohttp.ClientSession(node.url) as client, client.get("/metrics") as response:
        found = re.search(r"^jindu_connections(?:{.*})? (\d+)", await response.text(), re.MULTILINE)
        return found is not None and int(found[1]) > 0


async def the_rest(place: str, line: Line) -> None:
    """Goes on where it was, at another node; then it comes back whole, and to nobody else."""
    hers, his = line.hers, line.his
    async with his.head(place, headers=TUS) as response:
        assert response.status == 404
    async with hers.head(place, headers=TUS) as response:
        offset = int(response.headers["Upload-Offset"])
        assert 0 < offset <= CUT
        assert response.headers["Cache-Control"] == "no-store"
    assert (await patch(hers, place, io.BytesIO(CONTENT[offset:]), offset=offset)).status == 204

    async def is_whole() -> bool:
        async with hers.get(place) as response:
            return (await response.json())["completed_at"] is not None

    await until(is_whole, seconds=60)
    content = f"{place}/content"
    async with hers.get(content) as response:
        assert await response.read() == CONTENT
    async with hers.get(content, headers={"Range": "bytes=5-9"}) as response:
        assert (response.status, await response.read()) == (206, CONTENT[5:10])
    async with his.get(content) as response:
        assert response.status == 404


async def test_haproxy_lets_nodes_speak_for_themselves_when_none_is_ready(
    shop: Workshop, alice: People, tmp_path: Path
) -> None:
    async with (
        balancing("haproxy", (shop.east, shop.west), tmp_path / "away") as balancer,
        balancer.client(alice.token) as client,
    ):

        def haproxy_knows() -> bool:
            return any("backend 'nodes' has no server available" in line for line in balancer.said)

        with postgresql.away(shop.environment["JINDU_DATABASE_URL"]):
            await until(haproxy_knows)
            async with client.get("/api/v1/me") as response:
                assert (response.status, (await response.json())["code"]) == (503, "database_away")
            async with client.get("/healthz") as response:
                assert response.status == 200
