"""Bodies whose end does not come, and answers that nobody takes: what all of them keep in memory is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import aiohttp
import pytest

from server.http import open_sockets
from server.http.parts import PARTS
from tests.conftest import Server
from tests.functional.raw_http import head, sent
from tests.waiting import until

Client = aiohttp.ClientSession
MEBIBYTE = 1024 * 1024
FORM = "Content-Type: application/x-www-form-urlencoded"
_ASKED = 60
JSON = "Content-Type: application/json"


async def status(reader: asyncio.StreamReader) -> int:
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
    return int(answer.split()[1])


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/login", FORM), ("/language", FORM), ("/api/v1/tokens", JSON)],
)
async def test_a_stranger_may_send_little_and_more_is_refused_before_it_comes(
    server: Server, path: str, kind: str
) -> None:
    async with sent(server, head(path, kind, "Content-Length: 20000")) as (reader, _):
        assert await status(reader) == 413
    chunk = b"1000\r\n" + b"a" * 4096 + b"\r\n"
    async with sent(server, head(path, kind, "Transfer-Encoding: chunked") + chunk * 5) as (reader, _):
        assert await status(reader) == 413


async def test_large_bodies_that_do_not_end_are_few_and_only_their_sender_waits(
    server: Server, alice: Client, bob: Client
) -> None:
    token = alice.headers["Authorization"]
    begun = head("/api/v1/batches", JSON, f"Authorization: {token}", f"Content-Length: {MEBIBYTE}") + b'{"template": "x'
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(16):
            await stack.enter_async_context(sent(server, begun))
        padding = "x" * 20_000
        async with asyncio.timeout(20):
            while True:  # until all sixteen are being read
                async with alice.post("/api/v1/queries", json={"sql": f"select 1 -- {padding}"}) as response:
                    if response.status == 429:
                        assert (await response.json())["code"] == "rate_limited"
                        assert int(response.headers["Retry-After"]) >= 1
                        break
        async with alice.post("/api/v1/queries", json={"sql": "select 1"}) as response:
            assert response.status == 200
        async with bob.post("/api/v1/queries", json={"sql": f"select 1 -- {padding}"}) as response:
            assert response.status == 200
    async with asyncio.timeout(20):
        while True:  # the server hears that they are gone
            async with alice.post("/api/v1/queries", json={"sql": f"select 1 -- {padding}"}) as response:
                if response.status == 200:
                    break


async def test_the_network_that_holds_most_unread_answers_loses_them(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_sockets, "_MOST_UNREAD_BYTES", 1024 * 1024)
    host, _, port = server.url.removeprefix("http://").partition(":")
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(unreading((host, int(port)), "127.0.0.9")) for _ in range(12)]
        one = stack.enter_context(unreading((host, int(port)), "127.0.0.2"))
        sockets = server.app[PARTS].open_sockets
        await until(lambda: sockets.statistics().made_room, seconds=30)
        assert await asyncio.to_thread(answers, one) == _ASKED
        assert min([await asyncio.to_thread(answers, each) for each in many]) < _ASKED


def unreading(address: tuple[str, int], source: str) -> socket.socket:
    """It has asked for something large, and takes nothing of it."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.bind((source, 0))
    opened.connect(address)
    opened.sendall(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * _ASKED)
    return opened


def answers(opened: socket.socket) -> int:
    """How many come, until there are enough or the other side ends it."""
    found, rest = 0, b""
    opened.settimeout(20)
    while found < _ASKED and (piece := opened.recv(1_000_000)):
        found += (rest + piece).count(b"HTTP/1.1 200") - rest.count(b"HTTP/1.1 200")
        rest = piece[-20:]
    return found
