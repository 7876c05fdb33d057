"""Files from browser to browser: who may be asked, the asking, and what the two tell each other to find a way.

Nothing is stored. What a browser is handed instead is a ticket: sealed, so that any node can read it and nobody can
make one, and good for one user, one transfer and a while.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, deque
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import sqlalchemy as sa

from server.auth.audit import Audit
from server.auth.colleagues import colleagues_of
from server.auth.permissions import Principal
from server.auth.seals import Seals
from server.clock import Clock, rfc3339, utc_now
from server.errors import Conflict, Forbidden, Gone, InvalidInput, NotFound, RateLimited
from server.live.peer_signals import PeerSignalled, PeerWays
from server.realtime import protocol
from server.realtime.broker import Broker
from server.realtime.connection import Connection
from server.realtime.presence import Presence, device_name
from server.realtime.presences import Presences
from server.storage.database import Database
from server.storage.tables import users

OFFER_SECONDS = 120  # a person looks, reads and decides
_WAY_SECONDS = 24 * 3600  # how long the two may go on looking for a way
_MOST_COLLEAGUES = 200  # of a list that a person reads
_MINUTE_SECONDS = 60.0
_MOST_REMEMBERED = 10_000
# Besides what is no character of a line: those that look like a blank, behind which an ending would be hidden.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ue000-\uf8ff\ufeff\uffa0\ufff9-\uffff]"
)
_SENDERS, _RECEIVERS = "sender", "receiver"


class PeerOfferTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Of an offer that nobody has answered yet, for one of its ends (`holder`)."""

    holder: str
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


class PeerWayTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Of a transfer that was accepted, for one of its ends."""

    transfer: str
    user_id: str
    client_id: str
    other_id: str
    other_client: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerReceivers:
    """Who is there at the moment: other devices of one's own, and colleagues by name."""

    devices: list[Presence]
    colleagues: list[Colleague]


