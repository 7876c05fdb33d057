"""Frames and messages that nobody should send: an error or the right close code, no trace, and no harm to others."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import random

import aiohttp
import pytest

from server.realtime import limits
from server.settings import Settings
from tests.conftest import Server
from tests.functional.live_client import live
from tests.functional.raw_socket import BINARY, CONTINUATION, PING, PONG, TEXT, RawSocket, frame, header, raw

Client = aiohttp.ClientSession
LIMIT = 64 * 1024


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, messages_per_second=50.0, message_burst=100)


@pytest.fixture(autouse=True)
def _no_trace(caplog: pytest.LogCaptureFixture) -> object:
    """Whatever a client sends is the client's fault: nothing of it is an error of ours."""
    caplog.set_level(logging.WARNING)
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert "Traceback" not in caplog.text


MESSAGES = {
    "no json": (b"{", "invalid_json"),
    "arrays to the limit": (b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2), "invalid_json"),
    "objects to the limit": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "invalid_json"),
    "an unfinished depth bomb": (b"[" * LIMIT, "invalid_json"),
    "a huge float": (b'{"type":"x","n":1e400}', "invalid_json"),
    "a huge negative float": (b'{"type":"x","n":-1e400}', "invalid_json"),
    "a huge integer": (b'{"type":"ping","id":1' + b"0" * 400 + b"}", None),
    "an integer of 60,000 digits": (b'{"type":"ping","id":' + b"9" * 60_000 + b"}", "invalid_json"),
    "a huge position": (b'{"type":"history","since":{"epoch":"x","offset":1' + b"0" * 400 + b"}}", "invalid_message"),
    "a huge limit": (b'{"type":"history","limit":99999999999999999999}', "invalid_message"),
    "a lone surrogate": (b'{"type":"x","s":"\\ud800"}', "invalid_json"),
    "a lone surrogate as a key": (b'{"type":"x","\\udfff":1}', "invalid_json"),
    "a lone surrogate as an id": (b'{"type":"ping","id":"\\ud800"}', "invalid_json"),
    "a raw NUL": (b'{"type":"x","s":"\x00"}', "invalid_json"),
    "a NUL in an event name": (b'{"type":"subscribe","events":["a\\u0000b"]}', "invalid_event"),
    "a wrong type of a field": (b'{"type":"subscribe","events":{"0":"x"}}', "invalid_message"),
    "a wrong type of an item": (b'{"type":"subscribe","events":[1]}', "invalid_message"),
    "a boolean as a number": (b'{"type":"history","limit":true}', "invalid_message"),
    "too many events": (json.dumps({"type": "subscribe", "events": ["x"] * 101}).encode(), "invalid_message"),
    "an event name over its limit": (
        json.dumps({"type": "subscribe", "events": ["x" * 129]}).encode(),
        "invalid_message",
    ),
    "a dataset that is a path": (b'{"type":"subscribe","events":["dataset:../../etc/passwd"]}', "not_found"),
    "a string": (b'"ping"', "invalid_message"),
    "null": (b"null", "invalid_message"),
    "nothing": (b"", "invalid_json"),
    "two objects": (b'{"type":"ping"}{"type":"ping"}', "invalid_json"),
    "a byte order mark": (b'\xef\xbb\xbf{"type":"ping"}', "invalid_json"),
}


@pytest.mark.parametrize(("payload", "code"), MESSAGES.values(), ids=MESSAGES.keys())
async def test_wrong_message_is_an_error_and_the_connection_goes_on(
    server: Server, alice: Client, payload: bytes, code: str | None
) -> None:
    async with raw(server, alice) as socket:
        await socket.message("connection")
        await socket.send(frame(payload))
        if code is not None:
            error = await socket.message("error")
            assert error["code"] == code
            assert len(error["message"]) < 500
        await socket.send_json(type="ping", id="after")
        while (await socket.message("pong")).get("id") != "after":
            pass


