"""Files from browser to browser: what a browser says, from the offer on until the two have found a way to each other.

Nothing is stored. What a browser is handed instead is a ticket: sealed, so that any node can read it and nobody can
make one, and good for one user, one transfer and a while.
"""

from __future__ import annotations

import msgspec

from server.auth.lately import Lately
from server.auth.permissions import Principal
from server.auth.seals import Seals
from server.clock import Clock, utc_now
from server.errors import InvalidInput, NotFound, RateLimited
from server.live.peer_signals import PeerTeller, PeerWays, TransferOver, peer_sent
from server.operations.peer_offers import PeerOffers
from server.operations.peer_people import PeerPeople, PeerReceivers, require_session
from server.realtime import peer_structs, protocol
from server.realtime.connection import Connection

_WAY_SECONDS = 24 * 3600  # how long the two may go on looking for a way
_AGAIN_PER_MINUTE = 120  # of one user: a page that lost its way asks each ten seconds or so


class PeerWayTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Of a transfer that was accepted, for one of its ends."""

    transfer: str
    user_id: str
    client_id: str
    other_id: str
    other_client: str
    until: float


class PeerOperations:
    def __init__(
        self,
        *,
        is_on: bool,
        people: PeerPeople,
        offers: PeerOffers,
        seals: Seals,
        teller: PeerTeller,
        ways: PeerWays,
        clock: Clock = utc_now,
    ) -> None:
        self.is_on = is_on
        self._people = people
        self._offers = offers
        self._seals = seals
        self._teller = teller
        self._ways = ways
        self._clock = clock
        self._lately = Lately(most=_AGAIN_PER_MINUTE, within_seconds=60.0)

    @property
    def most_bytes(self) -> int:
        """Of all files of a transfer together."""
        return self._offers.most_bytes

    def statistics(self) -> dict[str, int]:
        return self._offers.statistics()

    async def receivers(self, principal: Principal, *, own_connection: str = "") -> PeerReceivers:
        """Who could be asked now. `own_connection` is the asker's. Raises `NotFound` where it is turned off."""
        if not self.is_on:
            raise NotFound
        return await self._people.receivers(principal, own_connection=own_connection)

    async def answer(self, connection: Connection, command: protocol.Peer) -> protocol.PeerSent:
        """Do what a browser says. Raises `Forbidden` for programs, `Gone` for what is over or was never theirs."""
        require_session(connection.principal)
        match command.signal:
            case peer_structs.PeerOffer() as offer:
                return await self._offers.make(connection, command.to, offer)
            case peer_structs.PeerAccept():
                return await self._accept(connection, command.to)
            case peer_structs.PeerDecline():
                return await self._offers.decline(connection, command.to)
            case peer_structs.PeerAgain():
                return await self._look_again(connection, self._way(connection, command.to))
            case peer_structs.PeerOver(reason=reason) if reason == "taken":
                raise InvalidInput("Say cancelled or failed; that another device took it is the server's to say.")
            case peer_structs.PeerOver() as over:
                return self._end(connection, command.to, over)
            case signal:
                return await self._pass_on(connection, self._way(connection, command.to), signal)

    async def _accept(self, connection: Connection, ticket: str) -> protocol.PeerSent:
        offered = await self._offers.accept(connection, ticket)
        own, theirs = self._both_ways(
            PeerWayTicket(
                transfer=offered.transfer,
                user_id=connection.user_id,
                client_id=connection.client_id,
                other_id=offered.sender_id,
                other_client=offered.sender_client,
                until=self._clock().timestamp() + _WAY_SECONDS,
            )
        )
        self._offers.tell(connection, offered, peer_structs.PeerAccept(), ticket=theirs)
        return peer_sent(offered.transfer, ticket=own, ways=self._ways.of_user(connection.user_id))

    def _both_ways(self, own: PeerWayTicket) -> tuple[str, str]:
        """Sealed, with that of the other end."""
        theirs = msgspec.structs.replace(
            own, user_id=own.other_id, client_id=own.other_client, other_id=own.user_id, other_client=own.client_id
        )
        return self._seals.seal(own), self._seals.seal(theirs)

    def _way(self, connection: Connection, ticket: str) -> PeerWayTicket:
        found = self._seals.open(ticket, PeerWayTicket)
        if found is None or found.user_id != connection.user_id or found.until < self._clock().timestamp():
            raise TransferOver
        return found

    async def _pass_on(
        self, connection: Connection, way: PeerWayTicket, signal: peer_structs.PeerSignal
    ) -> protocol.PeerSent:
        if way.client_id != connection.client_id:
            raise TransferOver
        if isinstance(signal, peer_structs.PeerDescription):  # candidates are of one that was let through
            await self._people.require_acquainted(way.user_id, way.other_id)
        self._teller.tell(connection, way.other_id, way.transfer, signal, client_id=way.other_client)
        return peer_sent(way.transfer)

    async def _look_again(self, connection: Connection, way: PeerWayTicket) -> protocol.PeerSent:
        """Also for a page that has another client by now: it was loaded anew. No ticket lasts longer by it."""
        if self._lately.seconds_to_wait(connection.user_id) > 0:
            raise RateLimited("Too many messages; send fewer per second.")
        self._lately.add(connection.user_id)
        await self._people.require_acquainted(way.user_id, way.other_id)
        own, theirs = self._both_ways(msgspec.structs.replace(way, client_id=connection.client_id))
        self._teller.tell(
            connection,
            way.other_id,
            way.transfer,
            peer_structs.PeerAgain(),
            client_id=way.other_client,
            ticket=theirs,
            has_ways=True,
        )
        return peer_sent(way.transfer, ticket=own, ways=self._ways.of_user(connection.user_id))

    def _end(self, connection: Connection, ticket: str, over: peer_structs.PeerOver) -> protocol.PeerSent:
        if self._offers.is_of_offer(ticket):
            return self._offers.withdraw(connection, ticket, over)
        way = self._way(connection, ticket)
        self._teller.tell(connection, way.other_id, way.transfer, over, client_id=way.other_client)
        return peer_sent(way.transfer)
