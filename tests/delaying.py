"""A line as long as an ocean is wide: a small TCP proxy that hands on everything, later, and counts it."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.lines import Line, open_line

_PIECE = 65_536


class DelayingLine(Line):
    """In front of a port of this machine or a Unix socket. Each way takes `seconds`; `there` and `back` count bytes."""

    def __init__(self, behind: int | Path, seconds: float) -> None:
        super().__init__()
        self.behind = behind
        self.seconds = seconds
        self.there = 0
        self.back = 0

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.sleep(2 * self.seconds)  # as a handshake takes
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


def delaying_line(behind: int | Path, *, seconds: float) -> AbstractAsyncContextManager[DelayingLine]:
    return open_line(DelayingLine(behind, seconds))
