"""One message for many sockets: whole and in order also for those who read late, come or go meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import os
import socket as sockets
import stat

import aiohttp
import pytest
from aiohttp import web

from server.realtime.manager import ConnectionManager
from server.settings import Settings
from server.transports.socket_link import SocketLink
from tests.conftest import Server
from tests.functional.live_client import live
from tests.functional.raw_socket import RawSocket, handshake
from tests.waiting import flushed, until

Client = aiohttp.ClientSession
SECONDS = 30.0


@pytest.fixture(params=[True, False], ids=["io_uring", "socket by socket"])
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return dataclasses.replace(
        settings,
        io_uring=request.param,
        max_unsent_bytes=64 * 1024 * 1024,
        max_connections_per_user=50,
        max_connections_per_address=100,
    )


def publish(manager: ConnectionManager, number: int, size: int) -> int:
    return manager.broadcast_json({"type": "event", "event": "bench", "data": "x" * size, "number": number})


async def test_peer_that_reads_late_gets_every_message_whole_and_in_order(
    server: Server, alice: Client, bob: Client
) -> None:
    """12 MB are more than the kernel and the client's own buffer take: some writes end in the middle of a frame."""
    manager = server.parts.realtime.manager
    sizes = [1 + number * 7919 % 40_000 for number in range(600)]
    async with live(alice) as hers, live(bob) as his:
        await hers.next("connection")
        await his.next("connection")
        for number, size in enumerate(sizes):
            assert publish(manager, number, size) == 2
            assert (await his.next("event", seconds=SECONDS))["number"] == number
        assert manager.statistics().unsent_bytes > 0
        for number, size in enumerate(sizes):
            message = await hers.next("event", seconds=SECONDS)
            assert (message["number"], len(message["data"])) == (number, size)
        await hers.send(type="ping", id=1)
        assert (await hers.next("pong", seconds=SECONDS))["id"] == 1
    assert manager.statistics().closed == {}


async def test_who_comes_while_others_vanish_sees_a_clean_beginning(server: Server, alice: Client, bob: Client) -> None:
    """A socket's number is taken by the next one at once; nothing meant for the old one may reach the new one."""
    manager = server.parts.realtime.manager
    stopping = asyncio.Event()

    async def keep_publishing() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            publish(manager, number, 500)
            await asyncio.sleep(0)

    publishing = asyncio.create_task(keep_publishing())
    for number in range(30):
        async with contextlib.AsyncExitStack() as stack:
            for tab in range(3):
                socket = await stack.enter_async_context(live(alice, f"tab-{number}-{tab}"))
                assert (await socket.next(seconds=SECONDS))["type"] == "connection"
                if tab != 1:
                    _vanish(socket.socket)
            late = await stack.enter_async_context(live(bob, f"late-{number}"))
            first = await late.next(seconds=SECONDS)
            assert (first["type"], first["client_id"]) == ("connection", f"late-{number}")
            following = [(await late.next("event", seconds=SECONDS))["number"] for _ in range(5)]
            assert following == list(range(following[0], following[0] + 5))
    stopping.set()
    await publishing


async def test_an_answer_comes_during_a_flood_of_broadcasts_and_after_what_came_before(
    server: Server, alice: Client
) -> None:
    manager = server.parts.realtime.manager
    async with live(alice) as hers:
        await hers.next("connection")
        for number in range(30):
            publish(manager, number, 100)
            await hers.send(type="ping", id=number)
            await hers.next("pong", seconds=SECONDS)
            seen = [message["number"] for message in hers.seen if message["type"] == "event"]
            assert seen == list(range(number + 1))


@pytest.mark.parametrize("reads", [True, False])
async def test_a_peer_that_half_closes_behind_what_it_has_not_read_gets_whole_messages_and_its_end(
    server: Server, alice: Client, *, reads: bool
) -> None:
    """Its transport closes only once it has read what waits: nothing may overtake that, and it has a deadline."""
    manager = server.parts.realtime.manager
    slow = await _reads_late(server, alice)
    await until(lambda: len(manager.active_connections) == 1, seconds=SECONDS)
    sent = 0
    while manager.statistics().unsent_bytes == 0:
        publish(manager, sent, 30_000)
        await flushed(manager)
        sent += 1
    slow.half_close()
    (connection,) = manager.everybody()
    assert isinstance(connection.link, SocketLink)
    transport = connection.link.transport
    del connection  # it is held weakly
    await until(transport.is_closing, seconds=SECONDS)
    for number in range(sent, sent + 300):
        publish(manager, number, 3_000)
        await flushed(manager)
    assert transport.get_write_buffer_size() <= 64 * 1024
    if reads:
        found = [(await slow.message("event", seconds=SECONDS))["number"] for _ in range(sent)]
        assert found == list(range(sent))
        assert await slow.closed_with(seconds=SECONDS) is None
    await until(lambda: not manager.active_connections, seconds=SECONDS)
    slow.vanish()


async def _reads_late(server: Server, client: Client) -> RawSocket:
    """What it does not read stays with the server, but for some kilobytes."""
    socket = sockets.socket()
    socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 8_192)
    socket.setblocking(False)
    host, _, port = server.url.removeprefix("http://").partition(":")
    await asyncio.get_running_loop().sock_connect(socket, (host, int(port)))
    opened = RawSocket(*await asyncio.open_connection(sock=socket, limit=4_096))
    await opened.send(handshake(server, client))
    await opened.opened()
    return opened


async def test_a_loss_is_told_while_the_descriptor_is_still_the_sockets_own(
    server: Server, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    def lost(link: SocketLink) -> None:
        told.append(stat.S_ISSOCK(os.fstat(link.descriptor).st_mode))

    monkeypatch.setattr(SocketLink, "lost", lost)
    async with live(alice) as vanishing:
        await vanishing.next("connection")
        _vanish(vanishing.socket)
        await until(lambda: len(told) == 1, seconds=SECONDS)
    async with live(alice) as leaving:
        await leaving.next("connection")
    await until(lambda: len(told) == 2, seconds=SECONDS)
    assert all(told)


async def test_who_vanishes_leaves_nothing_for_the_garbage_collector(server: Server, alice: Client) -> None:
    """Its full collections are rare on purpose: what waited for them would look like a leak."""
    gc.collect()
    gc.disable()
    try:
        for number in range(3):
            async with live(alice, f"tab-{number}") as socket:
                await socket.next("connection", seconds=SECONDS)
                _vanish(socket.socket)
        await until(
            lambda: not any(isinstance(thing, web.WebSocketResponse) for thing in gc.get_objects()), seconds=SECONDS
        )
    finally:
        gc.enable()


def _vanish(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Without a closing handshake, as a phone in a tunnel does."""
    raw = socket.get_extra_info("socket")
    assert raw is not None
    with contextlib.suppress(OSError):
        raw.shutdown(sockets.SHUT_RDWR)
