"""Writes down what becomes of the reports of one attempt: whatever comes while one transaction runs shares the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import StorageFull
from server.reports.batch_store import BatchStore
from server.reports.batches import BatchReport
from server.storage.database import Database
from server.storage.quotas import Quotas, Stored
from server.storage.room import Room


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One report that ended and the one that is begun in its place, as they were stored.

    `full` says why the next one was not begun; what had ended is stored all the same.
    """

    finished: BatchReport | None = None
    begun: BatchReport | None = None
    full: StorageFull | None = None


@dataclass(slots=True, kw_only=True)
class _Waiting:
    turn: Turn
    stored: asyncio.Future[Turn] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ReportLedger:
    """Of one attempt: `fence` raises inside each transaction once another attempt has taken over.

    To be used as a context; at its end nothing is under way any more.
    """

    def __init__(
        self,
        *,
        database: Database,
        store: BatchStore,
        quotas: Quotas,
        room: Room,
        fence: Callable[[AsyncConnection], Awaitable[object]],
    ) -> None:
        self._database = database
        self._store = store
        self._quotas = quotas
        self._room = room
        self._fence = fence
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ReportLedger:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            await self._writer

    async def turn(self, *, finished: BatchReport | None = None, begun: BatchReport | None = None) -> Turn:
        """Store that one report ended and the next began. Raises `StorageFull` when the one that ended has no room."""
        waiting = _Waiting(turn=Turn(finished=finished, begun=begun))
        self._waiting.append(waiting)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all(), name="report-ledger")
        return await waiting.stored

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting, []
                await self._write([waiting for waiting in together if not waiting.stored.done()])
        finally:
            self._writer = None

    async def _write(self, together: Sequence[_Waiting]) -> None:
        """Whoever waits learns how it went; nothing is raised here."""
        stored: list[Turn | Exception]
        try:
            async with self._database.write() as connection:
                await self._fence(connection)
                stored = [await self._stored(connection, waiting.turn) for waiting in together]
        except Exception as error:
            stored = [error for _ in together]
        for waiting, outcome in zip(together, stored, strict=True):
            if waiting.stored.done():  # cancelled meanwhile
                continue
            if isinstance(outcome, Exception):
                waiting.stored.set_exception(outcome)
            else:
                waiting.stored.set_result(outcome)

    async def _stored(self, connection: AsyncConnection, turn: Turn) -> Turn | StorageFull:
        """A quota that is full is a matter of this turn alone."""
        finished, begun = turn.finished, turn.begun
        if finished is not None:
            if finished.artifacts:
                try:
                    await self._quotas.require(connection, finished.owner_id, Stored.REPORTS, finished.bytes)
                except StorageFull as full:
                    return full
            finished = await self._store.finish(connection, finished)
        if begun is not None:
            try:
                self._room.require()
                await self._quotas.require(connection, begun.owner_id, Stored.REPORTS, 0)
            except StorageFull as full:
                return Turn(finished=finished, full=full)
            begun = await self._store.begin(connection, begun)
        return Turn(finished=finished, begun=begun)
