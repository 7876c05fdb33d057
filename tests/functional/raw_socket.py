"""A WebSocket client that writes its bytes by hand: whatever no well-behaved client sends, and cuts at any byte."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.conftest import Server

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_MASK = b"\x00\x00\x00\x00"  # masked as it must be, readable as it is


def frame(
    payload: bytes = b"", *, opcode: int = TEXT, fin: bool = True, masked: bool = True, reserved: int = 0
) -> bytes:
    """One frame of RFC 6455, right or wrong as asked."""
    return header(len(payload), opcode=opcode, fin=fin, masked=masked, reserved=reserved) + payload


def header(length: int, *, opcode: int = TEXT, fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """What stands before `length` bytes, which need not follow."""
    first = bytes(((0x80 if fin else 0) | reserved << 4 | opcode,))
    mask_bit = 0x80 if masked else 0
    if length < 126:
        size = bytes((mask_bit | length,))
    elif length < 65_536:
        size = bytes((mask_bit | 126,)) + length.to_bytes(2, "big")
    else:
        size = bytes((mask_bit | 127,)) + length.to_bytes(8, "big")
    return first + size + (_MASK if masked else b"")


class RawSocket:
    """Bytes out, frames in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def opened(self) -> None:
        """Read the answer to the handshake."""
        answer = await self._reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101"), answer

    async def send(self, *parts: bytes) -> None:
        """Whatever it is; the server may have gone meanwhile."""
        try:
            self._writer.writelines(parts)
            await self._writer.drain()
        except ConnectionError:
            pass

    async def send_json(self, **message: Any) -> None:
        await self.send(frame(json.dumps(message).encode()))

    async def receive(self, *, seconds: float = 10.0) -> tuple[int, bytes]:
        """The next frame: opcode and payload; raises `IncompleteReadError` or `ConnectionError` at the end."""
        async with asyncio.timeout(seconds):
            first, size = await self._reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self._reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self._reader.readexactly(8), "big")
            return first & 0x0F, await self._reader.readexactly(size)

    async def message(self, wanted: str, *, seconds: float = 10.0) -> dict[str, Any]:
        """The next message of a type."""
        while True:
            opcode, payload = await self.receive(seconds=seconds)
            assert opcode != CLOSE, payload
            if opcode == TEXT and (found := json.loads(payload))["type"] == wanted:
                return dict(found)

    async def closed_with(self, *, seconds: float = 15.0) -> int | None:
        """Read to the end and answer the close; its code, None when the connection just ended."""
        code = None
        try:
            while True:
                opcode, payload = await self.receive(seconds=seconds)
                if opcode == CLOSE:
                    code = int.from_bytes(payload[:2], "big")
                    await self.send(frame(payload[:2], opcode=CLOSE))
        except (asyncio.IncompleteReadError, ConnectionError):
            return code

    def reset(self) -> None:
        """Cut it as a crash does: RST, no close frame."""
        opened = self._writer.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def half_close(self) -> None:
        """Send nothing more, and go on reading."""
        self._writer.write_eof()

    def vanish(self) -> None:
        """Close our end without a word of the protocol."""
        self._writer.close()


async def tcp(server: Server) -> RawSocket:
    host, _, port = server.url.removeprefix("http://").partition(":")
    return RawSocket(*await asyncio.open_connection(host, int(port)))


def handshake(server: Server, client: aiohttp.ClientSession | None, client_id: str = "raw", query: str = "") -> bytes:
    """The request that opens a WebSocket, with `client`'s token if given."""
    token = f"Authorization: {client.headers['Authorization']}\r\n" if client is not None else ""
    return (
        f"GET /ws/{client_id}{query} HTTP/1.1\r\nHost: {server.url.removeprefix('http://')}\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{token}\r\n"
    ).encode()


@asynccontextmanager
async def raw(
    server: Server, client: aiohttp.ClientSession | None, client_id: str = "raw", query: str = ""
) -> AsyncIterator[RawSocket]:
    """Opened properly; what follows is up to the test."""
    opened = await tcp(server)
    await opened.send(handshake(server, client, client_id, query))
    await opened.opened()
    try:
        yield opened
    finally:
        opened.vanish()


def open_files() -> int:
    """File descriptors of this process, server and clients alike."""
    return len(os.listdir("/proc/self/fd"))
