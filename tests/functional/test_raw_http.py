"""HTTP as no well-behaved client writes it: refused, never understood in two ways, told in one short line each."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
from pathlib import Path

import aiohttp
import pytest

from server import logs
from tests.conftest import Addressed, Server
from tests.process import ServerProcess

Client = aiohttp.ClientSession
HOST = b"Host: x\r\n"
JSON = b"Content-Type: application/json\r\n"
SECOND = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b'{"username":"a","password":"b"}'
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


def post(head: bytes, body: bytes = b"") -> bytes:
    return b"POST /api/v1/tokens HTTP/1.1\r\n" + HOST + JSON + head + b"\r\n" + body


def get(head: bytes = b"", target: bytes = b"/healthz", version: bytes = b"HTTP/1.1") -> bytes:
    return b"GET " + target + b" " + version + b"\r\n" + HOST + head + b"\r\n"


# Each with what may be answered first. After an error the connection must be over: what follows is nobody's request.
REFUSED: dict[str, bytes] = {
    "both lengths": post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SECOND),
    "both lengths, the other way": post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n" + SECOND),
    "two lengths": post(b"Content-Length: 2\r\nContent-Length: 50\r\n", b"{}" + SECOND),
    "two equal lengths": post(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"{}" + SECOND),
    "a list of lengths": post(b"Content-Length: 2, 2\r\n", b"{}" + SECOND),
    "a length with a sign": post(b"Content-Length: +2\r\n", b"{}" + SECOND),
    "a negative length": post(b"Content-Length: -2\r\n", b"{}" + SECOND),
    "a hexadecimal length": post(b"Content-Length: 0x2\r\n", b"{}" + SECOND),
    "a length with an underscore": post(b"Content-Length: 1_0\r\n", b"{}" + SECOND),
    "a length in other digits": post("Content-Length: ２\r\n".encode(), b"{}" + SECOND),
    "no length at all": post(b"Content-Length: \r\n", b"{}" + SECOND),
    "a space before the colon": post(b"Content-Length : 2\r\n", b"{}" + SECOND),
    "an unknown coding": post(b"Transfer-Encoding: xchunked\r\n", CHUNKED),
    "chunked not at the end": post(b"Transfer-Encoding: chunked, gzip\r\n", CHUNKED),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked\r\n", CHUNKED),
    "chunked by two headers": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", CHUNKED),
    "a vertical tab in the coding": post(b"Transfer-Encoding: \x0bchunked\r\n", CHUNKED),
    "chunked in HTTP 1.0": b"POST /api/v1/tokens HTTP/1.0\r\n"
    + HOST
    + b"Transfer-Encoding: xchunked\r\n\r\n"
    + CHUNKED,
    "a chunk size that is none": post(b"Transfer-Encoding: chunked\r\n", b"zz\r\n{}\r\n0\r\n\r\n" + SECOND),
    "a negative chunk": post(b"Transfer-Encoding: chunked\r\n", b"-2\r\n{}\r\n0\r\n\r\n" + SECOND),
    "a chunk size with 0x": post(b"Transfer-Encoding: chunked\r\n", b"0x2\r\n{}\r\n0\r\n\r\n" + SECOND),
    "a chunk size with an underscore": post(b"Transfer-Encoding: chunked\r\n", b"0_2\r\n{}\r\n0\r\n\r\n" + SECOND),
    "a huge chunk size": post(b"Transfer-Encoding: chunked\r\n", b"f" * 40 + b"\r\n{}\r\n" + SECOND),
    "a chunk longer than its size": post(b"Transfer-Encoding: chunked\r\n", b"1\r\n{}\r\n0\r\n\r\n" + SECOND),
    "a chunk size ended by LF": post(b"Transfer-Encoding: chunked\r\n", b"2\n{}\r\n0\r\n\r\n" + SECOND),
    "bare LF between headers": b"GET /healthz HTTP/1.1\nHost: x\nX: y\n\n" + SECOND,
    "bare CR in a header": get(b"X: a\rY: b\r\n") + SECOND,
    "NUL in a header": get(b"X: a\x00b\r\n") + SECOND,
    "a folded header": get(b"X: a\r\n b\r\n") + SECOND,
    "a header without a name": get(b": y\r\n") + SECOND,
    "a header without a colon": get(b"Host\r\n") + SECOND,
    "a space in a name": get(b"X Y: z\r\n") + SECOND,
    "two hosts": get(b"Host: y\r\n") + SECOND,
    "100,000 headers": get(b"".join(b"X-%d: y\r\n" % number for number in range(100_000))) + SECOND,
    "a long header": get(b"X: " + b"y" * 100_000 + b"\r\n") + SECOND,
    "a long target": get(target=b"/" + b"x" * 100_000) + SECOND,
    "an unknown version": get(version=b"HTTP/9.9") + SECOND,
    "no version": b"GET /healthz\r\n\r\n" + SECOND,
    "a method of signs": b"G@T /healthz HTTP/1.1\r\n" + HOST + b"\r\n" + SECOND,
    "TLS": bytes.fromhex("16030100a5010000a10303") + b"\x00" * 200,
    "HTTP 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "noise": bytes(range(1, 256)) * 4 + b"\r\n\r\n",
}


async def answers(server: Addressed, sent: bytes, *, seconds: float = 10.0, until: bytes = b"\0") -> bytes:
    """What comes back until the server closes, or `until` came; what it does not close is closed by us."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    found = b""
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(sent)
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(seconds):
                while until not in found and (piece := await reader.read(65_536)):
                    found += piece
    finally:
        writer.transport.abort()
    return found


