"""Whether a node serves a database, also one of another machine: then what changes it behind its back waits."""

from __future__ import annotations

from server.care.problem import CareRefused
from server.storage.database import NODE, Database

_NODES = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"


async def require_unserved(database: Database) -> None:
    """Raises `CareRefused`. A server on a SQLite file is known by what it holds (`storage.one_server`)."""
    async with database.read() as connection:
        if connection.dialect.name != "postgresql":
            return
        found = (await connection.exec_driver_sql(_NODES)).scalars().all()
    if nodes := sorted(name for name in found if name.startswith(NODE)):
        raise CareRefused(
            "server_runs",
            f"{', '.join(nodes)} {'is' if len(nodes) == 1 else 'are'} connected to {database.place}: stop first what "
            "serves it. It would neither be told of what is changed, nor would what it stores meanwhile be seen to.",
        )
