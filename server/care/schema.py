"""How far the tables of a database are, and whether this program knows them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.problem import CareRefused
from server.storage.migrating import newest_revision

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
        raise CareRefused("no_database", "The database has no tables yet: start the server on it once.")
    if found > known:
        raise CareRefused(
            "schema_too_new",
            f"The database has schema {found}, which is newer than {known}, the newest of this program: use the "
            "program that the server runs.",
        )
    if found < known:
        raise CareRefused(
            "schema_old",
            f"The database has schema {found} and this program {known}: start the new server once (it makes a copy "
            "before it changes anything), or use the old program.",
        )
    return found
