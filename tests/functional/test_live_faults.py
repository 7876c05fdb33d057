"""Connections cut at every step, by a reset, a plain end or silence: afterwards nothing is left."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import logging
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from server.jobs.outcomes import Notice
from server.realtime.close_codes import CloseCode
from server.settings import Settings
from tests.conftest import Server
from tests.functional.live_client import live
from tests.functional.raw_socket import CLOSE, CONTINUATION, RawSocket, frame, handshake, header, open_files, raw, tcp
from tests.waiting import until

Client = aiohttp.ClientSession
Cut = Callable[[RawSocket], None]
ROUNDS = 3


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(
        settings,
        ping_interval_seconds=0.5,
        pong_timeout_seconds=3.0,
        auth_deadline_seconds=1.0,
        max_unsent_bytes=256 * 1024,
    )


def go_silent(socket: RawSocket) -> None:
    """Nothing more is said or read; the server has to find out by itself."""


@pytest.fixture(params=[RawSocket.reset, RawSocket.vanish, go_silent], ids=["reset", "vanish", "silent"])
def cut(request: pytest.FixtureRequest) -> Cut:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
async def _nothing_is_left(
    server: Server, alice: Client, bob: Client, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[None]:
    """After the test: no connection, subscription, task or file descriptor more than before, and nothing in the log."""
    caplog.set_level(logging.WARNING)
    await _warm_up(server, alice, bob)
    manager = server.parts.realtime.manager
    files, tasks = open_files(), len(asyncio.all_tasks())
    yield
    async with asyncio.timeout(30):
        while manager.active_connections or open_files() > files or len(asyncio.all_tasks()) > tasks:
            gc.collect()
            await asyncio.sleep(0.05)
    statistics = manager.statistics()
    assert (statistics.connections, statistics.users, statistics.subscriptions) == (0, 0, 0)
    assert (statistics.held, statistics.unsent_bytes) == (0, 0)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    async with live(bob, "after") as his:
        await his.next("connection", seconds=10)


async def _warm_up(server: Server, *clients: Client) -> None:
    """What is opened once and kept: the clients' connections to the API, the database's readers."""
    for client in clients:
        await asyncio.gather(*[_ask(client) for _ in range(20)])
        async with live(client, "warm") as socket:
            await socket.next("connection", seconds=10)
    await until(lambda: not server.parts.realtime.manager.active_connections, seconds=10)


async def _ask(client: Client) -> None:
    async with client.get("/api/v1/me") as response:
        assert response.status == 200


async def test_cut_before_the_handshake_is_complete(server: Server, alice: Client, cut: Cut) -> None:
    request = handshake(server, alice)
    for length in (1, len(request) // 2, len(request) - 1):
        socket = await tcp(server)
        await socket.send(request[:length])
        cut(socket)
        socket.vanish()  # a request that never ends is the web server's to time out, not ours


async def test_cut_right_after_the_request(server: Server, alice: Client, cut: Cut) -> None:
    sockets = [await tcp(server) for _ in range(ROUNDS)]
    for number, socket in enumerate(sockets):
        await socket.send(handshake(server, alice, f"cut-{number}"))
        cut(socket)  # the server may be anywhere between recognising and joining
    if cut is go_silent:
        for socket in sockets:
            await socket.opened()
        assert [await _code(socket) for socket in sockets] == [4002] * ROUNDS
    for socket in sockets:
        socket.vanish()


async def test_cut_while_waiting_for_auth(server: Server, cut: Cut) -> None:
    for number in range(ROUNDS):
        async with raw(server, None, f"cut-{number}") as socket:
            cut(socket)
            if cut is go_silent:
                assert await socket.closed_with() == 4503


async def test_cut_in_the_middle_of_the_auth_message(server: Server, alice: Client, cut: Cut) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    whole = frame(json.dumps({"type": "auth", "token": token}).encode())
    for length in (3, len(whole) // 2, len(whole)):
        async with raw(server, None) as socket:
            await socket.send(whole[:length])
            cut(socket)
            await asyncio.sleep(0)


async def test_cut_in_the_middle_of_recovery(server: Server, alice: Client, cut: Cut) -> None:
    async with live(alice) as socket:
        hello = await socket.next("connection")
    # More than fits into the buffers of the network, so that the server is in the middle of it.
    for number in range(60):
        notice = Notice(title=f"note {number}", body="x" * 50_000)
        await server.parts.live.notices.notify_who_asked(hello["user"]["id"], notice)
    since = f"?since={hello['epoch']}:{hello['offset']}"
    for number in range(ROUNDS):
        async with raw(server, alice, f"cut-{number}", since) as socket_:
            await socket_.receive()
            cut(socket_)
            if cut is go_silent:
                await asyncio.sleep(0.2)
    async with live(alice, "whole", since=since.removeprefix("?since=")) as socket:
        assert (await socket.next("connection", seconds=20))["missed"] == 60
        titles = [(await socket.next("notification", seconds=20))["title"] for _ in range(60)]
    assert titles == [f"note {number}" for number in range(60)]


async def test_cut_in_the_middle_of_a_fragmented_message(server: Server, alice: Client, cut: Cut) -> None:
    beginnings = (
        [frame(b'{"type":', fin=False)],
        [frame(b'{"type":', fin=False), frame(b'"ping"', opcode=CONTINUATION, fin=False)],
        [header(50_000), b"x" * 100],
        [header(50_000)[:1]],
    )

    async def begin_and_cut(number: int, parts: list[bytes]) -> None:
        async with raw(server, alice, f"cut-{number}") as socket:
            await socket.message("connection")
            await socket.send(*parts)
            cut(socket)
            if cut is go_silent:
                assert await socket.closed_with() == 4002

    await asyncio.gather(*(begin_and_cut(number, parts) for number, parts in enumerate(beginnings)))


async def test_cut_while_subscribed_and_written_to(server: Server, alice: Client, cut: Cut) -> None:
    manager = server.parts.realtime.manager
    for number in range(ROUNDS):
        async with raw(server, alice, f"cut-{number}") as socket:
            await socket.send_json(type="subscribe", events=["test_events", f"name-{number}"])
            await socket.message("subscription")
            manager.broadcast_json({"type": "event", "event": "big", "data": "x" * 60_000})
            cut(socket)
            for _ in range(100):
                manager.broadcast_json({"type": "event", "event": "big", "data": "x" * 60_000})
                await asyncio.sleep(0)


async def test_cut_while_draining(server: Server, alice: Client, cut: Cut) -> None:
    sockets = [await tcp(server) for _ in range(5)]
    for number, socket in enumerate(sockets):
        await socket.send(handshake(server, alice if number < 4 else None, f"cut-{number}"))
    manager = server.parts.realtime.manager
    await until(lambda: len(manager.active_connections) >= 4, seconds=10)
    manager.close_all(CloseCode.DRAINING)
    for socket in sockets:
        cut(socket)
    await until(lambda: not manager.active_connections, seconds=15)
    for socket in sockets:
        socket.vanish()


async def test_peer_that_answers_nothing_is_gone_within_the_deadline(server: Server, alice: Client) -> None:
    async with raw(server, alice) as socket:
        await socket.message("connection")
        assert await _code(socket) == 4002


async def _code(socket: RawSocket) -> int | None:
    """Read until the end without answering; what the server closed it with."""
    code = None
    try:
        while True:
            opcode, payload = await socket.receive(seconds=15)
            if opcode == CLOSE:
                code = int.from_bytes(payload[:2], "big")  # and never answered
    except (asyncio.IncompleteReadError, ConnectionError):
        return code
