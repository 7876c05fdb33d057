"""A database that runs beside us and that several machines can share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg.adapt import Buffer
from psycopg.types.string import StrDumper
from sqlalchemy import URL, event, func, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.clock import utc_now
from server.errors import ConfigurationError, StorageFull
from server.storage.database import DatabaseAway
from server.storage.migrating import upgrade
from server.storage.tables import secrets

_LOG = logging.getLogger("jindu.storage")
_POOL = 4  # connections that write, and as many that read
_CONNECT_SECONDS = 10
_IDLE_SECONDS = 60  # a node that froze in the middle of a transaction holds everybody up for so long, at most
# Advisory locks have two numbers: ours in any database, and what is locked.
_TURN = (1246252612, 1)
_MIGRATION = (1246252612, 2)
_EXCLUSIVE = select(func.pg_advisory_xact_lock(*_TURN))
_SHARED = select(func.pg_advisory_xact_lock_shared(*_TURN))
# Another database under the same name is noticed by any of the three: another cluster, a recovery to a point in time
# or a standby that took over, a dump that was loaded.
_IDENTITY = (
    "select system_identifier || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)"
    " || '.' || 'streams'::regclass::oid from pg_control_system()"
)
_IDENTITY_NAME = "postgresql_identity"


class PostgresqlDatabase:
    """`Database` over a server that is named by a URL.

    A writer takes the one turn of the whole cluster, as SQLite's does, or shares it with others that say so; either
    ends with its transaction, also when the node dies. What a reader sees is fixed when it first looks.
    """

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)
        self._writers = _engine(self._url, options="", isolation_level="READ COMMITTED")
        self._readers = _engine(
            self._url, options=" -c default_transaction_read_only=on", isolation_level="REPEATABLE READ"
        )
        self._turn = _Turn()
        self._is_failing = False

    @asynccontextmanager
    async def write(self, *, shared: bool = False) -> AsyncIterator[AsyncConnection]:
        turn, cluster_turn = (self._turn.shared(), _SHARED) if shared else (self._turn.alone(), _EXCLUSIVE)
        with self._failures_named():
            async with turn, self._writers.begin() as connection:
                await connection.execute(cluster_turn)
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with self._failures_named():
            async with self._readers.begin() as connection:
                yield connection

    async def migrate(self, revision: str | None = None) -> None:
        try:
            async with self._writers.connect() as connection:
                await _require_code_points(connection)
                await connection.execute(select(func.pg_advisory_lock(*_MIGRATION)))
                await connection.commit()
                try:
                    await connection.run_sync(upgrade, revision or "head")
                finally:
                    await connection.execute(select(func.pg_advisory_unlock(*_MIGRATION)))
                    await connection.commit()
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.OperationalError):
                raise
            raise ConfigurationError(
                "The database {database} cannot be used: {reason}",
                database=self._url.render_as_string(hide_password=True),
                reason=str(error.orig).strip(),
            ) from None  # what it came from names the whole address

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
        async with self._gate:
            await self._nobody_shares.wait()
            yield

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        async with self._gate:  # not past one who waits to be alone
            self._sharing += 1
            self._nobody_shares.clear()
        try:
            yield
        finally:
            self._sharing -= 1
            if not self._sharing:
                self._nobody_shares.set()


class _StorableText(StrDumper):
    """Text in PostgreSQL has neither NUL nor half a character; what data makes of our texts has a � there instead.

    What people send is refused before it comes here.
    """

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


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


def _engine(url: URL, *, options: str, **more: Any) -> AsyncEngine:
    settings = f"-c timezone=UTC -c idle_in_transaction_session_timeout={_IDLE_SECONDS}s{options}"
    arguments = {"connect_timeout": _CONNECT_SECONDS, "application_name": "jindu"} | dict(url.query)
    engine = create_async_engine(
        url.set(query={}),
        pool_size=_POOL,
        max_overflow=0,
        pool_pre_ping=True,  # the server may have been restarted while a connection lay here
        connect_args=arguments | {"options": f"{arguments.get('options', '')} {settings}".strip()},
        **more,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.driver_connection.adapters.register_dumper(str, _StorableText)

    return engine


async def _require_code_points(connection: AsyncConnection) -> None:
    """Raises `ConfigurationError`: pages go on after a name, which has to come after the others here as in Python."""
    in_order = (await connection.exec_driver_sql("SELECT 'B' < 'a' AND 'a_' < 'aa'")).scalar_one()
    encoding = (await connection.exec_driver_sql("SHOW server_encoding")).scalar_one()
    await connection.rollback()
    if not in_order or encoding != "UTF8":
        raise ConfigurationError(
            "The database orders text as a language does, or is not in UTF-8; make it with "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'."
        )
