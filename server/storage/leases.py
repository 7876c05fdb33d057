"""What one node does for all: it has the lease while it renews it; another takes over when it is silent."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.storage.rows import insert_missing
from server.storage.tables import leases


async def take_lease(connection: AsyncConnection, name: str, *, holder: str, now: datetime, seconds: float) -> bool:
    """Whether `holder` has it from now on, for so long: in a transaction that writes."""
    until = now + timedelta(seconds=seconds)
    first = {"name": name, "holder": holder, "until": until}
    await insert_missing(connection, leases, [first], key=("name",))
    free = or_(leases.c.holder == holder, leases.c.until <= now, leases.c.until > now + timedelta(seconds=10 * seconds))
    found = await connection.execute(
        update(leases).where(leases.c.name == name, free).values(holder=holder, until=until)
    )
    return bool(found.rowcount)
