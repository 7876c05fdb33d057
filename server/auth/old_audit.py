"""What of the audit log goes with age: whole lines, and before that the addresses in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Select, Update, delete, literal, select, update

from server.storage.database import Database
from server.storage.keeping import Amount, amount
from server.storage.pages import size_of
from server.storage.tables import audit

_AT_ONCE = 500
_ROW_BYTES = 200  # beside its texts, with its places in the indexes
_ADDRESSES = select(audit).where(audit.c.address != literal(""))


class _OldInAudit:
    """`held` is what goes with age, `size` what each takes, `removal` what is done to the lines."""

    def __init__(self, database: Database, *, held: Select[Any], size: Any, removal: Delete | Update) -> None:
        self._database = database
        self._held = held
        self._size = size
        self._removal = removal

    async def held(self, owner_id: str | None = None) -> Amount:
        return await self._amount(self._held, owner_id)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        return await self._amount(self._held.where(audit.c.at < before), owner_id)

    async def remove_some(self, before: datetime) -> Amount | None:
        old = self._held.with_only_columns(audit.c.id).where(audit.c.at < before).order_by(audit.c.at)
        async with self._database.read() as connection:
            ids: Sequence[int] = (await connection.execute(old.limit(_AT_ONCE))).scalars().all()
        if not ids:
            return None
        these = audit.c.id.in_(ids)
        async with self._database.write() as connection:
            removed = await amount(connection, select(audit).where(these), self._size)
            await connection.execute(self._removal.where(these))
        return removed

    async def _amount(self, lines: Select[Any], owner_id: str | None) -> Amount:
        if owner_id is not None:
            return Amount()  # it is nobody's own
        async with self._database.read() as connection:
            return await amount(connection, lines, self._size)


class OldAuditLines(_OldInAudit):
    """Lines that are older than anybody asks for."""

    kind = "audit"

    def __init__(self, database: Database) -> None:
        size = size_of(audit.c.detail, audit.c.subject) + _ROW_BYTES
        super().__init__(database, held=select(audit), size=size, removal=delete(audit))


class OldAddresses(_OldInAudit):
    """Addresses that nobody needs any more: they are taken out, and what was done stays."""

    kind = "audit_addresses"

    def __init__(self, database: Database) -> None:
        super().__init__(
            database, held=_ADDRESSES, size=size_of(audit.c.address), removal=update(audit).values(address="")
        )
