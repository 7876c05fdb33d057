"""One immediate writer and many readers over the same database, and the migrations that shape it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from server.errors import StorageFull
from server.storage.full_disk import is_full_disk
from server.storage.migrating import upgrade
from server.storage.reserve import Reserve

_LOG = logging.getLogger("jindu.storage")
_READERS = 4
NOT_STORED = (SQLAlchemyError, StorageFull)
"""What a transaction raises that the database could not take; whoever can do it again later catches both."""


class Database:
    """Transactions for the rest of the program.

    SQLite loses transactions to "database is locked" when readers turn into writers, so there is one writer, which
    begins IMMEDIATE, and a pool of connections that cannot write at all. On a full disk transactions use `reserve`;
    once that is used up too, they raise `StorageFull` and change nothing.
    """

    def __init__(self, writer: AsyncEngine, readers: AsyncEngine, reserve: Reserve | None = None) -> None:
        self._writer = writer
        self._readers = readers
        self._reserve = reserve
        self._turn = asyncio.Lock()
        self._is_full = False

    @classmethod
    def open(cls, url: str, *, reserve: Reserve | None = None) -> Database:
        writer = _engine(url, size=1, pragmas=("journal_mode=WAL", "synchronous=NORMAL"), begin="BEGIN IMMEDIATE")
        readers = _engine(url, size=_READERS, pragmas=("query_only=ON",), begin="BEGIN")
        return cls(writer, readers, reserve)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends and rolls back when it raises."""
        # The lock makes waiters queue fairly here instead of timing out in the connection pool.
        async with self._turn:
            if self._reserve is not None:
                self._reserve.give_if_needed()
            with self._full_disk_named():
                async with self._writer.begin() as connection:
                    yield connection
            self._is_full = False

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent, read-only view of the database."""
        with self._full_disk_named():  # also a reader writes: into the index that it shares with the writer
            async with self._readers.begin() as connection:
                yield connection

    async def migrate(self) -> None:
        """Bring the tables to the newest shape; safe to repeat, and done before anything else at start."""
        with self._full_disk_named():
            async with self._turn, self._writer.connect() as connection:
                await connection.run_sync(upgrade)

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()

    @contextmanager
    def _full_disk_named(self) -> Iterator[None]:
        """Said in the log once, not by everybody who would have stored something meanwhile."""
        try:
            yield
        except SQLAlchemyError as error:
            if not is_full_disk(error):
                raise
            if not self._is_full:
                _LOG.error("the database has no room to grow: %s", error.args[0], extra={"action": "store"})
            self._is_full = True
            if self._reserve is not None:
                self._reserve.give()  # a quota is seen only now; the next transaction has the room
            raise StorageFull from error


def _engine(url: str, *, size: int, pragmas: tuple[str, ...], begin: str) -> AsyncEngine:
    engine = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=size, max_overflow=0)

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in ("busy_timeout=10000", *pragmas, "foreign_keys=ON"):  # the timeout first: WAL itself may wait
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
