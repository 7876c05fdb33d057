"""What one node does for all: it has the lease while it renews it; another takes over when it is silent."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.storage.rows import insert_missing
from server.storage.tables import leases


async def take_lease(connection: AsyncConnection, name: str, *, holder: str, now: datetime, seconds: float) -> bool:
    """Whether `holder` has it from now on, for so long: in a transaction that writes."""
    until = now + timedelta(seconds=seconds)
    first = {"name": name, "holder": holder, "until": until}
    await insert_missing(connection, leases, [first], key=("name",))
    free = _is_free(holder, now, seconds)
    found = await connection.execute(
        update(leases).where(leases.c.name == name, free).values(holder=holder, until=until)
    )
    return bool(found.rowcount)


async def is_held_by_another(
    connection: AsyncConnection, name: str, *, holder: str, now: datetime, seconds: float
) -> bool:
    """For whoever would work in vain; `take_lease` alone decides."""
    held = select(leases.c.name).where(leases.c.name == name, not_(_is_free(holder, now, seconds)))
    return await connection.scalar(held) is not None


def _is_free(holder: str, now: datetime, seconds: float) -> ColumnElement[bool]:
    """Also one that ends later than any can: its clock was set since."""
    longest = now + timedelta(seconds=10 * seconds)
    return or_(leases.c.holder == holder, leases.c.until <= now, leases.c.until > longest)
