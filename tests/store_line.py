"""The line to an S3 store that may be away, or too busy for whatever is asked."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from tests.lines import Line, open_line

_CHUNK_BYTES = 65_536
_BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
_ANSWER = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_BUSY), _BUSY)
)
_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)


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


@contextmanager
def store_line(behind: int) -> Iterator[ThreadedStoreLine]:
    """In a thread of its own: for nodes that live longer than the loop of one test."""
    line, loop, over = StoreLine(behind), asyncio.new_event_loop(), asyncio.Event()
    is_open = threading.Event()

    async def live() -> None:
        async with open_line(line):
            is_open.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),), daemon=True)
    thread.start()
    assert is_open.wait(10)
    try:
        yield ThreadedStoreLine(line, loop)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


class ThreadedStoreLine:
    def __init__(self, line: StoreLine, loop: asyncio.AbstractEventLoop) -> None:
        self._line = line
        self._loop = loop

    @property
    def port(self) -> int:
        return self._line.port

    def be(self, state: StoreState) -> None:
        self._loop.call_soon_threadsafe(self._line.be, state)
