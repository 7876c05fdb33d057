"""A database in one file beside the rest of the data: nothing has to be installed or run for it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import aiosqlite
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from server.engines.sqlite_connection import ReadStatements, WholeStatements, opened
from server.engines.sqlite_continuity import Continuity
from server.engines.sqlite_copies import copy_before_change
from server.errors import StorageFull
from server.storage.migrating import newest_revision, require_newest, revision_of, upgrade
from server.storage.reserve import Reserve

_LOG = logging.getLogger("jindu.storage")
_READERS = 4
_DURABLE = ("journal_mode=WAL", "synchronous=NORMAL")
# SQLite says FULL for ENOSPC alone: a quota, a file limit and a wal-index that cannot grow are I/O errors to it.
_FULL = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP}
)


class SqliteDatabase:
    """`Database` over one file.

    SQLite loses transactions to "database is locked" when readers turn into writers, so there is one writer, which
    begins IMMEDIATE, and a pool of connections that cannot write at all. On a full disk transactions use `reserve`;
    once that is used up too, they raise `StorageFull` and change nothing.
    """

    def __init__(self, path: Path, *, reserve: Reserve | None = None) -> None:
        self._path = path
        self._has_copies = True
        self._writer = _engine(path, WholeStatements, size=1, pragmas=_DURABLE, begin="BEGIN IMMEDIATE")
        self._readers = _engine(path, ReadStatements, size=_READERS, pragmas=("query_only=ON",), begin="BEGIN")
        self._reserve = reserve
        self._continuity = Continuity(path, path.with_name(f"{path.name}.mark"))
        self._was_broken = True  # until `migrate` has looked
        self._is_marked = False
        self._turn = asyncio.Lock()
        self._is_full = False

    @property
    def place(self) -> str:
        return str(self._path)

    @asynccontextmanager
    async def write(self, *, shared: bool = False) -> AsyncIterator[AsyncConnection]:
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
        with self._full_disk_named():  # also a reader writes: into the index that it shares with the writer
            async with self._readers.begin() as connection:
                yield connection

    async def migrate(self, revision: str | None = None) -> None:
        self._was_broken = self._continuity.is_broken()  # before the file is touched
        with self._full_disk_named():
            async with self._turn, self._writer.connect() as connection:
                found, wanted = await connection.run_sync(revision_of), newest_revision()
                if self._has_copies and revision is None and found is not None and found < wanted:
                    await asyncio.to_thread(copy_before_change, self._path, found=found, wanted=wanted)
                # What an older version stored is put into a database that was empty a moment ago.
                self._has_copies = self._has_copies and revision is None
                await connection.run_sync(upgrade, revision or "head")

    async def require_newest(self) -> None:
        self._was_broken = self._continuity.is_broken()
        async with self.read() as connection:
            require_newest(await connection.run_sync(revision_of))

    async def is_cut(self) -> bool:
        self._continuity.begin()
        self._is_marked = True
        return self._was_broken

    async def leave(self) -> None:
        self._is_marked = False
        self._continuity.forget()

    async def size_bytes(self) -> int:
        return await asyncio.to_thread(_size_of, self._path)

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()
        if self._is_marked:
            self._continuity.end()

    @contextmanager
    def _full_disk_named(self) -> Iterator[None]:
        """Said in the log once, not by everybody who would have stored something meanwhile."""
        try:
            yield
        except SQLAlchemyError as error:
            if not is_full(error):
                raise
            if not self._is_full:
                _LOG.error("the database has no room to grow: %s", error.args[0], extra={"action": "store"})
            self._is_full = True
            if self._reserve is not None:
                self._reserve.give()  # a quota is seen only now; the next transaction has the room
            raise StorageFull from error


def is_full(error: SQLAlchemyError) -> bool:
    """Whether SQLite had no room on the disk."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    return getattr(cause, "sqlite_errorcode", None) in _FULL


def _engine(path: Path, kind: type[WholeStatements], *, size: int, pragmas: tuple[str, ...], begin: str) -> AsyncEngine:
    async def connect() -> aiosqlite.Connection:
        # The timeout comes first: WAL itself may have to wait.
        return await kind(partial(opened, path, ("busy_timeout=10000", *pragmas, "foreign_keys=ON")), begin)

    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        async_creator=connect,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
    )

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, WholeStatements)
        driver.begin_with_next()

    return engine


def _size_of(path: Path) -> int:
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
