"""Changes the tables of a PostgreSQL that others use meanwhile: one at a time, and nobody is held up for long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import psycopg
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server.errors import ConfigurationError
from server.storage.migrating import upgrade
from server.storage.tables import findables

_LOG = logging.getLogger("jindu.storage")
# Whoever waits for a table makes everybody behind them wait, who would only have read: so not for long, but again.
_LOCK_SECONDS = 3
PAUSES_SECONDS = (1, 2, 4, 8, 15, 15, 15, 15, 15)
MIGRATION = (1246252612, 2)
_WHO = f"""
    select format('pid %s of %s (%s, from %s, for %s s, %s)', pid, usename, coalesce(nullif(application_name, ''),
        'no name'), coalesce(host(client_addr), 'this machine'), extract(epoch from now() - xact_start)::int, state)
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and pid in (
        select l.pid from pg_locks l left join pg_class c on c.oid = l.relation
        where l.granted and (c.relnamespace = current_schema()::regnamespace
            or (l.locktype = 'advisory' and l.classid = {MIGRATION[0]} and l.objid = {MIGRATION[1]})))
    order by xact_start nulls last limit 3
"""  # noqa: S608 – numbers of ours
# Said here: where the tables name a dialect, it is loaded, and this one is a fortieth of a start with SQLite.
for _index in findables.indexes:
    _index.dialect_options["postgresql"]["where"] = _index.dialect_options["sqlite"]["where"]


async def migrate(engine: AsyncEngine, revision: str | None) -> None:
    """`engine` keeps no connection: the lock of whoever migrates ends with the line that it is held by.

    Raises `ConfigurationError` naming who is in the way when that lasts.
    """
    for pause in (*PAUSES_SECONDS, None):
        try:
            async with engine.connect() as connection:
                await _migrate(connection, revision)
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            in_the_way = "; ".join(await _who_is_in_the_way(engine)) or "somebody who has ended by now"
            if pause is None:
                raise ConfigurationError(
                    "The tables cannot be changed while others hold them: {holders}. End that (it is named by its "
                    "pid: SELECT pg_terminate_backend(pid)), then run jindu db upgrade.",
                    holders=in_the_way,
                ) from None
            _LOG.warning("waiting to change the tables: held by %s", in_the_way, extra={"action": "migrate"})
            await asyncio.sleep(pause)
        else:
            return


async def _migrate(connection: AsyncConnection, revision: str | None) -> None:
    await require_code_points(connection)
    await connection.exec_driver_sql(f"SET lock_timeout = '{_LOCK_SECONDS}s'; SET statement_timeout = 0")
    # For the session: a transaction's would end with the first of several migrations.
    await connection.execute(select(func.pg_advisory_lock(*MIGRATION)))
    await connection.commit()
    await connection.run_sync(upgrade, revision or "head")


async def _who_is_in_the_way(engine: AsyncEngine) -> Sequence[str]:
    async with engine.connect() as connection:
        return [str(each) for each in (await connection.exec_driver_sql(_WHO.replace("%", "%%"))).scalars()]


async def require_code_points(connection: AsyncConnection) -> None:
    """Raises `ConfigurationError`: pages go on after a name, which has to come after the others here as in Python."""
    in_order = (await connection.exec_driver_sql("SELECT 'B' < 'a' AND 'a_' < 'aa'")).scalar_one()
    encoding = (await connection.exec_driver_sql("SHOW server_encoding")).scalar_one()
    await connection.rollback()
    if not in_order or encoding != "UTF8":
        raise ConfigurationError(
            "The database orders text as a language does, or is not in UTF-8; make it with "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'."
        )