class PeerOperations:
    def __init__(
        self,
        *,
        is_on: bool,
        database: Database,
        presences: Presences,
        broker: Broker,
        seals: Seals,
        ways: PeerWays,
        most_bytes: int,
        offers_per_minute: int,
        clock: Clock = utc_now,
    ) -> None:
        self.is_on = is_on
        self.most_bytes = most_bytes
        self._database = database
        self._presences = presences
        self._broker = broker
        self._seals = seals
        self._ways = ways
        self._offers_per_minute = offers_per_minute
        self._clock = clock
        self._offers: dict[str, deque[float]] = {}
        self._counts: Counter[str] = Counter()

    def statistics(self) -> dict[str, int]:
        return dict(self._counts)

    async def receivers(self, principal: Principal, *, own_connection: str = "") -> PeerReceivers:
        """Who could be asked now. `own_connection` is the asker's. Raises `NotFound` where it is turned off."""
        if not self.is_on:
            raise NotFound
        _require_session(principal)
        own = [each for each in await self._browsers_of(principal.user_id) if each.connection_id != own_connection]
        wanted = sa.select(users.c.id, users.c.name).where(colleagues_of(principal.user_id))
        async with self._database.read() as connection:
            rows = (await connection.execute(wanted.order_by(users.c.name_key).limit(_MOST_COLLEAGUES))).all()
        present = await asyncio.gather(*(self._browsers_of(row.id) for row in rows))
        there = [Colleague(id=row.id, name=row.name) for row, found in zip(rows, present, strict=True) if found]
        return PeerReceivers(devices=own, colleagues=there)

    async def answer(self, connection: Connection, command: protocol.Peer) -> protocol.PeerSent:
        """Do what a browser says. Raises `Forbidden` for programs, `Gone` for what is over or was never theirs."""
        _require_session(connection.principal)
        match command.signal:
            case protocol.PeerOffer() as offer:
                return await self._offer(connection, command.to, offer)
            case protocol.PeerAccept():
                return await self._accept(connection, self._offered(connection, command.to, _RECEIVERS))
            case protocol.PeerDecline():
                return await self._decline(connection, self._offered(connection, command.to, _RECEIVERS))
            case protocol.PeerAgain():
                return await self._look_again(connection, self._way(connection, command.to))
            case protocol.PeerOver(reason=reason) if reason == "taken":
                raise InvalidInput("Say cancelled or failed; that another device took it is the server's to say.")
            case protocol.PeerOver() as over:
                return self._end(connection, command.to, over)
            case signal:
                way = self._way(connection, command.to)
                if way.client_id != connection.client_id:
                    raise _over()
                if isinstance(signal, protocol.PeerDescription):  # candidates are of one that was let through
                    await self._require_acquainted(way.user_id, way.other_id)
                self._tell(connection, way.other_id, way.transfer, signal, client_id=way.other_client)
                return _sent(way.transfer)

    # before anybody has agreed

    async def _offer(self, connection: Connection, to: str, offer: protocol.PeerOffer) -> protocol.PeerSent:
        size_bytes = self._checked(offer)
        self._take_turn(connection.user_id)
        kind, _, name = to.partition(":")
        if kind == "connection":
            target, receiver_id, connection_id = await self._own_device(connection, name), connection.user_id, name
        elif kind == "user":
            target, receiver_id, connection_id = await self._colleague(connection, name), name, None
        else:
            raise InvalidInput("Send an offer to user:<id> or connection:<id>.")
        until = self._clock() + timedelta(seconds=OFFER_SECONDS)
        ticket = PeerOfferTicket(
            holder=_RECEIVERS,
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
        self._tell(
            connection,
            receiver_id,
            offer.transfer,
            offer,
            connection_id=connection_id,
            ticket=self._seals.seal(ticket),
            expires_at=expires_at,
        )
        own = self._seals.seal(msgspec.structs.replace(ticket, holder=_SENDERS))
        return _sent(offer.transfer, ticket=own, expires_at=expires_at)

    def _checked(self, offer: protocol.PeerOffer) -> int:
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
        now = time.monotonic()
        offers = self._offers.setdefault(user_id, deque())
        while offers and now - offers[0] >= _MINUTE_SECONDS:
            offers.popleft()
        if len(offers) >= self._offers_per_minute:
            raise RateLimited(
                "You have offered {count} transfers within a minute; wait a moment.", count=self._offers_per_minute
            )
        offers.append(now)
        while len(self._offers) > _MOST_REMEMBERED:
            del self._offers[next(iter(self._offers))]

    async def _own_device(self, connection: Connection, connection_id: str) -> str:
        for each in await self._browsers_of(connection.user_id):
            if each.connection_id == connection_id != connection.id:
                return each.device or connection_id
        raise Conflict("That device is not connected any more; look at the list again.", code="peer_away")

    async def _colleague(self, connection: Connection, user_id: str) -> str:
        wanted = sa.select(users.c.name).where(colleagues_of(connection.user_id), users.c.id == user_id)
        async with self._database.read() as reading:
            name: str | None = await reading.scalar(wanted)
        if name is None:  # also of whom there is: who shares nothing with somebody learns nothing of them
            raise NotFound("You share nothing with this person, if there is one.")
        if not await self._browsers_of(user_id):
            raise Conflict("{user} has no page open at the moment.", code="peer_away", user=name)
        return name

    def _offered(self, connection: Connection, ticket: str, holder: str) -> PeerOfferTicket:
        found = self._seals.open(ticket, PeerOfferTicket)
        if found is None or found.holder != holder:
            raise _over()
        owner_id = found.receiver_id if holder == _RECEIVERS else found.sender_id
        if owner_id != connection.user_id or found.until < self._clock().timestamp():
            raise _over()
        return found

    # a person has answered

    async def _accept(self, connection: Connection, offered: PeerOfferTicket) -> protocol.PeerSent:
        await self._require_acquainted(offered.sender_id, offered.receiver_id)
        await self._record(connection, "peer.accept", offered, sender=offered.sender_name)
        self._counts["accepted"] += 1
        own, theirs = self._both_ways(
            offered.transfer, connection, other_id=offered.sender_id, other_client=offered.sender_client
        )
        self._answer(connection, offered, protocol.PeerAccept(), ticket=theirs)
        return _sent(offered.transfer, ticket=own, ways=self._ways.of_user(connection.user_id))

    async def _decline(self, connection: Connection, offered: PeerOfferTicket) -> protocol.PeerSent:
        await self._record(connection, "peer.decline", offered, sender=offered.sender_name)
        self._counts["declined"] += 1
        self._answer(connection, offered, protocol.PeerDecline())
        return _sent(offered.transfer)

    def _answer(
        self,
        connection: Connection,
        offered: PeerOfferTicket,
        signal: protocol.PeerSignal,
        *,
        ticket: str | None = None,
    ) -> None:
        """To who offered; and all other pages of who was asked need not ask any more."""
        self._tell(
            connection,
            offered.sender_id,
            offered.transfer,
            signal,
            client_id=offered.sender_client,
            ticket=ticket,
            has_ways=ticket is not None,
        )
        self._tell(connection, connection.user_id, offered.transfer, protocol.PeerOver(reason="taken"))

    # between the two

    def _both_ways(self, transfer: str, connection: Connection, *, other_id: str, other_client: str) -> tuple[str, str]:
        """A ticket for this connection, and one for the other end."""
        own = PeerWayTicket(
            transfer=transfer,
            user_id=connection.user_id,
            client_id=connection.client_id,
            other_id=other_id,
            other_client=other_client,
            until=self._clock().timestamp() + _WAY_SECONDS,
        )
        theirs = msgspec.structs.replace(
            own, user_id=other_id, client_id=other_client, other_id=own.user_id, other_client=own.client_id
        )
        return self._seals.seal(own), self._seals.seal(theirs)

    def _way(self, connection: Connection, ticket: str) -> PeerWayTicket:
        found = self._seals.open(ticket, PeerWayTicket)
        if found is None or found.user_id != connection.user_id or found.until < self._clock().timestamp():
            raise _over()
        return found

    async def _look_again(self, connection: Connection, way: PeerWayTicket) -> protocol.PeerSent:
        """Also for a page that has another client by now: it was loaded anew."""
        await self._require_acquainted(way.user_id, way.other_id)
        own, theirs = self._both_ways(way.transfer, connection, other_id=way.other_id, other_client=way.other_client)
        self._tell(
            connection,
            way.other_id,
            way.transfer,
            protocol.PeerAgain(),
            client_id=way.other_client,
            ticket=theirs,
            has_ways=True,
        )
        return _sent(way.transfer, ticket=own, ways=self._ways.of_user(connection.user_id))

    def _end(self, connection: Connection, ticket: str, over: protocol.PeerOver) -> protocol.PeerSent:
        if self._seals.open(ticket, PeerOfferTicket) is not None:
            offered = self._offered(connection, ticket, _SENDERS)
            self._tell(connection, offered.receiver_id, offered.transfer, over, connection_id=offered.connection_id)
            return _sent(offered.transfer)
        way = self._way(connection, ticket)
        self._tell(connection, way.other_id, way.transfer, over, client_id=way.other_client)
        return _sent(way.transfer)

    async def _require_acquainted(self, user_id: str, other_id: str) -> None:
        """Asked each time: what made them acquainted may have been taken away."""
        if user_id == other_id:
            return
        wanted = sa.select(users.c.id).where(colleagues_of(user_id), users.c.id == other_id)
        async with self._database.read() as connection:
            if await connection.scalar(wanted) is None:
                raise _over()

    async def _browsers_of(self, user_id: str) -> list[Presence]:
        """Those with a page open that takes files."""
        return [each for each in await self._presences.of_user(user_id) if each.session_id and each.takes_files]

    async def _record(self, connection: Connection, action: str, offered: PeerOfferTicket, **detail: str) -> None:
        """Before anybody is told: nothing is sent without a trace."""
        told = {**detail, "count": offered.count, "bytes": offered.size_bytes}
        async with self._database.write() as writing:
            await Audit.record(writing, connection.principal, action, offered.name, told)

    def _tell(
        self,
        connection: Connection,
        user_id: str,
        transfer: str,
        signal: protocol.PeerSignal,
        *,
        client_id: str | None = None,
        connection_id: str | None = None,
        ticket: str | None = None,
        expires_at: str | None = None,
        has_ways: bool = False,
    ) -> None:
        is_offer = isinstance(signal, protocol.PeerOffer)
        self._broker.send(
            PeerSignalled(
                user_id=user_id,
                transfer=transfer,
                sender=protocol.PeerName(user=connection.principal.user_name, device=device_name(connection.device)),
                sender_id=connection.user_id,
                signal=signal,
                client_id=client_id,
                connection_id=connection_id,
                but_connection_id=connection.id if is_offer else None,
                ticket=ticket,
                expires_at=expires_at,
                has_ways=has_ways,
            )
        )


def _require_session(principal: Principal) -> None:
    if principal.session_id is None:
        raise Forbidden("Files go between browsers in which somebody has signed in; tokens cannot send or take them.")


def _over() -> Gone:
    return Gone("This transfer is over, was not answered in time, or is not yours.", code="peer_over")


def _sent(
    transfer: str,
    *,
    ticket: str | None = None,
    expires_at: str | None = None,
    ways: list[protocol.PeerWay] | None = None,
) -> protocol.PeerSent:
    return protocol.PeerSent(
        timestamp=protocol.now(), transfer=transfer, ticket=ticket, expires_at=expires_at, ways=ways or []
    )
