"""The lines from nodes to what they share: a store that is away or too busy, words that get lost on their way."""

from __future__ import annotations

import asyncio
import random
import re
from enum import Enum, auto

from tests.freezing import FreezingLine
from tests.lines import Line

_CHUNK_BYTES = 65_536
_BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
_ANSWER = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_BUSY), _BUSY)
)
_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
_PUBLISH = re.compile(rb"PUBLISH\r\n\$\d+\r\n(?=jindu)")


class StoreState(Enum):
    THERE = auto()
    AWAY = auto()  # whoever connects is cut off
    BUSY = auto()  # 503 to whatever is asked


class StoreLine(Line):
    """In front of 127.0.0.1:`behind`."""

    def __init__(self, behind: int) -> None:
        super().__init__()
        self._behind = behind
        self._state = StoreState.THERE

    def be(self, state: StoreState) -> None:
        self._state = state
        self.cut()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._state is StoreState.BUSY:
            await _refuse(reader, writer)
        else:
            await super().take(reader, writer)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._state is StoreState.AWAY:
            raise ConnectionRefusedError
        return await asyncio.open_connection("127.0.0.1", self._behind)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_there: bool) -> None:
        while data := await source.read(_CHUNK_BYTES):
            target.write(data)
            await target.drain()
        target.write_eof()


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Once the request has come whole."""
    try:
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            writer.write(_ANSWER)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
        pass
    finally:
        writer.close()


class WordsLine(FreezingLine):
    """In front of Valkey. Of what nodes publish, `loses` of it goes to a channel at which nobody listens."""

    def __init__(self, behind: int, *, seed: str) -> None:
        super().__init__(behind)
        self._random = random.Random(f"{seed} words")
        self.loses = 0.0
        self.lost = 0

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_there: bool) -> None:
        while data := await source.read(_CHUNK_BYTES):
            await self._flowing.wait()
            target.write(self._some_lost(data) if is_there and self.loses else data)
            await target.drain()
        target.write_eof()

    def _some_lost(self, data: bytes) -> bytes:
        """In the same number of bytes."""
        marked = bytearray(data)
        for found in _PUBLISH.finditer(data):
            if self._random.random() < self.loses:
                marked[found.end()] = ord("-")
                self.lost += 1
        return bytes(marked)
