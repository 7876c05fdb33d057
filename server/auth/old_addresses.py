"""Addresses in the audit log that nobody needs any more: they are taken out, and what was done stays."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, literal, select, update

from server.storage.database import Database
from server.storage.keeping import Amount, amount
from server.storage.pages import size_of
from server.storage.tables import audit

_AT_ONCE = 500
_SIZE = size_of(audit.c.address)
_HELD = select(audit).where(audit.c.address != literal(""))


class OldAddresses:
    kind = "audit_addresses"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def held(self, owner_id: str | None = None) -> Amount:
        return await self._amount(_HELD, owner_id)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        return await self._amount(_HELD.where(audit.c.at < before), owner_id)

    async def remove_some(self, before: datetime) -> Amount | None:
        old = _HELD.with_only_columns(audit.c.id).where(audit.c.at < before).order_by(audit.c.at).limit(_AT_ONCE)
        async with self._database.read() as connection:
            ids = (await connection.execute(old)).scalars().all()
        if not ids:
            return None
        async with self._database.write() as connection:
            removed = await amount(connection, select(audit).where(audit.c.id.in_(ids)), _SIZE)
            await connection.execute(update(audit).where(audit.c.id.in_(ids)).values(address=""))
        return removed

    async def _amount(self, lines: Select[Any], owner_id: str | None) -> Amount:
        if owner_id is not None:
            return Amount()  # it is nobody's own
        async with self._database.read() as connection:
            return await amount(connection, lines, _SIZE)
