"""Who wants no more mail of a schedule says so by the link in it, without an account.

Its owner sees who did, and can undo it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from server.auth.audit import Audit, Via
from server.auth.permissions import Principal
from server.auth.seals import Seals
from server.auth.throttle import Attempt, SignInThrottle
from server.clock import Clock, utc_now
from server.deliveries.carrying import UnsubscribeCode
from server.deliveries.delivery import OptOut
from server.deliveries.delivery_telling import DeliveryTelling
from server.deliveries.store import DeliveryStore, add_optout, opted_out, remove_optout
from server.errors import NotFound, RateLimited
from server.operations.schedules import ScheduleOperations
from server.storage.database import Database
from server.storage.tables import schedules

_REFUSED_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOfSchedule:
    """`is_over`: this address gets no more of it."""

    name: str
    address: str
    is_over: bool


class UnsubscribeOperations:
    def __init__(
        self,
        *,
        database: Database,
        store: DeliveryStore,
        seals: Seals,
        throttle: SignInThrottle,
        telling: DeliveryTelling,
        planned: ScheduleOperations,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._seals = seals
        self._throttle = throttle
        self._telling = telling
        self._planned = planned
        self._clock = clock

    async def look(self, code: str, *, address: str) -> MailOfSchedule:
        """What the link is about; nothing changes: programs that look for viruses open each link. Raises `NotFound`."""
        opened, name, _ = await self._opened(code, address)
        async with self._database.read() as connection:
            is_over = opened.address in await opted_out(connection, opened.schedule_id)
        return MailOfSchedule(name=name, address=opened.address, is_over=is_over)

    async def stop(self, code: str, *, address: str) -> None:
        """No more of this schedule to this address; all else goes on. Raises `NotFound`."""
        opened, name, owner_id = await self._opened(code, address)
        kept = []
        async with self._database.write() as connection:
            if await add_optout(connection, opened.schedule_id, opened.address, self._clock()):
                detail = {"schedule": name}
                await Audit.record(
                    connection,
                    Via.STRANGER,
                    "delivery.refuse",
                    opened.address,
                    detail,
                    subject_id=opened.schedule_id,
                    address=address,
                )
                kept = await self._telling.keep_opted_out(
                    connection, owner_id, schedule_id=opened.schedule_id, name=name, address=opened.address
                )
        self._telling.send(kept)

    async def of_schedule(self, principal: Principal, schedule_id: str) -> Sequence[OptOut]:
        """Raises `NotFound` for a schedule that they may not see."""
        schedule = await self._planned.get(principal, schedule_id)
        return await self._store.optouts(schedule.id)

    async def allow(self, principal: Principal, schedule_id: str, optout_id: str) -> None:
        """They asked for it again. Raises `NotFound`."""
        principal.require_write()
        schedule = await self._planned.get(principal, schedule_id)
        async with self._database.write() as connection:
            address = await remove_optout(connection, schedule.id, optout_id)
            if address is None:
                raise NotFound
            detail = {"schedule": schedule.name}
            await Audit.record(connection, principal, "delivery.allow", address, detail, subject_id=schedule.id)

    async def _opened(self, code: str, address: str) -> tuple[UnsubscribeCode, str, str]:
        """With the name and the owner of its schedule. Who guesses is slowed down, and learns nothing."""
        attempt = Attempt(name_key=f"unsubscribe:{address}", address=address)
        try:
            await self._throttle.begin(attempt)
        except RateLimited:
            await asyncio.sleep(_REFUSED_SECONDS)
            raise
        opened = self._seals.open(code, UnsubscribeCode)
        if opened is None:
            raise NotFound
        await self._throttle.succeeded(attempt)
        query = sa.select(schedules.c.name, schedules.c.owner_id).where(schedules.c.id == opened.schedule_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound
        return opened, row.name, row.owner_id
