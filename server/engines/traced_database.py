"""Any database whose transactions are steps of the trace that they are for; no statement and no value is told."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from server.storage.database import Database
from server.tracing import Tracing


class TracedDatabase:
    def __init__(self, database: Database, *, tracing: Tracing, system: str) -> None:
        """`system` is what OpenTelemetry calls it: `sqlite`, `postgresql`."""
        self._database = database
        self._tracing = tracing
        self._system = system

    @property
    def place(self) -> str:
        return self._database.place

    @asynccontextmanager
    async def write(self, *, shared: bool = False) -> AsyncIterator[AsyncConnection]:
        began = time.monotonic()
        with self._tracing.step("database write") as step:
            async with self._database.write(shared=shared) as connection:
                step.tell(database=self._system, waited_seconds=round(time.monotonic() - began, 6))
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with self._tracing.step("database read") as step:
            async with self._database.read() as connection:
                step.tell(database=self._system)
                yield connection

    async def migrate(self, revision: str | None = None) -> None:
        await self._database.migrate(revision)

    async def require_newest(self) -> None:
        await self._database.require_newest()

    async def is_cut(self) -> bool:
        return await self._database.is_cut()

    async def leave(self) -> None:
        await self._database.leave()

    async def size_bytes(self) -> int:
        return await self._database.size_bytes()

    async def close(self) -> None:
        await self._database.close()
