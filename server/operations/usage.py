"""How much of the disk one's own things take, and for administrators everybody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.auth.permissions import Principal
from server.storage.database import Database
from server.storage.quotas import Quotas, Stored, Usage


class UsageOperations:
    def __init__(self, *, database: Database, quotas: Quotas) -> None:
        self._database = database
        self._quotas = quotas

    async def mine(self, principal: Principal) -> Sequence[Usage]:
        """One line a kind of thing, with the most that it may be."""
        principal.require_read()
        async with self._database.read() as connection:
            return await self._quotas.usage(connection, principal.user_id)

    async def by_user(self, principal: Principal) -> Mapping[str, Mapping[Stored, int]]:
        """Bytes by user id and kind, of everybody who stores anything."""
        principal.require_admin()
        async with self._database.read() as connection:
            return await self._quotas.used_by_owner(connection)
