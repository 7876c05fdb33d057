"""A line that can freeze: a small TCP proxy that stays open and carries nothing, as after a failover behind a proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class FreezingLine:
    """In front of 127.0.0.1:`behind`. While frozen, bytes and connections are taken and nothing comes of them."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def lead_to(self, port: int) -> None:
        """Whoever connects from now on gets there, as by a name that follows the primary; the others stay."""
        self._behind = port

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        """For lines that are made from now on; what hung before is cut."""
        self.cut()
        self._flowing.set()

    def cut(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._flowing.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._behind)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._carry(reader, far_writer))
                    both.create_task(self._carry(far_reader, writer))
            finally:
                far_writer.transport.abort()
        except* (asyncio.CancelledError, OSError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await self._flowing.wait()
            target.write(data)
            await target.drain()
        target.write_eof()


@asynccontextmanager
async def freezing_line(behind: int) -> AsyncIterator[FreezingLine]:
    line = FreezingLine(behind)
    server = await asyncio.start_server(line.take, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        line.cut()
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 2)
