"""Deliveries that go to whoever orders them first: who that is, and what of an order they get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from server.auth.permissions import Principal
from server.deliveries.planning import DeliveryRules
from server.delivery.wishes import DeliveryWish, TrialReader
from server.errors import Conflict, NoConfirmedAddress
from server.storage.database import Database
from server.storage.tables import users


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTrials:
    database: Database
    rules: DeliveryRules

    async def reader(self, principal: Principal) -> TrialReader:
        """Where they read mail: an address that they have confirmed, or it may be anybody's. Raises `Conflict`."""
        query = sa.select(users.c.email).where(
            users.c.id == principal.user_id, users.c.email_confirmed_at.is_not(None), users.c.email.is_not(None)
        )
        async with self.database.read() as connection:
            address = await connection.scalar(query)
        if not address:
            raise NoConfirmedAddress
        if self.rules.problem_of(address) is not None:
            raise Conflict("Mail to “{address}” is not allowed here.", address=address)
        return TrialReader(user_id=principal.user_id, address=address)

    async def tried(self, principal: Principal, wishes: Sequence[DeliveryWish]) -> list[DeliveryWish]:
        """Those that go out by mail, to them alone; what goes to chats, webhooks and folders goes nowhere.

        Raises `Conflict`.
        """
        mailed = [wish for wish in wishes if wish.is_mailed]
        if not mailed:
            raise Conflict("Nothing of this goes out by mail, so there is nothing to send to you first.")
        reader = await self.reader(principal)
        return [msgspec.structs.replace(wish, trial=reader) for wish in mailed]
