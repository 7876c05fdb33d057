"""How a database stands: its schema, its size, what it holds, who is connected and who keeps old rows from going."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.schema import count_of, schema_of, unhurried
from server.storage.database import Database
from server.storage.migrating import newest_revision
from server.storage.tables import metadata

_CONNECTIONS = """
    select coalesce(nullif(application_name, ''), '(no name)') as name, count(*)
    from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
    group by 1 order by 1
"""
_ROOM = """
    select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int
"""
# What was deleted after a snapshot began stays on the disk, and is read past, until the snapshot ends.
_SNAPSHOTS = """
    select pid, coalesce(nullif(application_name, ''), '(no name)') as name,
        extract(epoch from clock_timestamp() - xact_start)::int as seconds,
        age(backend_xmin)::int as transactions
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_xmin is not null
        and xact_start is not null
    order by xact_start limit 1
"""
_ORDER = """
    select datcollate || ' (' || pg_encoding_to_char(encoding) || ')' from pg_database
    where datname = current_database()
"""


class ConnectedAs(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections there are under a name, besides our own."""

    name: str
    count: int


class OldSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest view of the database that somebody still has."""

    pid: int
    name: str
    seconds: int
    transactions: int  # that began since


class PostgresqlFacts(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    order_of_text: str
    connections: Sequence[ConnectedAs]
    room_for_connections: int  # as PostgreSQL is set up, for all its databases and for everybody but its superuser
    oldest_snapshot: OldSnapshot | None


class DatabaseStatus(msgspec.Struct, frozen=True, kw_only=True):
    engine: str
    place: str
    schema: str | None  # none: no tables yet
    schema_of_program: str
    bytes: int
    rows: dict[str, int]  # by table, of those that this program knows
    postgresql: PostgresqlFacts | None = None


async def status_of(database: Database) -> DatabaseStatus:
    async with database.read() as connection:
        await unhurried(connection)
        schema = await schema_of(connection)
        there = await connection.run_sync(lambda plain: set(sa.inspect(plain).get_table_names()))
        rows = {
            table.name: await count_of(connection, table.name)
            for table in metadata.sorted_tables
            if table.name in there
        }
        engine = connection.dialect.name
        facts = await postgresql_facts(connection) if engine == "postgresql" else None
    return DatabaseStatus(
        engine=engine,
        place=database.place,
        schema=schema,
        schema_of_program=newest_revision(),
        bytes=await database.size_bytes(),
        rows=rows,
        postgresql=facts,
    )


async def postgresql_facts(connection: AsyncConnection) -> PostgresqlFacts:
    connections = (await connection.exec_driver_sql(_CONNECTIONS)).mappings().all()
    oldest = (await connection.exec_driver_sql(_SNAPSHOTS)).one_or_none()
    return PostgresqlFacts(
        version=str((await connection.exec_driver_sql("show server_version")).scalar_one()),
        order_of_text=str((await connection.exec_driver_sql(_ORDER)).scalar_one()),
        connections=[ConnectedAs(name=each["name"], count=each["count"]) for each in connections],
        room_for_connections=int((await connection.exec_driver_sql(_ROOM)).scalar_one()),
        oldest_snapshot=None
        if oldest is None
        else OldSnapshot(
            pid=oldest.pid, name=oldest.name, seconds=oldest.seconds or 0, transactions=oldest.transactions or 0
        ),
    )
