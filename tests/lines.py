"""Small TCP proxies for tests: what stands between two ends, and may be slow, frozen or cut."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeVar


class Line(ABC):
    """At `port` of this machine, once it is `open_line`."""

    def __init__(self) -> None:
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            far_reader, far_writer = await self._reach()
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

    @abstractmethod
    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The other end, for one more who has connected."""

    @abstractmethod
    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_there: bool) -> None:
        """All that comes, until it ends; `is_there`: towards the other end."""


AnyLine = TypeVar("AnyLine", bound=Line)


@asynccontextmanager
async def open_line(line: AnyLine) -> AsyncIterator[AnyLine]:
    server = await asyncio.start_server(line.take, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        line.cut()
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 2)
