"""Clients that go from node to node and check that they are told of every offset once and in order."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

from server.realtime.history import History
from server.realtime.history_rules import NOTIFICATION
from server.storage.database import Database
from tests.cluster.conftest import LOOK_SECONDS, People
from tests.waiting import until

_SAID_BY_NOBODY = 0.3  # of what is kept: as by a node that dies between its commit and its word


@dataclass
class Client:
    """Keeps its place, comes back wherever it likes, and remembers every offset it was told."""

    nodes: list[aiohttp.ClientSession]
    name: str
    random: random.Random
    since: str = ""
    first: int = -1
    offsets: list[int] = field(default_factory=list)
    cuts: int = 0
    recoveries: int = 0
    is_over: bool = False

    async def run(self) -> None:
        while not self.is_over:
            node = self.random.choice(self.nodes)
            try:
                await self._visit(node, seconds=self.random.uniform(0.3, 2.0))
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(0.1)

    async def _visit(self, node: aiohttp.ClientSession, *, seconds: float) -> None:
        query = {"since": self.since} if self.since else {}
        until_then = asyncio.get_running_loop().time() + seconds
        async with asyncio.timeout(15), node.ws_connect(f"/ws/{self.name}", params=query, max_msg_size=0) as socket:
            while (left := until_then - asyncio.get_running_loop().time()) > 0 and not self.is_over:
                try:
                    message = await socket.receive(timeout=left)
                except TimeoutError:
                    return
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                content = message.json()
                for each in content if isinstance(content, list) else [content]:
                    self._take(each)

    def _take(self, message: dict[str, object]) -> None:
        if message["type"] == "connection":
            if not self.since:
                self.first = int(str(message["offset"]))
            elif message["recovered"]:
                self.recoveries += 1
            else:
                self.cuts += 1
            if not self.since or not message["recovered"]:
                self.since = f"{message['epoch']}:{message['offset']}"
        elif message["type"] == "notification":
            offset = int(str(message["offset"]))
            self.offsets.append(offset)
            self.since = f"{self.since.partition(':')[0]}:{offset}"


async def every_offset_is_told_once(
    database: Database, alice: People, bob: People, faults: Callable[[int], Awaitable[None]]
) -> None:
    """Six clients change nodes all the time; some of what is kept for them is said by nobody."""
    chance, history = random.Random(13), History(database)
    ids = [await user_id(each) for each in (alice, bob)]
    clients = [
        Client([each.home, each.east, each.west], f"hop{number}", random.Random(number))
        for each in (alice, bob)
        for number in range(3)
    ]
    running = [asyncio.create_task(client.run()) for client in clients]
    await until(lambda: all(client.first >= 0 for client in clients))
    for number in range(120):
        await faults(number)
        if chance.random() < _SAID_BY_NOBODY:
            async with database.write() as connection:
                body = b'{"title": "kept, and never said"}'
                await history.append(connection, chance.choice(ids), type=NOTIFICATION, body=body)
        else:
            somebody = chance.choice((alice, bob))
            node = chance.choice((somebody.home, somebody.east, somebody.west))
            with contextlib.suppress(aiohttp.ClientConnectionError):  # whether it was kept shows in the rows
                async with node.post("/websocket-test/notification") as response:
                    assert response.status == 204, await response.text()
        await asyncio.sleep(0.05)

    ends = {name: (await history.stored(name)) for name in ids}
    wanted = [ends[ids[number // 3]].offset for number in range(6)]  # type: ignore[union-attr]
    try:
        await until(
            lambda: all(client.offsets[-1:] == [end] for client, end in zip(clients, wanted, strict=True)),
            seconds=LOOK_SECONDS * 20,
        )
    finally:
        for client in clients:
            client.is_over = True
        await asyncio.gather(*running)
    for client, end in zip(clients, wanted, strict=True):
        assert client.offsets == list(range(client.first + 1, end + 1))
        assert client.cuts == 0
    assert sum(client.recoveries for client in clients) > 20


async def user_id(people: People) -> str:
    async with people.home.get("/api/v1/me") as response:
        return str((await response.json())["id"])
