"""Share links that have ended: people see for a while that they did, then they go."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, literal, select

from server.storage.database import Database
from server.storage.keeping import Amount, amount, amount_of
from server.storage.tables import share_links

_AT_ONCE = 500
_ROW_BYTES = 500  # with its places in the indexes
_SIZE = literal(_ROW_BYTES)


class OldLinks:
    """Counted from their end; those that have none stay."""

    kind = "links"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def held(self, owner_id: str | None = None) -> Amount:
        return await self._amount(select(share_links), owner_id)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        return await self._amount(_old(before), owner_id)

    async def remove_some(self, before: datetime) -> Amount | None:
        oldest = _old(before).with_only_columns(share_links.c.id).order_by(share_links.c.expires_at).limit(_AT_ONCE)
        async with self._database.read() as connection:
            ids = (await connection.execute(oldest)).scalars().all()
        if not ids:
            return None
        these = share_links.c.id.in_(ids)
        async with self._database.write() as connection:
            removed = await amount(connection, select(share_links).where(these), _SIZE)
            await connection.execute(delete(share_links).where(these))
        return removed

    async def _amount(self, which: Select[Any], owner_id: str | None) -> Amount:
        return await amount_of(self._database, which, _SIZE, owner=share_links.c.made_by, owner_id=owner_id)


def _old(before: datetime) -> Select[Any]:
    return select(share_links).where(share_links.c.expires_at < before)
