"""The rows of brands: one a user may have, and one for all who have none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, utc_now
from server.reports.brand import Brand
from server.storage.tables import brands

_SERVER = "server"


class StoredBrand(msgspec.Struct, frozen=True, kw_only=True):
    brand: Brand
    updated_at: datetime


class BrandStore:
    """Every function takes the transaction that it belongs to; an `owner_id` of None means the server itself."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock = clock

    async def own(self, connection: AsyncConnection, owner_id: str | None) -> StoredBrand | None:
        rows = await connection.execute(select(brands).where(brands.c.id == (owner_id or _SERVER)))
        row = rows.one_or_none()
        return None if row is None else StoredBrand(brand=_brand(row.brand), updated_at=row.updated_at)

    async def in_force(self, connection: AsyncConnection, owner_id: str) -> Brand:
        """One's own, and the server's where one's own says nothing."""
        rows = await connection.execute(select(brands.c.id, brands.c.brand).where(brands.c.id.in_((owner_id, _SERVER))))
        found = {row.id: _brand(row.brand) for row in rows}
        return found.get(owner_id, Brand()).or_else(found.get(_SERVER, Brand()))

    async def save(self, connection: AsyncConnection, owner_id: str | None, brand: Brand) -> None:
        """Not in a shared transaction."""
        values: dict[str, Any] = {
            "brand": msgspec.to_builtins(brand),
            "logo_bytes": brand.logo.size if brand.logo else 0,
            "updated_at": self._clock(),
        }
        place = owner_id or _SERVER
        changed = await connection.execute(update(brands).where(brands.c.id == place).values(values))
        if not changed.rowcount:
            await connection.execute(insert(brands).values(id=place, owner_id=owner_id, **values))

    async def delete(self, connection: AsyncConnection, owner_id: str | None) -> bool:
        """Whether there was one."""
        gone = await connection.execute(delete(brands).where(brands.c.id == (owner_id or _SERVER)))
        return bool(gone.rowcount)


def _brand(held: dict[str, Any]) -> Brand:
    return msgspec.convert(held, Brand)
