"""Who comes to nodes by a balancer, and must not notice what becomes of them: live clients, requests, uploads, work."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import aiohttp

from server.realtime.history import History
from server.storage.database import Database
from tests.cluster.hopping import Client
from tests.functional.batches import start as order
from tests.functional.event_stream import EventStream
from tests.functional.importing import start, upload
from tests.waiting import until

TUS = {"Tus-Resumable": "1.0.0"}
CONTENT = os.urandom(12_000_000)
CUT = 9_000_000  # a piece in the store is 8 MiB
MOST_FAILURES = 0.01


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


KINDS = (Socket, Socket, Stream)


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
    async def end_that_all_have() -> int:
        """Of what somebody asked for before they were cut off, the last may be kept only now."""
        stored = await History(database).stored(user)
        assert stored is not None
        return stored.offset if all(client.offsets[-1:] == [stored.offset] for client in clients) else 0

    end = await until(end_that_all_have, so="everybody has the last of what is kept")
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


async def the_rest(place: str, line: Line) -> None:
    """Goes on where it was, at another node; then it comes back whole, and to nobody else."""
    hers, his = line.hers, line.his
    async with his.head(place, headers=TUS) as response:
        assert response.status == 404, response.status
    async with hers.head(place, headers=TUS) as response:
        assert response.status == 200, place
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


async def ordered(client: aiohttp.ClientSession) -> tuple[str, str]:
    """An import and a batch, which nobody waits for."""
    uploaded = await upload(client)
    return await start(client, uploaded, mode="append"), (await order(client))["batch_id"]
