"""A line as long as an ocean is wide: a small TCP proxy that hands on everything, later, and counts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_PIECE = 65_536


@dataclass(slots=True)
class DelayingLine:
    """In front of a port of this machine or a Unix socket. Each way takes `seconds`; `there` and `back` count bytes."""

    behind: int | Path
    seconds: float
    port: int = 0
    there: int = 0
    back: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await asyncio.sleep(2 * self.seconds)  # as a handshake takes
            far_reader, far_writer = await self._far()
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._carry(reader, far_writer, is_there=True))
                    both.create_task(self._carry(far_reader, writer, is_there=False))
            finally:
                far_writer.transport.abort()
        except* (asyncio.CancelledError, OSError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _far(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.behind, Path):
            return await asyncio.open_unix_connection(self.behind)
        return await asyncio.open_connection("127.0.0.1", self.behind)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_there: bool) -> None:
        """Order stays; how much is on its way at once does not matter."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        handing_over = asyncio.create_task(self._hand_over(under_way, target))
        loop = asyncio.get_running_loop()
        try:
            while data := await source.read(_PIECE):
                if is_there:
                    self.there += len(data)
                else:
                    self.back += len(data)
                under_way.put_nowait((loop.time() + self.seconds, data))
            under_way.put_nowait((loop.time() + self.seconds, b""))
            await handing_over
        finally:
            handing_over.cancel()

    async def _hand_over(self, under_way: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                target.write_eof()
                return
            target.write(data)

    def cut(self) -> None:
        for task in list(self._tasks):
            task.cancel()


@asynccontextmanager
async def delaying_line(behind: int | Path, *, seconds: float) -> AsyncIterator[DelayingLine]:
    line = DelayingLine(behind, seconds)
    server = await asyncio.start_server(line.take, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        line.cut()
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 2)
