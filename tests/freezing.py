"""A line that can freeze: a small TCP proxy that stays open and carries nothing, as after a failover behind a proxy."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from tests.lines import Line, open_line


class FreezingLine(Line):
    """In front of 127.0.0.1:`behind`. While frozen, bytes and connections are taken and nothing comes of them."""

    def __init__(self, behind: int) -> None:
        super().__init__()
        self._behind = behind
        self._flowing = asyncio.Event()
        self._flowing.set()

    def lead_to(self, port: int) -> None:
        """Whoever connects from now on gets there, as by a name that follows the primary; the others stay."""
        self._behind = port

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        """For lines that are made from now on; what hung before is cut."""
        self.cut()
        self._flowing.set()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await self._flowing.wait()
        return await asyncio.open_connection("127.0.0.1", self._behind)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_there: bool) -> None:
        while data := await source.read(65_536):
            await self._flowing.wait()
            target.write(data)
            await target.drain()
        target.write_eof()


def freezing_line(behind: int) -> AbstractAsyncContextManager[FreezingLine]:
    return open_line(FreezingLine(behind))
