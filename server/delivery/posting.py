"""Takes what lies in the outbox to whoever carries it, again and again, and writes down how it went."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from server.clock import Clock, utc_now
from server.delivery.outbox import arrived, claim, forget_parcel, forget_parcels, has_due, one_parcel, returned
from server.delivery.parcel import Carrier, Channel, Parcel
from server.errors import NotDelivered
from server.storage.database import Database
from server.storage.repeating import ONCE_IT_SERVES, repeat

_LOG = logging.getLogger("jindu.delivery")
_EVERY_SECONDS = 5.0
_FORGET_SECONDS = 3_600
_AT_ONCE = 10
_TOLD_AFTER = 3  # attempts: what fails once is mostly a moment

Undelivered = Callable[[Parcel, NotDelivered], Awaitable[None]]
"""Told once of each parcel that does not arrive."""


class Posting:
    """One on each node: who claims a parcel carries it."""

    def __init__(self, carriers: Mapping[Channel, Carrier], *, database: Database, clock: Clock = utc_now) -> None:
        self._carriers = carriers
        self._database = database
        self._clock = clock
        self.on_undelivered: Undelivered | None = None  # whoever tells people of it is made later
        self._wakened = asyncio.Event()
        self._forgot_at = datetime.min.replace(tzinfo=clock().tzinfo)

    def is_set_up(self, channel: Channel) -> bool:
        return self._carriers[channel].is_set_up

    def hurry(self) -> None:
        """Something was put into the box."""
        self._wakened.set()

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(
            self.post,
            every_seconds=_EVERY_SECONDS,
            first_after_seconds=ONCE_IT_SERVES,
            hurry=self._wakened,
            log=_LOG,
            failed="what lies in the outbox could not be sent",
            action="post",
        )

    async def post(self) -> None:
        """All that is due and that can leave from this node, those of different channels beside each other."""
        now, channels = self._clock(), [channel for channel in self._carriers if self.is_set_up(channel)]
        async with self._database.read() as connection:
            is_due = await has_due(connection, now, channels)
        if is_due:
            async with self._database.write() as connection:
                parcels = await claim(connection, now, limit=_AT_ONCE, channels=channels)
            if len(parcels) == _AT_ONCE:
                self.hurry()  # there may be more
            await asyncio.gather(*(self._carry(parcel) for parcel in parcels))
        if (now - self._forgot_at).total_seconds() > _FORGET_SECONDS:
            self._forgot_at = now
            async with self._database.write() as connection:
                await forget_parcels(connection, now)

    async def post_one(self, parcel_id: str) -> Parcel | None:
        """That one at once, if nobody has it in hand; how it then stands."""
        async with self._database.write() as connection:
            parcels = await claim(connection, self._clock(), parcel_id=parcel_id)
        for parcel in parcels:
            await self._carry(parcel)
        async with self._database.read() as connection:
            return await one_parcel(connection, parcel_id)

    async def _carry(self, parcel: Parcel) -> None:
        error: NotDelivered | None = None
        try:
            await self._carriers[parcel.channel].carry(parcel)
        except NotDelivered as why:
            error = why
        except Exception:
            _LOG.exception("a parcel could not be carried", extra=_named(parcel))
            error = NotDelivered("Something unexpected went wrong; the server's log has the details.")
        async with self._database.write() as connection:
            if parcel.channel is Channel.PUSH and (error is None or error.is_final):
                await forget_parcel(connection, parcel)  # the bell has it, and nobody else is to read it
            elif error is None:
                await arrived(connection, parcel, self._clock())
            else:
                await returned(connection, parcel, error, self._clock())
        if error is not None and not error.was_tried:
            return
        if error is None:
            _LOG.info("sent: %s", parcel.subject, extra=_named(parcel))
        else:
            _LOG.warning("not sent: %s", error.text, extra=_named(parcel))
            await self._say(parcel, error)

    async def _say(self, parcel: Parcel, error: NotDelivered) -> None:
        if parcel.channel is Channel.PUSH:  # no administrator can do anything about somebody's browser
            return
        is_new = parcel.attempts == _TOLD_AFTER or (error.is_final and parcel.attempts < _TOLD_AFTER)
        if is_new and self.on_undelivered is not None:
            await self.on_undelivered(parcel, error)


def _named(parcel: Parcel) -> dict[str, str | int]:
    return {"action": "post", "parcel": parcel.id, "channel": parcel.channel.value, "attempt": parcel.attempts}
