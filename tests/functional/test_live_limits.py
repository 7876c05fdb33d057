"""No client can hurt another: slow ones, floods, too many, silent ones; every limit lowered by its setting."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import socket as sockets
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.live_client import connected, live
from tests.waiting import until

Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(
        settings,
        max_connections_per_user=3,
        max_connections_per_address=8,
        max_unsent_bytes=256 * 1024,
        messages_per_second=5.0,
        message_burst=10,
        ping_interval_seconds=0.4,
        pong_timeout_seconds=3.0,
        auth_deadline_seconds=0.3,
    )


async def test_too_many_connections_of_a_user_are_refused_with_4505(alice: Client, bob: Client) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for number in range(3):
            socket = await stack.enter_async_context(live(alice, f"tab-{number}"))
            await socket.next("connection")
        refused = await stack.enter_async_context(live(alice, "tab-3"))
        assert await refused.closed_with() == 4505
        assert refused.close_reason.startswith("You have 3 connections open (limit 3); close some")
        refused = await stack.enter_async_context(live(alice, "tab-3", lang="zh-CN"))
        assert await refused.closed_with() == 4505
        assert refused.close_reason == "您已打开 3 个连接（上限 3）；请关闭一些，或在其他设备上退出登录。"
        again = await stack.enter_async_context(live(alice, "tab-0"))  # takes the place of its predecessor
        await again.next("connection")
        his = await stack.enter_async_context(live(bob))
        await his.next("connection")


async def test_too_many_connections_of_an_address_are_refused_with_4505(server: Server) -> None:
    async with contextlib.AsyncExitStack() as stack:
        anonymous = await stack.enter_async_context(aiohttp.ClientSession(server.url))
        for number in range(8):
            await stack.enter_async_context(connected(anonymous, f"tab-{number}"))
        refused = await stack.enter_async_context(connected(anonymous, "one-more"))
        assert await refused.closed_with() == 4505
        assert refused.close_reason.startswith("8 connections are open from your network address (limit 8)")


async def test_connection_that_does_not_introduce_itself_is_closed_in_time(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as anonymous, connected(anonymous) as socket:
        assert await socket.closed_with() == 4503


async def test_flood_is_warned_of_and_its_neighbour_untouched(alice: Client, bob: Client) -> None:
    async with live(alice) as hers, live(bob) as his:
        for number in range(30):
            await hers.send(type="ping", id=number)
        assert (await hers.next("error"))["code"] == "rate_limited"
        await his.send(type="ping")
        await his.next("pong")


async def test_flood_that_goes_on_is_closed_with_4504(alice: Client) -> None:
    async with live(alice) as socket:

        async def flood() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    await socket.send(type="ping")
                    await asyncio.sleep(0.02)

        flooding = asyncio.create_task(flood())
        assert await socket.closed_with(seconds=15) == 4504
        flooding.cancel()


async def test_client_that_pongs_stays_and_one_that_does_not_is_dropped(server: Server, alice: Client) -> None:
    async with live(alice, "alive") as alive, _deaf(server, alice, "dead"):
        await alive.next("connection")
        manager = server.parts.realtime.manager
        reading = asyncio.create_task(alive.closed_with(seconds=30))
        await until(lambda: [found.client_id for found in manager.presence()] == ["alive"], seconds=10)
        assert manager.statistics().closed["no_pong"] == 1
        assert not reading.done()
        reading.cancel()


async def test_peer_that_stops_reading_is_dropped_and_delays_nobody(server: Server, alice: Client, bob: Client) -> None:
    manager = server.parts.realtime.manager
    async with _deaf(server, alice, "stuck"), live(bob) as his:
        await his.next("connection")
        slowest_seconds = 0.0
        deadline = time.monotonic() + 20
        number = 0
        while not manager.statistics().closed and time.monotonic() < deadline:
            # The kernel takes several MB before the server sees that nobody reads.
            number += 1
            manager.broadcast_json({"type": "event", "event": "big", "data": ["x" * 60_000, number]})
            before = time.perf_counter()
            assert (await his.next("event"))["data"][1] == number
            slowest_seconds = max(slowest_seconds, time.perf_counter() - before)
        assert manager.statistics().closed == {"slow_consumer": 1}
        assert slowest_seconds < 1.0
        await until(lambda: len(manager.active_connections) == 1, seconds=10)


async def test_busy_connection_gets_the_newest_progress_only_and_the_last_one(server: Server, alice: Client) -> None:
    manager = server.parts.realtime.manager
    async with live(alice) as hers:
        user_id = (await hers.next("connection"))["user"]["id"]
        for number in range(1000):
            manager.send_json_to_user(user_id, {"type": "event", "n": number}, key="job")
        assert (await hers.next("event"))["n"] == 999
        assert manager.statistics().conflated == 999


async def test_nothing_is_left_of_connections_that_are_gone(server: Server, alice: Client) -> None:
    manager = server.parts.realtime.manager
    for round_number in range(3):
        async with live(alice, f"tab-{round_number}") as socket:
            await socket.send(type="subscribe", events=["test_events"])
            await socket.next("subscription")
    async with asyncio.timeout(5):
        while manager.active_connections:
            gc.collect()
            await asyncio.sleep(0.02)
    statistics = manager.statistics()
    assert (statistics.connections, statistics.users, statistics.subscriptions) == (0, 0, 0)
    assert not manager.has_subscribers("test_events")


async def test_stopping_server_tells_clients_to_come_back(server: Server, alice: Client) -> None:
    async with live(alice) as socket:
        await socket.next("connection")
        stopping = asyncio.create_task(server.app.shutdown())
        assert await socket.closed_with() == 4000
        await stopping


@contextlib.asynccontextmanager
async def _deaf(server: Server, client: Client, client_id: str) -> AsyncIterator[None]:
    """A connection that was opened properly and never reads again."""
    host, port = server.url.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await loop.sock_connect(raw, (host, int(port)))
    request = (
        f"GET /ws/{client_id} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Authorization: {client.headers['Authorization']}\r\n\r\n"
    )
    await loop.sock_sendall(raw, request.encode())
    answer = await loop.sock_recv(raw, 4096)
    assert answer.startswith(b"HTTP/1.1 101")
    manager = server.parts.realtime.manager
    await until(lambda: client_id in {found.client_id for found in manager.presence()}, seconds=5)
    try:
        yield
    finally:
        raw.close()
