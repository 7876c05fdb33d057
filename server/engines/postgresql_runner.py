"""One node of all runs the jobs: an advisory lock of PostgreSQL, held by a connection of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import psycopg
from sqlalchemy.engine import make_url

from server.errors import ConfigurationError

_LOG = logging.getLogger("jindu.jobs")
_LOCK = (1246252612, 4)
_PATIENCE_SECONDS = 8.0  # whoever ran them before may only just be stopping
_LOOK_SECONDS = 2.0
_AGAIN_SECONDS = 0.5


class PostgresqlRunner:
    """Held while jobs run. When the line is lost the lock is taken anew, unless another node was faster."""

    def __init__(self, url: str) -> None:
        # As libpq reads it: what the address of SQLAlchemy has besides stays out.
        parsed = make_url(url)
        self._address = parsed.set(drivername="postgresql").render_as_string(hide_password=False)

    @asynccontextmanager
    async def held(self, when_lost: Callable[[], None]) -> AsyncIterator[None]:
        """Raises `ConfigurationError` when another node runs the jobs of this database."""
        connection = await self._taken(_PATIENCE_SECONDS)
        if connection is None:
            raise ConfigurationError(
                "Another node runs the jobs of this database already: only one may, the others are started with "
                "role=web."
            )
        self._held: psycopg.AsyncConnection | None = connection
        watching = asyncio.create_task(self._watch(when_lost), name="hold jobs")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            await self._let_go()

    async def _taken(self, patience_seconds: float) -> psycopg.AsyncConnection | None:
        until = asyncio.get_running_loop().time() + patience_seconds
        while True:
            connection = await psycopg.AsyncConnection.connect(
                self._address, autocommit=True, connect_timeout=5, application_name="jindu runs jobs", keepalives_idle=5
            )
            try:
                row = await (await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", _LOCK)).fetchone()
            except BaseException:
                await connection.close()
                raise
            if row is not None and row[0]:
                return connection
            await connection.close()
            if asyncio.get_running_loop().time() >= until:
                return None
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _watch(self, when_lost: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._held is not None and await _answers(self._held):
                continue
            await self._let_go()
            try:
                self._held = await self._taken(_PATIENCE_SECONDS)
            except (psycopg.Error, OSError):
                continue  # the database is away, for everybody
            if self._held is None:
                _LOG.critical("another node has taken over the jobs: this one stops", extra={"action": "run_jobs"})
                when_lost()
                return

    async def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with suppress(psycopg.Error):
                await held.close()


async def _answers(connection: psycopg.AsyncConnection) -> bool:
    try:
        async with asyncio.timeout(5.0):
            await connection.execute("SELECT 1")
    except (psycopg.Error, OSError, TimeoutError):
        return False
    return True