async def test_what_is_ambiguous_or_wrong_is_refused_and_nothing_after_it_is_read(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name, sent in REFUSED.items():
        found = await answers(server, sent, seconds=3.0)
        assert found.count(b"HTTP/1.1 ") <= 1, (name, found[:400])
        assert not found or found[9:12] in (b"400", b"411", b"413", b"415", b"501", b"505"), (name, found[:200])
        assert b"Traceback" not in found, name
        assert b"aiohttp" not in found, name
        assert b"smuggled" not in found, name
    assert not [record for record in caplog.records if record.exc_info], "a traceback for what a stranger sent"
    assert {len(record.getMessage()) < 200 for record in caplog.records if record.name == logs.STRANGERS.name} == {True}


async def test_bodies_are_bounded_however_they_are_packed(server: Server) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    gzipped = b"Content-Encoding: gzip\r\nConnection: close\r\n"
    for name, sent in {
        "gzip bomb": post(gzipped + b"Content-Length: %d\r\n" % len(bomb), bomb),
        "gzip that is none": post(gzipped + b"Content-Length: 7\r\n", b"no gzip"),
        "endless chunks": post(
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n", (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 40
        ),
        "an announced terabyte": post(b"Content-Length: 1000000000000\r\nConnection: close\r\n", b" " * 2_000_000),
    }.items():
        found = await answers(server, sent, until=b"\r\n\r\n")
        assert found[9:12] in (b"413", b"415"), (name, found[:300])
    async with aiohttp.ClientSession(server.url, headers={"Content-Type": "application/json"}) as stranger:
        for coding in ("gzip", "deflate", "br", "zstd", "x-gzip", "gzip, gzip", "GZIP", "nonsense"):
            headers = {"Content-Encoding": coding}
            async with stranger.post("/api/v1/tokens", data=gzip.compress(BODY), headers=headers) as response:
                assert response.status == 415, coding
        headers = {"Content-Encoding": "identity"}
        async with stranger.post("/api/v1/tokens", data=BODY, headers=headers) as response:
            assert response.status == 401


async def test_requests_in_a_row_are_answered_in_order(server: Server) -> None:
    found = await answers(server, get() + get(target=b"/nowhere") + get(b"Connection: close\r\n", target=b"/readyz"))
    statuses = [found[at + 9 : at + 12] for at in range(len(found)) if found.startswith(b"HTTP/1.1 ", at)]
    assert statuses == [b"200", b"404", b"200"]


async def test_no_answer_says_what_the_server_is_made_of(server: Server, alice: Client) -> None:
    async with aiohttp.ClientSession(server.url) as stranger:
        for path in ("/login", "/api/v1/me", "/nowhere", "/static/css/base.css", "/healthz"):
            async with stranger.get(path) as response:
                assert response.headers["Server"] == "Jindu"
    async with alice.ws_connect("/ws/tab") as socket:
        assert socket._response.headers["Server"] == "Jindu"
    assert b"Server: Jindu\r\n" in await answers(server, b"nonsense\r\n\r\n")


def test_strangers_write_little_into_the_log(tmp_path: Path) -> None:
    """Bad cookies, malformed requests and failed sign-ins by the hundred leave a few short lines."""
    process = ServerProcess(tmp_path)
    process.start()
    try:
        asyncio.run(_make_noise(process))
        before_next_minute = list(process.log)
    finally:
        process.kill()
    started = next(number for number, line in enumerate(before_next_minute) if "ready on" in line)
    noise = before_next_minute[started + 1 :]
    assert 3 <= len(noise) <= 40, noise
    assert max(map(len, noise)) < 300
    assert not [line for line in noise if "Traceback" in line or line.startswith(" ")]


async def _make_noise(server: ServerProcess) -> None:
    async with aiohttp.ClientSession(server.url) as stranger:
        for number in range(60):
            async with stranger.get("/login", headers={"Cookie": f"jindu_session=nonsense{number}"}) as response:
                assert response.status == 200
        for number in range(12):
            wanted = {"username": f"nobody-{number % 3}" + "x" * 500, "password": "wrong-password"}
            async with stranger.post("/api/v1/tokens", json=wanted) as response:
                assert response.status in (401, 429)
    for _ in range(60):
        await answers(server, b"nonsense\r\n\r\n")
