"""Whether the database is whole, of the version of this program, and not from the future."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.database_status import PostgresqlFacts, postgresql_facts
from server.care.findings import CareFinding, error, warning
from server.care.schema import schema_of
from server.clock import Clock, rfc3339, utc_now
from server.errors import JinduError
from server.storage.database import NODE, DatabaseAway
from server.storage.migrating import newest_revision
from server.storage.tables import audit, jobs, uploads

_TOLERATED = timedelta(minutes=5)
_MOMENTS = (audit.c.at, jobs.c.created_at, uploads.c.created_at)
_OLD_SNAPSHOT_SECONDS = 600
_RESTORE = "Stop the server and restore the last good backup; jindu restore puts what is here aside."
_UPGRADE = "Run jindu db upgrade: a start does not, as JINDU_UPGRADE_AT_START is false."
_REACH = (
    "See that PostgreSQL runs, and that host, port, user, password and database name in JINDU_DATABASE_URL are right; "
    "docs/cluster.md says how to make a database."
)
_BEFORE_REASON = re.compile(r".*(?:FATAL: +|\bfailed: )|\[Errno -?\d+\] ")  # of libpq, which names host and port first


def database_unreadable(place: str, wrong: SQLAlchemyError | JinduError) -> CareFinding:
    """`wrong` is what reading it raised; nothing is to be restored because nobody answers."""
    advice = _REACH if isinstance(wrong, DatabaseAway) else "See that it runs, or restore a backup."
    return error("database_unreadable", f"The database {place} cannot be read: {_reason(wrong)}.", advice)


def _reason(wrong: SQLAlchemyError | JinduError) -> str:
    cause = wrong.__cause__ if isinstance(wrong, JinduError) else wrong
    if cause is None:
        return str(wrong).rstrip(".")
    line = str(getattr(cause, "orig", None) or cause).strip().partition("\n")[0]
    return _BEFORE_REASON.sub("", line).rstrip(".") or type(cause).__name__


async def check_database(
    connection: AsyncConnection,
    *,
    thorough: bool,
    connections_per_node: int = 0,
    upgrade_at_start: bool = True,
    clock: Clock = utc_now,
) -> AsyncIterator[CareFinding]:
    if connection.dialect.name == "sqlite":
        async for finding in _check_sqlite(connection, thorough=thorough):
            yield finding
    else:
        async for finding in _check_postgresql(connection, connections_per_node=connections_per_node):
            yield finding
    if (of_schema := await check_schema(connection, upgrade_at_start=upgrade_at_start)) is not None:
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


def check_kinds_run(waiting: Mapping[str, int]) -> Iterator[CareFinding]:
    """`waiting` counts jobs by kinds that no node runs."""
    for kind, count in waiting.items():
        yield warning(
            "no_worker",
            f"{count} jobs of the kind {kind} wait, and no node that is there runs any.",
            "Start a worker (jindu worker, with that kind or without JINDU_WORKER_KINDS) or a node of the role all.",
            kind=kind,
            count=count,
        )


async def check_schema(connection: AsyncConnection, *, upgrade_at_start: bool = True) -> CareFinding | None:
    """What a start that does not upgrade would refuse is an error."""
    found, known = await schema_of(connection), newest_revision()
    if found is None:
        text = "The database has no tables."
        if not upgrade_at_start:
            return error("database_empty", text, _UPGRADE)
        return warning("database_empty", text, "The first start of the server makes them, or jindu db upgrade.")
    if found > known:
        return error(
            "schema_too_new",
            f"The database has schema {found}, and this program knows schemas up to {known}.",
            "Use the newer program, or restore a backup that was made before it.",
        )
    if found < known:
        text = f"The database has schema {found}, and this program has {known}."
        if not upgrade_at_start:
            return error("schema_old", text, _UPGRADE)
        advice = "The next start of the server changes them, after it has made a copy in backups/ (SQLite)."
        return warning("schema_old", text, advice)
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


async def _check_postgresql(connection: AsyncConnection, *, connections_per_node: int) -> AsyncIterator[CareFinding]:
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
    facts = await postgresql_facts(connection)
    for finding in (_check_room(facts, per_node=connections_per_node), _check_snapshot(facts)):
        if finding is not None:
            yield finding


def _check_room(facts: PostgresqlFacts, *, per_node: int) -> CareFinding | None:
    """While nodes are replaced, old and new ones are there."""
    nodes = max(1, sum(each.name.startswith(NODE) for each in facts.connections))
    others = sum(each.count for each in facts.connections if not each.name.startswith(NODE))
    needed = 2 * nodes * per_node + others
    if needed <= facts.room_for_connections:
        return None
    return warning(
        "connections_short",
        f"PostgreSQL has room for {facts.room_for_connections} connections; twice {nodes} nodes with {per_node} each "
        f"and {others} of others are {needed}: an upgrade, when old and new ones run, would be refused some.",
        "Raise max_connections, or lower JINDU_DATABASE_WRITERS and JINDU_DATABASE_READERS.",
    )


def _check_snapshot(facts: PostgresqlFacts) -> CareFinding | None:
    old = facts.oldest_snapshot
    if old is None or old.seconds < _OLD_SNAPSHOT_SECONDS:
        return None
    return warning(
        "old_snapshot",
        f"{old.name} (pid {old.pid}) has had a view of the database for {old.seconds:,} s: nothing that was deleted "
        "since can be cleaned up, and everything becomes slower.",
        f"Let it end, or end it: SELECT pg_terminate_backend({old.pid}).",
    )