async def test_duplicate_keys_are_read_one_way_only(server: Server, alice: Client) -> None:
    async with raw(server, alice) as socket:
        await socket.send(frame(b'{"type":"ping","type":"x","id":1,"id":2}'))
        echo = await socket.message("echo")
        assert (echo["id"], echo["data"]) == (2, {"type": "x", "id": 2})


CLOSED = {
    "a message one byte over the limit": ([header(LIMIT + 1), b" " * (LIMIT + 1)], 1009),
    "fragments one byte over the limit": (
        [frame(b" " * LIMIT, fin=False), frame(b" ", opcode=CONTINUATION)],
        1009,
    ),
    "a huge declared length": ([header(2**40)], 1009),
    "a declared length of 2**63": ([header(2**63)], 1009),
    "invalid UTF-8": ([frame(b'{"type":"\xff"}')], 1007),
    "UTF-8 of a surrogate": ([frame(b'{"type":"\xed\xa0\x80"}')], 1007),
    "an unfinished character": ([frame(b'{"type":"\xe4\xbd')], 1007),
    "an oversized ping": ([frame(b"x" * 126, opcode=PING)], 1002),
    "a fragmented ping": ([frame(b"x", opcode=PING, fin=False)], 1002),
    "a reserved bit": ([frame(b"{}", reserved=0b010)], 1002),
    "compression that was not agreed on": ([frame(b"{}", reserved=0b100)], 1002),
    "an unknown opcode": ([frame(b"{}", opcode=0x3)], 1002),
    "an unknown control frame": ([frame(b"", opcode=0xB)], 1002),
    "a continuation of nothing": ([frame(b"{}", opcode=CONTINUATION)], 1002),
    "a new message within another": ([frame(b"{", fin=False), frame(b"}", opcode=TEXT)], 1002),
    "a close code nobody may send": ([frame(b"\x03\xed", opcode=0x8)], 1002),
    "no mask": ([frame(b'{"type":"ping"}', masked=False)], 1002),
    "no mask on a ping": ([frame(b"x", opcode=PING, masked=False)], 1002),
    "no mask on a close": ([frame(b"\x03\xe8", opcode=0x8, masked=False)], 1002),
    "no mask, after one with it": ([frame(b'{"type":"ping"}') + frame(b'{"type":"ping"}', masked=False)], 1002),
    "no mask on a continuation": ([frame(b"{", fin=False), frame(b"}", opcode=CONTINUATION, masked=False)], 1002),
    "no mask on a long frame": ([frame(b"x" * 300, masked=False)], 1002),
    "half a close code": ([frame(b"\x03", opcode=0x8)], 1002),
}


@pytest.mark.parametrize(("parts", "code"), CLOSED.values(), ids=CLOSED.keys())
async def test_wrong_frame_closes_the_connection_with_the_right_code(
    server: Server, alice: Client, bob: Client, parts: list[bytes], code: int
) -> None:
    async with live(bob) as his, raw(server, alice) as socket:
        await socket.message("connection")
        await socket.send(*parts)
        assert await socket.closed_with() == code
        await his.send(type="ping")
        await his.next("pong", seconds=10)


async def test_message_of_exactly_the_limit_is_taken(server: Server, alice: Client) -> None:
    content = b'{"type":"big","text":"%b"}'
    async with raw(server, alice) as socket:
        await socket.send(frame(content % (b"x" * (LIMIT - len(content) + 2))))
        assert (await socket.message("echo"))["data"]["type"] == "big"


async def test_binary_frames_are_refused_and_the_connection_goes_on(server: Server, alice: Client) -> None:
    async with raw(server, alice) as socket:
        await socket.send(frame(b"\x00\xff", opcode=BINARY))
        assert (await socket.message("error"))["code"] == "unsupported_frame"
        await socket.send_json(type="ping")
        await socket.message("pong")


