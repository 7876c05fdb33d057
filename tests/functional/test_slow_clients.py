"""Sockets that keep the server waiting: before, in the middle of and after a request. Nobody else pays for them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import io
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from server.http import descriptors
from server.settings import Settings
from tests.conftest import Server, serving, signed_in
from tests.functional.event_stream import events
from tests.functional.live_client import live
from tests.functional.raw_socket import raw
from tests.process import ServerProcess
from tests.waiting import until

Client = aiohttp.ClientSession
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PER_ADDRESS = 10
LARGE = 12 * 1024 * 1024  # bytes: more than the kernel takes for us


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(
        settings,
        max_sockets_per_address=PER_ADDRESS,
        max_sockets=15,
        request_head_seconds=1.0,
        body_grace_seconds=1.0,
        min_body_bytes_per_second=2_000.0,
        keep_alive_seconds=2.0,
        unread_answer_seconds=1.0,
        ping_interval_seconds=0.5,
    )


@contextlib.asynccontextmanager
async def connected(server: Server, address: str = "127.0.0.1") -> AsyncIterator[Pair]:
    host, _, port = server.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(address, 0), limit=2**20)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def closed(reader: asyncio.StreamReader, *, seconds: float = 15.0) -> bytes:
    """What comes until the other side ends it."""
    found = b""
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65_536):
                found += piece
    return found


async def answered(reader: asyncio.StreamReader) -> int:
    """The status of an answer with a length, read to its end."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return int(head.split()[1])


def request(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", *lines, "", "")).encode()


async def trickle(writer: asyncio.StreamWriter, data: bytes, *, size: int = 1, every: float = 0.05) -> None:
    """For as long as the other side takes it."""
    with contextlib.suppress(ConnectionError):
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await writer.drain()
            await asyncio.sleep(every)


def token(client: Client) -> str:
    return f"Authorization: {client.headers['Authorization']}"


async def large_file(client: Client) -> str:
    """Its path."""
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(b"x" * LARGE), filename="large.bin")
    async with client.post("/api/v1/uploads", data=form) as response:
        assert response.status == 201, await response.text()
        return f"/api/v1/uploads/{(await response.json())['id']}/content"


async def wait_for_open(server: Server, count: int) -> None:
    await until(lambda: server.web.open_sockets.statistics().open == count, seconds=10)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"G",
        b"GET / HTTP/1.1",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    ],
)
async def test_a_head_that_does_not_arrive_whole_ends_the_connection(server: Server, sent: bytes) -> None:
    async with connected(server) as (reader, writer):
        writer.write(sent)
        assert await closed(reader) == b""
        await wait_for_open(server, 0)


async def test_a_head_that_comes_byte_by_byte_ends_the_connection(server: Server) -> None:
    async with connected(server) as (reader, writer):
        sending = asyncio.create_task(trickle(writer, request("GET", "/healthz", "X: " + "y" * 2_000)))
        assert await closed(reader) == b""
        await sending


async def test_the_head_of_a_second_request_has_the_same_time(server: Server) -> None:
    async with connected(server) as (reader, writer):
        writer.write(request("GET", "/healthz"))
        assert await answered(reader) == 200
        writer.write(b"GET /healthz HT")
        began = time.monotonic()
        assert await closed(reader) == b""
        assert time.monotonic() - began < server.parts.settings.keep_alive_seconds + 10


async def test_an_idle_connection_is_ended_and_a_used_one_is_not(server: Server) -> None:
    async with connected(server) as (reader, writer):
        for _ in range(6):  # longer, together, than a head may take
            writer.write(request("GET", "/healthz"))
            assert await answered(reader) == 200
            await asyncio.sleep(0.4)
        assert await closed(reader) == b""


FORM = ("Content-Type: application/x-www-form-urlencoded", "Content-Length: 5000")
SLOW_BODIES = {
    "sign-in": ("POST", "/login", FORM),
    "API": ("POST", "/api/v1/tokens", ("Content-Type: application/json", "Content-Length: 5000")),
    "chunks": ("POST", "/api/v1/tokens", ("Content-Type: application/json", "Transfer-Encoding: chunked")),
    "upload": ("POST", "/api/v1/uploads", ("Content-Type: multipart/form-data; boundary=x", "Content-Length: 5000")),
}


