"""How far the tables of a database are, and whether this program knows them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.problem import CareRefused
from server.storage.database import Database
from server.storage.migrating import newest_revision
from server.storage.word_tables import is_beside_the_tables

_VERSION = sa.table("alembic_version", sa.column("version_num"))


async def schema_of(connection: AsyncConnection) -> str | None:
    """None for a database without tables of ours."""
    if not await connection.run_sync(lambda plain: sa.inspect(plain).has_table(_VERSION.name)):
        return None
    found: str | None = await connection.scalar(sa.select(_VERSION.c.version_num))
    return found


async def require_own_schema(connection: AsyncConnection) -> str:
    """Raises `CareRefused` for the database of another version of the program."""
    found, known = await schema_of(connection), newest_revision()
    if found is None:
        raise CareRefused("no_database", "The database has no tables yet: run jindu db upgrade on it once.")
    if found > known:
        raise CareRefused(
            "schema_too_new",
            f"The database has schema {found}, which is newer than {known}, the newest of this program: use the "
            "program that the server runs.",
        )
    if found < known:
        raise CareRefused(
            "schema_old",
            f"The database has schema {found} and this program {known}: run jindu db upgrade, or start the new "
            "server once (with SQLite either makes a copy before it changes anything); or use the old program.",
        )
    return found


async def require_empty(database: Database, schema: str) -> None:
    """Tables without a row are what a restore or a copy that failed has left; they are filled."""
    async with database.read() as connection:
        names = await connection.run_sync(lambda plain: sa.inspect(plain).get_table_names())
        names = [name for name in names if not is_beside_the_tables(name)]
        if not names:
            return
        has_rows = [name for name in names if name != _VERSION.name and await count_of(connection, name)]
        if has_rows or await schema_of(connection) != schema:
            raise CareRefused(
                "database_in_use",
                f"The database {database.place} is not empty (it has a table {min(has_rows or names)}): name a new "
                "one, which docs/operations.md says how to make, or put the file of SQLite aside.",
            )


async def count_of(connection: AsyncConnection, name: str) -> int:
    return (await connection.execute(sa.select(sa.func.count()).select_from(sa.table(name)))).scalar_one()


async def unhurried(connection: AsyncConnection) -> None:
    """For a transaction that goes through everything: PostgreSQL's limits are for requests."""
    if connection.dialect.name == "postgresql":
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            await connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
