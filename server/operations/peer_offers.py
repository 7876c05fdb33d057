"""Files that are offered from browser to browser, before anybody has agreed: the asking, and the one answer to it.

What is offered is kept by nobody: each end has a ticket, sealed, so that any node can read it and nobody can make one.
That it was answered stands in the audit log, which is where a second answer is found out.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.lately import Lately
from server.auth.seals import Seals
from server.clock import Clock, new_id, rfc3339, utc_now
from server.errors import InvalidInput, RateLimited
from server.live.peer_signals import PeerTeller, TransferOver, peer_sent
from server.operations.peer_people import PeerPeople
from server.realtime import peer_structs, protocol
from server.realtime.connection import Connection
from server.storage.database import Database
from server.storage.tables import audit

OFFER_SECONDS = 120  # a person looks, reads and decides
_MINUTE_SECONDS = 60.0
# Besides what is no character of a line: those that look like a blank, behind which an ending would be hidden.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ue000-\uf8ff\ufeff\uffa0\ufff9-\uffff]"
)
_SENDERS, _RECEIVERS = "sender", "receiver"
_ANSWERS = ("peer.accept", "peer.decline")


class PeerOfferTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Of an offer that nobody has answered yet, for one of its ends (`holder`). `serial` tells it from all others."""

    holder: str
    serial: str
    transfer: str
    sender_id: str
    sender_name: str
    sender_client: str
    receiver_id: str
    connection_id: str | None  # of the device that is asked; None: whichever is there
    name: str
    count: int
    size_bytes: int
    until: float


