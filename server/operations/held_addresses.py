"""Addresses that mail came back from: whoever sent it sees them, and says when mail may go there again."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from server.auth.access import Whose
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.deliveries.held_addresses import HeldAddress, free_address, held_of
from server.errors import NotFound
from server.storage.database import Database
from server.storage.tables import held_addresses

MOST_SHOWN = 500


class HeldAddressOperations:
    """They are their owner's; administrators see and manage all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, principal: Principal, *, whose: Whose = Whose.MINE) -> Sequence[HeldAddress]:
        principal.require_read()
        if whose is Whose.ALL:
            principal.require_admin()
        which = sa.true() if whose is Whose.ALL else held_addresses.c.owner_id == principal.user_id
        async with self._database.read() as connection:
            return await held_of(connection, which, limit=MOST_SHOWN)

    async def allow(self, principal: Principal, held_id: str) -> None:
        """Mail may go there again. Raises `NotFound`."""
        principal.require_write()
        theirs = sa.true() if principal.is_admin else held_addresses.c.owner_id == principal.user_id
        async with self._database.write() as connection:
            found = await held_of(connection, sa.and_(held_addresses.c.id == held_id, theirs), limit=1)
            if not found or not await free_address(connection, found[0].owner_id, found[0].address):
                raise NotFound
            detail = {"owner": found[0].owner}
            await Audit.record(
                connection, principal, "delivery.unhold", found[0].address, detail, subject_id=found[0].batch_id
            )
