"""A database that runs beside us and that several machines can share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import URL, delete, func, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from server.clock import utc_now
from server.engines import postgresql_migrating
from server.engines.postgresql_line import LIMITS, connecting
from server.errors import ConfigurationError, StorageFull
from server.storage.database import DatabaseAway
from server.storage.migrating import require_newest, revision_of
from server.storage.tables import secrets

_LOG = logging.getLogger("jindu.storage")
_PATIENCE_SECONDS = 5.0  # after so long without an answer it is asked whether there is somebody who will give one
_TURN_SECONDS = 30.0  # a request that waits longer is told to come again
_IDLE_SECONDS = 60.0  # a node that froze in the middle of a transaction holds everybody up for so long, at most
_LOCK_SECONDS = 30
_STATEMENT_SECONDS = 120  # more than anything that the server does takes; whoever copies all of it says so
# Advisory locks have two numbers: ours in any database, and what is locked.
_TURN = (1246252612, 1)
_EXCLUSIVE = select(func.pg_advisory_xact_lock(*_TURN))
_SHARED = select(func.pg_advisory_xact_lock_shared(*_TURN))
# Another database under the same name is noticed by any of the three: another cluster, a recovery to a point in time
# or a standby that took over, a dump that was loaded.
_IDENTITY = (
    "select system_identifier || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)"
    " || '.' || 'streams'::regclass::oid from pg_control_system()"
)
_IDENTITY_NAME = "postgresql_identity"
# What was the primary when we connected is a standby by now: our lines lead to the wrong place, all of them.
_READ_ONLY = psycopg.errors.ReadOnlySqlTransaction


class PostgresqlDatabase:
    """`Database` over a server that is named by a URL; `name` is what PostgreSQL shows as ours (application_name).

    A writer takes the one turn of the whole cluster, as SQLite's does, or shares it with others that say so; either
    ends with its transaction, also when the node dies. What a reader sees is fixed when it first looks.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "jindu",
        writers: int = 4,
        readers: int = 4,
        patience_seconds: float = _PATIENCE_SECONDS,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> None:
        """`idle_seconds`: who does nothing for so long in the middle of a transaction is thrown out of it."""
        self._url = _parsed(url)
        self._reach = _Reach(url=self._url, name=name, patience_seconds=patience_seconds, idle_seconds=idle_seconds)
        # After a failover an address may still lead to what was the primary: that one takes no rows and shows old ones.
        self._writers = self._reach.engine(
            target="read-write", isolation_level="READ COMMITTED", pool_size=writers, max_overflow=0
        )
        self._readers = self._reach.engine(
            target="primary", read_only=True, isolation_level="REPEATABLE READ", pool_size=readers, max_overflow=0
        )
        self._turn = _Turn()
        self._is_failing = False

    @property
    def place(self) -> str:
        shown = self._url.difference_update_query(["password"])  # which may stand there, too
        return shown.set(drivername="postgresql").render_as_string(hide_password=True)

    @asynccontextmanager
    async def write(self, *, shared: bool = False) -> AsyncIterator[AsyncConnection]:
        turn, cluster_turn = (self._turn.shared(), _SHARED) if shared else (self._turn.alone(), _EXCLUSIVE)
        with self._failures_named():
            try:
                async with turn, self._writers.begin() as connection:
                    await connection.execute(cluster_turn)
                    yield connection
            except DBAPIError as error:
                if isinstance(error.orig, _READ_ONLY):
                    await self.close()  # the pools; what is asked for next connects anew
                    error.connection_invalidated = True
                raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with self._failures_named():
            async with self._readers.begin() as connection:
                yield connection

    async def migrate(self, revision: str | None = None) -> None:
        async with self._once() as engine:
            await postgresql_migrating.migrate(engine, revision)

    async def require_newest(self) -> None:
        async with self._once() as engine, engine.connect() as connection:
            await postgresql_migrating.require_code_points(connection)
            require_newest(await connection.run_sync(revision_of))

    @asynccontextmanager
    async def _once(self) -> AsyncIterator[AsyncEngine]:
        """Connections that are closed after use; at the start, why there are none is said to whoever starts us."""
        engine = self._reach.engine(target="read-write", poolclass=NullPool)
        try:
            yield engine
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.OperationalError):
                raise
            raise ConfigurationError(
                "The database {database} cannot be used: {reason}",
                database=self.place,
                reason=str(error.orig).strip(),
            ) from None  # what it came from names the whole address
        finally:
            await engine.dispose()

    async def is_cut(self) -> bool:
        """Compares the database with what it said of itself when it was last begun with."""
        async with self.write() as connection:
            identity = str((await connection.exec_driver_sql(_IDENTITY)).scalar_one())
            known = await connection.scalar(select(secrets.c.value).where(secrets.c.name == _IDENTITY_NAME))
            if known is None:
                row = {"name": _IDENTITY_NAME, "value": identity, "created_at": utc_now()}
                await connection.execute(insert(secrets).values(row))
            elif known != identity:
                await connection.execute(update(secrets).where(secrets.c.name == _IDENTITY_NAME).values(value=identity))
        return known != identity

    async def leave(self) -> None:
        async with self.write() as connection:
            await connection.execute(delete(secrets).where(secrets.c.name == _IDENTITY_NAME))

    async def size_bytes(self) -> int:
        async with self.read() as connection:
            found = await connection.exec_driver_sql("SELECT pg_database_size(current_database())")
            return int(found.scalar_one())

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writers.dispose()

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        """Said in the log once, not by everybody who meets it meanwhile."""
        try:
            yield
        except SQLAlchemyError as error:
            if not is_full(error) and not is_away(error):
                raise
            if not self._is_failing:
                _LOG.error("the database cannot be used: %s", error.args[0], extra={"action": "store"})
            self._is_failing = True
            raise (StorageFull if is_full(error) else DatabaseAway) from error
        self._is_failing = False