@pytest.mark.parametrize(("method", "path", "lines"), SLOW_BODIES.values(), ids=SLOW_BODIES.keys())
async def test_a_body_below_the_lowest_pace_ends_the_connection(
    server: Server, alice: Client, method: str, path: str, lines: tuple[str, ...]
) -> None:
    lines = (*lines, token(alice)) if path.endswith("uploads") else lines
    async with connected(server) as (reader, writer):
        writer.write(request(method, path, *lines))
        sending = asyncio.create_task(trickle(writer, b"1388\r\n" + b"a" * 4_990))
        await closed(reader)
        sending.cancel()


async def test_an_upload_may_rest_between_requests_and_not_within_one(server: Server, alice: Client) -> None:
    wanted = {"Tus-Resumable": "1.0.0", "Upload-Length": "100000"}
    async with alice.post("/api/v1/uploads", headers=wanted) as response:
        assert response.status == 201
        place = response.headers["Location"].removeprefix(server.url)
    lines = ("Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", token(alice))
    async with connected(server) as (reader, writer):
        writer.write(request("PATCH", place, *lines, "Upload-Offset: 0", "Content-Length: 90000") + b"a" * 50_000)
        await closed(reader)
    offset = 0
    async with asyncio.timeout(10):
        while offset != 50_000:  # what came is kept, a moment after the end was seen here
            async with alice.head(place, headers={"Tus-Resumable": "1.0.0"}) as response:
                offset = int(response.headers["Upload-Offset"])
    async with connected(server) as (reader, writer):
        # A slow line: ten times the lowest pace, for longer than the pace is measured over.
        writer.write(request("PATCH", place, *lines, f"Upload-Offset: {offset}", "Content-Length: 50000"))
        await trickle(writer, b"b" * 50_000, size=1_000, every=0.05)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
        assert b" 204 " in head
        assert b"Upload-Offset: 100000" in head


async def test_whoever_does_not_read_the_answer_is_ended_and_a_slow_reader_is_not(
    server: Server, alice: Client
) -> None:
    wanted = request("GET", await large_file(alice), token(alice), "Connection: close")
    async with connected(server) as (unread, writer), connected(server) as (reader, slow):
        writer.write(wanted)
        slow.write(wanted)
        await unread.readexactly(1)
        _transport(writer).pause_reading()
        received = 0
        async with asyncio.timeout(60):
            while piece := await reader.read(65_536):
                received += len(piece)
                await asyncio.sleep(0.01)
        assert received > LARGE
        _transport(writer).resume_reading()
        assert len(await closed(unread)) < LARGE


async def test_one_address_cannot_take_the_places_of_others(server: Server) -> None:
    async with contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(connected(server)) for _ in range(PER_ADDRESS)]
        await wait_for_open(server, PER_ADDRESS)
        newest = await stack.enter_async_context(connected(server))
        assert await closed(silent[0][0], seconds=5) == b""  # the oldest made room
        for reader, writer in (newest, await stack.enter_async_context(connected(server, "127.0.0.2"))):
            writer.write(request("GET", "/healthz"))
            assert await answered(reader) == 200


async def test_somebody_new_is_let_in_at_the_cost_of_whoever_holds_most(server: Server) -> None:
    body = request("POST", "/login", *FORM)
    async with contextlib.AsyncExitStack() as stack:
        for address, count in (("127.0.0.3", PER_ADDRESS), ("127.0.0.4", 5)):  # all places are taken, by slow bodies
            for _ in range(count):
                _, writer = await stack.enter_async_context(connected(server, address))
                writer.write(body)
        await wait_for_open(server, 15)
        reader, writer = await stack.enter_async_context(connected(server, "127.0.0.2"))
        writer.write(request("GET", "/healthz"))
        assert await answered(reader) == 200