class PeerOffers:
    def __init__(
        self,
        *,
        people: PeerPeople,
        database: Database,
        seals: Seals,
        teller: PeerTeller,
        most_bytes: int,
        offers_per_minute: int,
        clock: Clock = utc_now,
    ) -> None:
        self._people = people
        self._database = database
        self._seals = seals
        self._teller = teller
        self.most_bytes = most_bytes
        self._offers_per_minute = offers_per_minute
        self._clock = clock
        self._lately = Lately(most=offers_per_minute, within_seconds=_MINUTE_SECONDS)
        self._counts: Counter[str] = Counter()

    def statistics(self) -> dict[str, int]:
        return dict(self._counts)

    async def make(self, connection: Connection, to: str, offer: peer_structs.PeerOffer) -> protocol.PeerSent:
        """Ask whoever `to` means. Raises `InvalidInput`, `RateLimited`, `NotFound` and `Conflict`."""
        size_bytes = self._checked(offer)
        self._take_turn(connection.user_id)
        kind, _, name = to.partition(":")
        if kind == "connection":
            target = await self._people.own_device(connection, name)
            receiver_id, connection_id = connection.user_id, name
        elif kind == "user":
            target, receiver_id, connection_id = await self._people.colleague(connection, name), name, None
        else:
            raise InvalidInput("Send an offer to user:<id> or connection:<id>.")
        until = self._clock() + timedelta(seconds=OFFER_SECONDS)
        ticket = PeerOfferTicket(
            holder=_RECEIVERS,
            serial=new_id(),
            transfer=offer.transfer,
            sender_id=connection.user_id,
            sender_name=connection.principal.user_name,
            sender_client=connection.client_id,
            receiver_id=receiver_id,
            connection_id=connection_id,
            name=offer.files[0].name,
            count=len(offer.files),
            size_bytes=size_bytes,
            until=until.timestamp(),
        )
        await self._record(connection, "peer.offer", ticket, to=target)
        expires_at = rfc3339(until)
        self._counts["offered"] += 1
        self._teller.tell(
            connection,
            receiver_id,
            offer.transfer,
            offer,
            connection_id=connection_id,
            ticket=self._seals.seal(ticket),
            expires_at=expires_at,
        )
        own = self._seals.seal(msgspec.structs.replace(ticket, holder=_SENDERS))
        return peer_sent(offer.transfer, ticket=own, expires_at=expires_at)

    async def accept(self, connection: Connection, ticket: str) -> PeerOfferTicket:
        """What a person has agreed to; `tell` follows. Raises `TransferOver`, also for what was answered before."""
        offered = self._offered(connection, ticket, _RECEIVERS)
        await self._people.require_acquainted(offered.sender_id, offered.receiver_id)
        await self._record_answer(connection, "peer.accept", offered)
        self._counts["accepted"] += 1
        return offered

    async def decline(self, connection: Connection, ticket: str) -> protocol.PeerSent:
        """Raises `TransferOver`, also for what was answered before."""
        offered = self._offered(connection, ticket, _RECEIVERS)
        await self._record_answer(connection, "peer.decline", offered)
        self._counts["declined"] += 1
        self.tell(connection, offered, peer_structs.PeerDecline())
        return peer_sent(offered.transfer)

    def is_of_offer(self, ticket: str) -> bool:
        return self._seals.open(ticket, PeerOfferTicket) is not None

    def withdraw(self, connection: Connection, ticket: str, over: peer_structs.PeerOver) -> protocol.PeerSent:
        """By whoever made it. Raises `TransferOver`."""
        offered = self._offered(connection, ticket, _SENDERS)
        self._teller.tell(connection, offered.receiver_id, offered.transfer, over, connection_id=offered.connection_id)
        return peer_sent(offered.transfer)

    def tell(
        self,
        connection: Connection,
        offered: PeerOfferTicket,
        signal: peer_structs.PeerSignal,
        *,
        ticket: str | None = None,
    ) -> None:
        """The answer, to who offered; and all other pages of who was asked need not ask any more."""
        self._teller.tell(
            connection,
            offered.sender_id,
            offered.transfer,
            signal,
            client_id=offered.sender_client,
            ticket=ticket,
            has_ways=ticket is not None,
        )
        self._teller.tell(connection, connection.user_id, offered.transfer, peer_structs.PeerOver(reason="taken"))

    def _checked(self, offer: peer_structs.PeerOffer) -> int:
        if not all(file.name.strip() and not _UNSEEN.search(file.name) for file in offer.files):
            raise InvalidInput("Names of files are one line of visible characters.")
        size_bytes = sum(file.size for file in offer.files)
        if size_bytes > self.most_bytes:
            raise InvalidInput(
                "That is more than may be sent at once ({limit} bytes); send fewer files, or upload them.",
                code="transfer_too_large",
                limit=self.most_bytes,
            )
        return size_bytes

    def _take_turn(self, user_id: str) -> None:
        if self._lately.seconds_to_wait(user_id) > 0:
            raise RateLimited(
                "You have offered {count} transfers within a minute; wait a moment.", count=self._offers_per_minute
            )
        self._lately.add(user_id)

    def _offered(self, connection: Connection, ticket: str, holder: str) -> PeerOfferTicket:
        found = self._seals.open(ticket, PeerOfferTicket)
        if found is None or found.holder != holder:
            raise TransferOver
        owner_id = found.receiver_id if holder == _RECEIVERS else found.sender_id
        if owner_id != connection.user_id or found.until < self._clock().timestamp():
            raise TransferOver
        return found

    async def _record(self, connection: Connection, action: str, offered: PeerOfferTicket, **detail: str) -> None:
        """Before anybody is told: nothing is sent without a trace."""
        async with self._database.write() as writing:
            await self._write(writing, connection, action, offered, detail)

    async def _record_answer(self, connection: Connection, action: str, offered: PeerOfferTicket) -> None:
        """Once, whichever device or node it came by: a ticket that is shown again would only fill the log."""
        answered = sa.exists().where(audit.c.subject_id == offered.serial, audit.c.action.in_(_ANSWERS))
        async with self._database.write() as writing:
            if await writing.scalar(sa.select(answered)):
                raise TransferOver
            await self._write(writing, connection, action, offered, {"sender": offered.sender_name})

    async def _write(
        self,
        writing: AsyncConnection,
        connection: Connection,
        action: str,
        offered: PeerOfferTicket,
        detail: dict[str, str],
    ) -> None:
        told = {**detail, "count": offered.count, "bytes": offered.size_bytes}
        await Audit.record(writing, connection.principal, action, offered.name, told, subject_id=offered.serial)
