"""The line from a client to the server: slow, stalled, cut or dead, as on a train; without WebSockets, as at work."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from enum import Enum, auto
from urllib.parse import urlsplit

_CHUNK_BYTES = 16 * 1024
_REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Upgrades(Enum):
    """What becomes of a request for a WebSocket."""

    PASSED = auto()
    REFUSED = auto()
    SWALLOWED = auto()  # no answer, ever


class Line:
    """A TCP proxy. `speed` is what the browser may send, in bytes a second; None is as fast as it goes."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.speed: float | None = None
        self.is_cut = False
        self.upgrades = Upgrades.PASSED
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.url = ""

    async def open(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        # The kernel would take in megabytes at once, however slowly we read them.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * _CHUNK_BYTES)
        self._server = await asyncio.start_server(self._connect, sock=listening, limit=_CHUNK_BYTES)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    async def close(self) -> None:
        self.cut()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def lead_to(self, target: str) -> None:
        """From now on it ends at another server."""
        self._target = urlsplit(target)

    def cut(self) -> None:
        """Break every connection; new ones break as well until `mend`."""
        self.is_cut = True
        for connection in self._connections:
            connection.cancel()

    def mend(self) -> None:
        self.is_cut = False

    def stall(self) -> None:
        """Nothing passes from now on, and nobody is told: a cable pulled somewhere in between."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def go_dead(self) -> None:
        """Nothing passes the connections there are, for ever, and nobody is told; new ones work."""
        self._flowing.clear()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        writers = [writer]
        try:
            if self.is_cut:
                raise ConnectionError
            first = await reader.read(_CHUNK_BYTES)
            if self.upgrades is not Upgrades.PASSED and b"upgrade: websocket" in first.lower():
                await self._block(reader, writer)
                return
            far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
            writers.append(far_writer)
            await self._flowing.wait()
            far_writer.write(first)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, far_writer, is_limited=True))
                group.create_task(self._pass_on(far_reader, writer, is_limited=False))
        except* (asyncio.CancelledError, OSError):
            pass
        finally:
            self._connections.discard(task)
            for each in writers:
                each.transport.abort()

    async def _block(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.upgrades is Upgrades.REFUSED:
            writer.write(_REFUSAL)
            await writer.drain()
            writer.write_eof()
        await reader.read()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_limited: bool) -> None:
        flowing = self._flowing
        while chunk := await reader.read(_CHUNK_BYTES):
            await flowing.wait()
            writer.write(chunk)
            await writer.drain()
            if is_limited and self.speed is not None:
                await asyncio.sleep(len(chunk) / self.speed)
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()