async def test_whoever_does_not_read_makes_room_for_somebody_new(settings: Settings) -> None:
    patient = dataclasses.replace(settings, unread_answer_seconds=3_600.0, keep_alive_seconds=3_600.0)
    async with serving(patient) as server, await signed_in(server, "admin") as admin:
        wanted = request("GET", await large_file(admin), token(admin))
        async with contextlib.AsyncExitStack() as stack:
            for address, count in (("127.0.0.3", PER_ADDRESS), ("127.0.0.4", 4)):  # one place is the administrator's
                for _ in range(count):
                    reader, writer = await stack.enter_async_context(connected(server, address))
                    writer.write(wanted)
                    await reader.readexactly(1)
                    _transport(writer).pause_reading()
            async with asyncio.timeout(30):
                while True:  # until they count as not reading
                    reader, writer = await stack.enter_async_context(connected(server, "127.0.0.2"))
                    writer.write(request("GET", "/healthz"))
                    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                        assert await answered(reader) == 200
                        if server.web.open_sockets.statistics().made_room:
                            break
                    await asyncio.sleep(0.1)


async def test_what_is_being_answered_is_not_ended_for_somebody_new(server: Server, alice: Client) -> None:
    sockets = server.web.open_sockets
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for _ in range(PER_ADDRESS):
            reader, writer = await stack.enter_async_context(connected(server, "127.0.0.3"))
            writer.write(request("GET", "/login"))
            readers.append(reader)
        assert [await answered(reader) for reader in readers] == [200] * PER_ADDRESS
        assert sockets.statistics().made_room == 0


async def test_live_connections_take_no_places_and_are_not_ended(server: Server, alice: Client) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for number in range(PER_ADDRESS + 5):
            await stack.enter_async_context(raw(server, alice, f"socket-{number}"))
        stream = await stack.enter_async_context(events(alice, "stream"))
        his = await stack.enter_async_context(live(alice))
        await stream.next("connection")
        await until(lambda: server.web.open_sockets.statistics().live >= PER_ADDRESS + 7, seconds=10)
        await asyncio.sleep(2.5)  # every deadline of requests has passed
        assert server.web.open_sockets.statistics().live == PER_ADDRESS + 7
        await his.send(type="ping")
        await his.next("pong", seconds=10)


async def test_sockets_of_live_connections_have_no_task_or_timer_for_this(server: Server, alice: Client) -> None:
    before = len(asyncio.all_tasks())
    async with contextlib.AsyncExitStack() as stack:
        for number in range(5):
            opened = await stack.enter_async_context(raw(server, alice, f"socket-{number}"))
            await opened.message("connection")
        # For each aiohttp's own loop over requests and the one that serves the socket, as before.
        assert len(asyncio.all_tasks()) <= before + 2 * 5


def test_a_flood_of_silent_sockets_costs_nobody_else_anything(tmp_path: Path) -> None:
    """More sockets of one stranger than the server may have files open."""
    descriptors.raise_limit()  # of this process, which holds the other ends
    process = ServerProcess(tmp_path, max_open_files=1024, environ={"JINDU_REQUEST_HEAD_SECONDS": "3600"})
    process.start()
    host, _, port = process.url.removeprefix("http://").partition(":")
    strangers: list[socket.socket] = []
    try:
        strangers.extend(
            socket.create_connection((host, int(port)), source_address=("127.0.0.1", 0)) for _ in range(1_500)
        )
        for _ in range(5):
            client = http.client.HTTPConnection(host, int(port), timeout=10, source_address=("127.0.0.2", 0))
            for path in ("/login", "/readyz"):
                client.request("GET", path)
                with client.getresponse() as response:
                    response.read()
                    assert response.status == 200
            client.close()
        strangers[0].settimeout(10)
        assert strangers[0].recv(1) == b""
    finally:
        for each in strangers:
            each.close()
        process.kill()
    assert any("only 1024 files may be open" in line for line in process.log)
    assert sum("jindu.strangers" in line for line in process.log) <= 10
    assert not any("Traceback" in line for line in process.log)


def _transport(writer: asyncio.StreamWriter) -> asyncio.Transport:
    """That of a socket reads as well, whatever the writer's type says."""
    assert isinstance(writer.transport, asyncio.Transport)
    return writer.transport
