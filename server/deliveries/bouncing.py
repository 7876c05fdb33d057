"""Reads the mailbox in which mails come back: by one node at a time, each once, and nothing in it is removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, utc_now
from server.deliveries.bounce_reading import Bounce, read_bounce
from server.deliveries.delivery import DeliveryState, FrozenDelivery
from server.deliveries.delivery_telling import DeliveryTelling
from server.deliveries.freezing import event_of
from server.deliveries.held_addresses import hold_address
from server.deliveries.store import IS_REAL, delivery_of_tag, set_delivery, troubled_before
from server.delivery.wishes import DeliveryVia
from server.errors import MailboxAway
from server.realtime.history import KeptMessage
from server.storage.database import Database
from server.storage.leases import is_held_by_another, take_lease
from server.storage.repeating import repeat
from server.storage.rows import insert_missing
from server.storage.tables import deliveries, leases
from server.texts import phrase

_LOG = logging.getLogger("jindu.deliveries")
_EVERY_SECONDS = 60.0
_FIRST_AFTER_SECONDS = 15.0
_AT_ONCE = 50
_LEASE, _LEASE_SECONDS = "bounces", 300.0  # longer than fifty mails take
LEFT_ALONE = "bounces of a backup"  # the name of a lease that nobody has: `until` is when it was restored
_MAILED = (DeliveryVia.MAIL, DeliveryVia.LINK)
_SAID_AGAIN = timedelta(hours=1)
_CAME_FROM = (DeliveryState.SENT, DeliveryState.PERHAPS_SENT)


class OpenMailbox(Protocol):
    async def unread(self, limit: int) -> Sequence[tuple[str, bytes]]:
        """The oldest, each with its id and as much of it as is looked at. Raises `MailboxAway`."""
        ...

    async def mark_read(self, mail_id: str) -> None: ...


class Mailbox(Protocol):
    def open(self) -> AbstractAsyncContextManager[OpenMailbox]:
        """Raises `MailboxAway`."""
        ...


class Bouncing:
    """One on each node. `address` is that whose mails come back, `holder` names this node and process."""

    def __init__(
        self,
        *,
        mailbox: Mailbox,
        address: str,
        database: Database,
        telling: DeliveryTelling,
        announce: Callable[[str, dict[str, Any], str | None], object],
        counts: dict[str, int],
        holder: str,
        clock: Clock = utc_now,
    ) -> None:
        self._mailbox = mailbox
        self._address = address
        self._database = database
        self._telling = telling
        self._announce = announce
        self._counts = counts
        self._holder = holder
        self._clock = clock
        self._said_at = clock() - 2 * _SAID_AGAIN

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(
            self.look,
            every_seconds=_EVERY_SECONDS,
            first_after_seconds=_FIRST_AFTER_SECONDS,
            log=_LOG,
            failed="mails that came back could not be read",
            action="bounce",
        )

    async def look(self) -> None:
        """Once at what nobody has read yet, if it is our turn."""
        now = self._clock()
        async with self._database.read() as connection:
            if await _is_left_alone(connection):
                self._say(now, "a backup was restored, and nothing mailed since: the mailbox is left alone")
                return
            if await is_held_by_another(connection, _LEASE, holder=self._holder, now=now, seconds=_LEASE_SECONDS):
                return
        async with self._database.write() as connection:
            if not await take_lease(connection, _LEASE, holder=self._holder, now=now, seconds=_LEASE_SECONDS):
                return
            await connection.execute(sa.delete(leases).where(leases.c.name == LEFT_ALONE))
        try:
            async with self._mailbox.open() as mailbox:
                for mail_id, raw in await mailbox.unread(_AT_ONCE):
                    if await self._take(raw):
                        await mailbox.mark_read(mail_id)  # afterwards: one that is read twice says the same
        except MailboxAway as away:
            self._say(now, away.text)

    def _say(self, now: datetime, text: str) -> None:
        """Once an hour."""
        if now - self._said_at >= _SAID_AGAIN:
            self._said_at = now
            _LOG.warning("%s", text, extra={"action": "bounce"})

    async def _take(self, raw: bytes) -> bool:
        """Whether nobody has to look at it again."""
        bounce = await asyncio.to_thread(read_bounce, raw, self._address)
        if bounce is None:  # somebody's absence, or nothing that we can read: it stays where it is
            return True
        kept: list[KeptMessage] = []
        async with self._database.write() as connection:
            delivery = await delivery_of_tag(connection, bounce.tag)
            if delivery is None:
                return True
            if delivery.state is DeliveryState.SENDING:  # it came back before we had noted that it left
                return False
            kept = await self._note(connection, delivery, bounce)
        self._telling.send(kept)
        self._announce(event_of(delivery.batch_id), {"delivery_id": delivery.id}, delivery.owner_id)
        named = {"action": "bounce", "delivery": delivery.id}
        _LOG.info("came back: %s", bounce.status or "no status", extra=named)
        return True

    async def _note(self, connection: AsyncConnection, delivery: FrozenDelivery, bounce: Bounce) -> list[KeptMessage]:
        if bounce.is_hard and not delivery.is_trial:
            await hold_address(
                connection,
                owner_id=delivery.owner_id,
                address=delivery.recipient,
                said=bounce.said,
                batch_id=delivery.batch_id,
                now=self._clock(),
            )
        if delivery.state not in _CAME_FROM:
            return []
        if not bounce.has_failed:
            late = phrase("It is late; the mail servers go on trying: {said}", said=bounce.said)
            await set_delivery(connection, delivery.id, {"error": late})
            return []
        words = phrase("It came back: {said}", said=bounce.said)
        if bounce.is_hard and not delivery.is_trial:
            words = phrase("It came back for good, and nothing more goes to this address: {said}", said=bounce.said)
        is_first = not await troubled_before(connection, delivery)
        await set_delivery(connection, delivery.id, {"state": DeliveryState.BOUNCED, "error": words})
        self._counts["bounced"] += not delivery.is_trial
        if not is_first:
            return []
        return await self._telling.keep_failed(connection, delivery, DeliveryState.BOUNCED, words)


async def leave_mailbox_alone(connection: AsyncConnection, now: datetime) -> None:
    """Of a backup: what comes back is of mails that the server itself has sent, which would never see them. A server
    that mails reports itself is no copy: from then on it reads."""
    row = {"name": LEFT_ALONE, "holder": "", "until": now}
    await insert_missing(connection, leases, [row], key=("name",))
    await connection.execute(sa.update(leases).where(leases.c.name == LEFT_ALONE).values(until=now))


async def _is_left_alone(connection: AsyncConnection) -> bool:
    restored_at = await connection.scalar(sa.select(leases.c.until).where(leases.c.name == LEFT_ALONE))
    if restored_at is None:
        return False
    is_mail = sa.and_(deliveries.c.via.in_(_MAILED), deliveries.c.recipient != "")
    mailed = sa.select(deliveries.c.id).where(is_mail, IS_REAL, deliveries.c.sent_at > restored_at)
    return (await connection.execute(mailed.limit(1))).first() is None