class _Turn:
    """Held by one alone or shared by many, in the order in which they come; within this process.

    Those of one node wait here, not each with a connection in its hand. And whoever is alone comes after what others
    do right at their commit, before they await anything: the database's own turn ends a moment earlier.
    """

    def __init__(self) -> None:
        self._gate = asyncio.Lock()
        self._sharing = 0
        self._nobody_shares = asyncio.Event()
        self._nobody_shares.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        async with self._past_the_gate():
            await _in_time(self._nobody_shares.wait())
            yield

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        async with self._past_the_gate():  # not past one who waits to be alone
            self._sharing += 1
            self._nobody_shares.clear()
        try:
            yield
        finally:
            self._sharing -= 1
            if not self._sharing:
                self._nobody_shares.set()

    @asynccontextmanager
    async def _past_the_gate(self) -> AsyncIterator[None]:
        await _in_time(self._gate.acquire())
        try:
            yield
        finally:
            self._gate.release()


async def _in_time(waiting: Awaitable[object]) -> None:
    try:
        async with asyncio.timeout(_TURN_SECONDS):
            await waiting
    except TimeoutError:
        raise DatabaseAway from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """How the server is reached."""

    url: URL
    name: str
    patience_seconds: float
    idle_seconds: float

    def engine(self, *, target: str, read_only: bool = False, **more: Any) -> AsyncEngine:
        """`target` is what libpq calls target_session_attrs; what the URL says wins over what we would."""
        given = dict(self.url.query)
        limits = {
            "timezone": "UTC",
            "idle_in_transaction_session_timeout": f"{round(self.idle_seconds * 1000)}ms",
            "statement_timeout": f"{_STATEMENT_SECONDS}s",
            "lock_timeout": f"{_LOCK_SECONDS}s",
        }
        if read_only:
            limits["default_transaction_read_only"] = "on"
        options = " ".join(f"-c {name}={value}" for name, value in limits.items())
        arguments = LIMITS | {
            "connect_timeout": max(2, int(self.patience_seconds)),
            "target_session_attrs": target,
            **given,
            "application_name": self.name,  # by it others are found that serve the same database
            "options": f"{options} {given.get('options', '')}".strip(),
        }
        return create_async_engine(
            self.url.set(query={}),
            pool_pre_ping=True,  # the server may have been restarted while a connection lay here
            connect_args=arguments | {"async_creator_fn": connecting(patience_seconds=self.patience_seconds)},
            **more,
        )


def is_full(error: SQLAlchemyError) -> bool:
    """Whether PostgreSQL had no room on its disk."""
    return isinstance(error, DBAPIError) and isinstance(error.orig, psycopg.errors.DiskFull)


def is_away(error: SQLAlchemyError) -> bool:
    """Whether the same may well succeed in a moment: no connection, a restart, a deadlock, too much to do."""
    if isinstance(error, PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError)
    )


def _parsed(url: str) -> URL:
    try:
        return make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise ConfigurationError(
            "The database's address cannot be read; it looks like postgresql://user:password@host:5432/name."
        ) from None  # it may hold a password
