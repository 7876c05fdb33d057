"""SIGTERM: load balancers see it first, clients are told when to come back, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.functional.live_client import live
from tests.process import ServerProcess
from tests.waiting import until

PASSWORD = "correct-horse-admin"
CLIENTS = 1_000
MANY = {
    "JINDU_MAX_CONNECTIONS_PER_USER": "2000",
    "JINDU_MAX_CONNECTIONS_PER_ADDRESS": "2000",
    "JINDU_MAX_UNAUTHENTICATED_CONNECTIONS": "2000",
}


@contextlib.asynccontextmanager
async def running(data: Path, **environ: str) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(data, environ=environ)
    await asyncio.to_thread(process.start)
    try:
        yield process
    finally:
        await asyncio.to_thread(process.kill)


async def signed_in(process: ServerProcess) -> aiohttp.ClientSession:
    credentials = {"username": "admin", "password": PASSWORD, "name": "tests"}
    async with (
        aiohttp.ClientSession(process.url) as anonymous,
        anonymous.post("/api/v1/tokens", json=credentials) as response,
    ):
        token = (await response.json())["token"]
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(process.url, headers={"Authorization": f"Bearer {token}"}, connector=connector)


async def demonstrate(client: aiohttp.ClientSession, **parameters: Any) -> str:
    async with client.post("/api/v1/jobs/demonstration", json=parameters) as response:
        return str((await response.json())["job_id"])


async def status_of(client: aiohttp.ClientSession, path: str) -> int:
    async with client.get(path) as response:
        return response.status


async def test_load_balancer_sees_the_stop_before_the_port_is_closed(tmp_path: Path) -> None:
    async with running(tmp_path / "data", JINDU_DRAIN_NOTICE_SECONDS="30") as process:
        async with await signed_in(process) as client, live(client) as socket:
            await socket.next("connection")
            assert await status_of(client, "/readyz") == 200
            process.signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                while await status_of(client, "/readyz") != 503:
                    await asyncio.sleep(0.02)
            assert await status_of(client, "/healthz") == 200
            assert await status_of(client, "/api/v1/me") == 200  # whoever is here is still served
            async with client.get("/ws/new", headers=_UPGRADE) as response:
                assert response.status == 503
                assert int(response.headers["Retry-After"]) > 0
            await socket.send(type="ping")
            await socket.next("pong", seconds=10)
            process.signal(signal.SIGINT)  # the second one waits for nothing
            assert await socket.closed_with(seconds=15) == 4000
        assert await asyncio.to_thread(process.wait) == 0


async def test_second_signal_puts_jobs_back_at_once(tmp_path: Path) -> None:
    slow = {"JINDU_DRAIN_SECONDS": "600", "JINDU_DRAIN_NOTICE_SECONDS": "600"}
    async with running(tmp_path / "data", **slow) as process, await signed_in(process) as client:
        job_id = await demonstrate(client, seconds=500, total=1000)
        async with live(client) as socket:
            await socket.next("connection")
            process.signal(signal.SIGTERM)
            process.signal(signal.SIGINT)  # two of the same could arrive as one
            assert await socket.closed_with(seconds=30) == 4000
        assert await asyncio.to_thread(process.wait) == 0
        await asyncio.to_thread(process.start)
        async with client.get(f"/api/v1/jobs/{job_id}") as response:
            assert (await response.json())["state"] in ("queued", "running")


_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


_AT_ONCE = asyncio.Semaphore(50)  # of the clients: one process plays them all


@dataclass
class Told:
    """A client that comes back when it was told to, with some jitter, and goes on where it was."""

    session: aiohttp.ClientSession
    client_id: str
    was_told: asyncio.Queue[int] = field(default_factory=asyncio.Queue)  # seconds
    is_connected: asyncio.Event = field(default_factory=asyncio.Event)
    titles: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    recovered: list[bool] = field(default_factory=list)
    attempts: int = 0
    _position: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        while True:
            delay = await self._live()
            self.is_connected.clear()
            await asyncio.sleep(delay + random.random())

    async def _live(self) -> float:
        """Until the connection ends; in how many seconds to try again."""
        self.attempts += 1
        try:
            async with _AT_ONCE:
                socket = await self.session.ws_connect(f"/ws/{self.client_id}", params=self._position)
        except (aiohttp.ClientError, ConnectionError):
            return 5.0
        async with socket:
            while True:
                message = await socket.receive()
                if message.type is aiohttp.WSMsgType.CLOSE:
                    found = re.fullmatch(r"draining; retry in (\d+) s", message.extra or "")
                    assert message.data == 4000
                    assert found, message
                    self.was_told.put_nowait(int(found[1]))
                    return float(found[1])
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return 5.0
                self._take(message.json())

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "connection":
            self.recovered.append(message["recovered"])
            if not message["recovered"]:
                self._position = {"since": f"{message['epoch']}:{message['offset']}"}
            self.is_connected.set()
        elif message["type"] == "notification":
            self.titles.append(message["title"])
            self.offsets.append(message["offset"])
            epoch = self._position["since"].partition(":")[0]
            self._position = {"since": f"{epoch}:{message['offset']}"}


async def test_restart_under_a_thousand_clients_loses_no_message_and_makes_no_storm(tmp_path: Path) -> None:
    async with running(tmp_path / "data", **MANY) as process, await signed_in(process) as client:
        clients = [Told(client, f"client-{number}") for number in range(CLIENTS)]
        tasks = [asyncio.create_task(each.run()) for each in clients]
        try:
            await _all_connected(clients)
            await _tell(client, "before")
            process.signal(signal.SIGTERM)
            told = [await asyncio.wait_for(each.was_told.get(), 60) for each in clients]
            assert await asyncio.to_thread(process.wait) == 0
            # What each was told: whole seconds, spread so that no second gets more than the setting allows.
            per_second = Counter(told)
            assert min(told) >= 1
            assert max(told) >= CLIENTS / 100
            assert max(per_second.values()) <= 101
            await asyncio.to_thread(process.start)
            await _tell(client, "while away")
            await _all_connected(clients)
            await _tell(client, "after")
            await until(lambda: all(each.titles[-1:] == ["after"] for each in clients), seconds=120)
            for each in clients:
                assert each.titles == ["before", "while away", "after"], each.client_id
                assert each.offsets == list(range(each.offsets[0], each.offsets[0] + 3))
                assert set(each.recovered[1:]) == {True}
            async with client.get("/api/v1/admin/statistics") as response:
                statistics = (await response.json())["connections"]
            assert statistics["connections"] == CLIENTS
            # Not much more often than once each: nobody was turned away and nobody hammered.
            assert sum(each.attempts for each in clients) < 8 * CLIENTS
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _all_connected(clients: list[Told]) -> None:
    async with asyncio.timeout(180):
        for each in clients:
            await each.is_connected.wait()


async def _tell(client: aiohttp.ClientSession, title: str) -> None:
    async with client.post("/api/v1/admin/broadcast", json={"title": title}) as response:
        assert response.status == 201, await response.text()