async def test_message_in_thousands_of_fragments_with_pings_between_is_one_message(
    server: Server, alice: Client, bob: Client
) -> None:
    text = json.dumps({"type": "x", "text": "进度" * 2_000}, ensure_ascii=False).encode()
    parts = [frame(text[:1], fin=False)]
    parts += [frame(text[at : at + 1], opcode=CONTINUATION, fin=False) for at in range(1, len(text))]
    for at in range(0, len(parts), 400):
        parts[at] = parts[at] + frame(b"p", opcode=PING)
    parts += [frame(b"", opcode=CONTINUATION, fin=False)] * 2_000 + [frame(b"", opcode=CONTINUATION)]
    async with live(bob) as his, raw(server, alice) as socket:
        await socket.message("connection")
        await socket.send(*parts)
        assert (await socket.message("echo"))["data"]["text"] == "进度" * 2_000
        await his.send(type="ping")
        await his.next("pong", seconds=10)


@pytest.mark.parametrize("kind", [PING, PONG, TEXT, BINARY])
async def test_flood_of_tiny_frames_is_closed_and_others_are_answered_meanwhile(
    server: Server, alice: Client, bob: Client, kind: int
) -> None:
    async with live(bob) as his, raw(server, alice) as socket:
        await socket.message("connection")
        flooding = asyncio.create_task(_flood(socket, frame(opcode=kind) * 2_000))
        closing = asyncio.create_task(socket.closed_with(seconds=60))
        while not closing.done():
            await his.send(type="ping")
            await his.next("pong", seconds=30)
            await asyncio.sleep(0.1)
        assert closing.result() in (4504, None)  # None when the flood filled the way back, too
        flooding.cancel()
        await asyncio.wait([flooding])


async def _flood(socket: RawSocket, chunk: bytes) -> None:
    while True:
        await socket.send(chunk)
        await asyncio.sleep(0.01)


async def test_pings_before_auth_are_answered_a_few_times_only(server: Server) -> None:
    async with raw(server, None) as socket:
        await socket.send(frame(b"x", opcode=PING))
        assert await socket.receive() == (PONG, b"x")
        await socket.send(frame(opcode=PING) * 100)
        assert await socket.closed_with() == 4503


@pytest.mark.parametrize("payload", [b"{", b"[" * LIMIT, b'{"type":"auth"}', b'{"type":"auth","token":1}', b'"x"'])
async def test_wrong_first_message_is_refused(server: Server, payload: bytes) -> None:
    async with raw(server, None) as socket:
        await socket.send(frame(payload))
        assert (await socket.message("error"))["code"] == "not_signed_in"
        assert await socket.closed_with() == 4503


async def test_random_bytes_end_one_connection_and_nothing_else(server: Server, alice: Client, bob: Client) -> None:
    noise = random.Random(3)
    async with live(bob) as his:
        for _ in range(40):
            async with raw(server, alice, f"noise-{noise.random()}") as socket:
                await socket.send(noise.randbytes(noise.randrange(1, 400)))
        await his.send(type="ping")
        await his.next("pong", seconds=10)


async def test_a_message_in_sixty_thousand_pieces_arrives_whole_and_holds_nobody_up(
    server: Server, alice: Client, bob: Client
) -> None:
    text = json.dumps({"type": "x", "text": "y" * 60_000}).encode()
    parts = [frame(text[at : at + 1], opcode=CONTINUATION, fin=False) for at in range(1, len(text))]
    async with live(bob) as his, raw(server, alice) as socket:
        await socket.message("connection")
        await socket.send(frame(text[:1], fin=False) + b"".join(parts) + frame(b"", opcode=CONTINUATION))
        await his.send(type="ping")
        await his.next("pong")
        assert len((await socket.message("echo"))["data"]["text"]) == 60_000


async def test_who_comes_back_from_flood_after_flood_waits_and_others_do_not(
    server: Server, alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_PATIENCE_SECONDS", 0.0)
    for _ in range(5):
        async with raw(server, alice) as socket:
            await socket.message("connection")
            await socket.send(frame(opcode=PING) * 200)
            assert await socket.closed_with() == 4504
    async with alice.get("/ws/again") as refused:
        assert refused.status == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 30
        assert (await refused.json())["code"] == "rate_limited"
    async with live(bob) as his:
        await his.next("connection")
