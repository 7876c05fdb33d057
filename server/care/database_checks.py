"""Whether the database is whole, of the version of this program, and not from the future."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.findings import CareFinding, error, warning
from server.care.schema import schema_of
from server.clock import Clock, rfc3339, utc_now
from server.storage.migrating import newest_revision
from server.storage.tables import audit, jobs, uploads

_TOLERATED = timedelta(minutes=5)
_MOMENTS = (audit.c.at, jobs.c.created_at, uploads.c.created_at)
_RESTORE = "Stop the server and restore the last good backup; jindu restore puts what is here aside."


async def check_database(
    connection: AsyncConnection, *, thorough: bool, clock: Clock = utc_now
) -> AsyncIterator[CareFinding]:
    if connection.dialect.name == "sqlite":
        async for finding in _check_sqlite(connection, thorough=thorough):
            yield finding
    else:
        async for finding in _check_postgresql(connection):
            yield finding
    if (of_schema := await check_schema(connection)) is not None:
        yield of_schema
        return
    newest = [await connection.scalar(select(func.max(moment))) for moment in _MOMENTS]
    latest, now = max((moment for moment in newest if moment), default=None), clock()
    if latest is not None and latest > now + _TOLERATED:
        yield error(
            "clock_behind",
            f"This machine's clock says {rfc3339(now)}, and the database has something of {rfc3339(latest)}.",
            "Set the clock (timedatectl set-ntp true) before the server goes on.",
        )


async def check_schema(connection: AsyncConnection) -> CareFinding | None:
    found, known = await schema_of(connection), newest_revision()
    if found is None:
        return warning("database_empty", "The database has no tables.", "The first start of the server makes them.")
    if found > known:
        return error(
            "schema_too_new",
            f"The database has schema {found}, and this program knows schemas up to {known}.",
            "Use the newer program, or restore a backup that was made before it.",
        )
    if found < known:
        advice = "The next start of the server changes them, after it has made a copy in backups/ (SQLite)."
        return warning("schema_old", f"The database has schema {found}, and this program has {known}.", advice)
    return None


async def _check_sqlite(connection: AsyncConnection, *, thorough: bool) -> AsyncIterator[CareFinding]:
    pragma = "integrity_check" if thorough else "quick_check"
    told = [str(each) for each in (await connection.exec_driver_sql(f"PRAGMA {pragma}(20)")).scalars()]
    if told != ["ok"]:
        yield error("database_damaged", f"The database is damaged: {told[0]}", _RESTORE, told=told)
        return
    lost = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
    if lost:
        text = f"{len(lost)} rows refer to rows that are gone, the first in {lost[0][0]}."
        yield error("references_broken", text, _RESTORE, count=len(lost))


async def _check_postgresql(connection: AsyncConnection) -> AsyncIterator[CareFinding]:
    in_order = (await connection.exec_driver_sql("SELECT 'B' < 'a' AND 'a_' < 'aa'")).scalar_one()
    encoding = (await connection.exec_driver_sql("SHOW server_encoding")).scalar_one()
    if not in_order or encoding != "UTF8":
        yield error(
            "collation_wrong",
            "The database orders text as a language does, or is not in UTF-8: lists would leave rows out.",
            "Make one with TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8', and restore a backup into it.",
        )
    commit = (await connection.exec_driver_sql("SHOW synchronous_commit")).scalar_one()
    if commit == "off":
        yield warning(
            "commits_not_kept",
            "synchronous_commit is off: a crash of PostgreSQL loses what people were told is stored.",
            "Set synchronous_commit = on.",
        )
