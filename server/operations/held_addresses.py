"""Addresses that mail came back from: whoever sent it sees them, and says when mail may go there again."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from server.auth.access import Whose
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.deliveries.held_addresses import HeldAddress, free_address, held_among, held_back, held_of
from server.delivery.wishes import DeliveryWish
from server.errors import NotFound
from server.storage.database import Database
from server.storage.pages import Listing, place_of
from server.storage.searching import mentions
from server.storage.tables import held_addresses
from server.texts import Phrase


class HeldAddressOperations:
    """They are their owner's; administrators see and manage all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self,
        principal: Principal,
        *,
        whose: Whose = Whose.MINE,
        q: str = "",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[HeldAddress]:
        """The newest first. `q` stands in the address, or in what was said."""
        principal.require_read()
        if whose is Whose.ALL:
            principal.require_admin()
        which = sa.true() if whose is Whose.ALL else held_addresses.c.owner_id == principal.user_id
        texts = (held_addresses.c.address, held_addresses.c.said)
        if q:
            which = sa.and_(which, sa.or_(*(mentions(text, q) for text in texts)))
        skip = place_of(cursor or "0")
        async with self._database.read() as connection:
            total = await connection.scalar(sa.select(sa.func.count()).select_from(held_addresses).where(which)) or 0
            found = await held_of(connection, which, limit=limit, skip=skip)
        more = str(skip + limit) if total > skip + limit else None
        return Listing(items=found, total=total, next_cursor=more)

    async def warnings(self, principal: Principal, wishes: Sequence[DeliveryWish]) -> Sequence[Phrase]:
        """Which of the addresses that an order names get nothing of it, and why."""
        named = {address for wish in wishes for address in wish.to}
        async with self._database.read() as connection:
            held = await held_among(connection, principal.user_id, named)
        return [held_back(address, said) for address, said in held.items()]

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
