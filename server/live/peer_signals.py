"""What one browser tells another before a file goes there, carried to whichever node has the other, and by which ways
the two may look for each other."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from server.clock import Clock, rfc3339_now, utc_now
from server.errors import Gone
from server.realtime import peer_structs, protocol
from server.realtime.broker import Broker, Publication, user_topic
from server.realtime.connection import Connection
from server.realtime.manager import ConnectionManager
from server.realtime.presence import device_name

_RELAYED_SECONDS = 4 * 3600  # as long as one transfer may take that a TURN server relays


class PeerSignalled(Publication, frozen=True, kw_only=True):
    """For browsers of `user_id`: one connection, one client (whose connection may be another one by now), or all."""

    user_id: str
    transfer: str
    sender: peer_structs.PeerName
    sender_id: str
    signal: peer_structs.PeerSignal
    client_id: str | None = None
    connection_id: str | None = None
    but_connection_id: str | None = None
    ticket: str | None = None
    expires_at: str | None = None
    has_ways: bool = False

    @property
    def topics(self) -> tuple[str, ...]:
        return (user_topic(self.user_id),)


class TransferOver(Gone):
    """This transfer is over, was not answered in time, or is not yours."""

    code = "peer_over"


class PeerTeller:
    """Tells browsers at whichever node what another one says."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def tell(
        self,
        connection: Connection,
        user_id: str,
        transfer: str,
        signal: peer_structs.PeerSignal,
        *,
        client_id: str | None = None,
        connection_id: str | None = None,
        ticket: str | None = None,
        expires_at: str | None = None,
        has_ways: bool = False,
    ) -> None:
        """`connection` says so, to those of `user_id` that `PeerSignalled` means."""
        is_offer = isinstance(signal, peer_structs.PeerOffer)
        self._broker.send(
            PeerSignalled(
                user_id=user_id,
                transfer=transfer,
                sender=peer_structs.PeerName(
                    user=connection.principal.user_name, device=device_name(connection.device)
                ),
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


def peer_sent(
    transfer: str,
    *,
    ticket: str | None = None,
    expires_at: str | None = None,
    ways: list[peer_structs.PeerWay] | None = None,
) -> protocol.PeerSent:
    """The answer to whoever said it."""
    return protocol.PeerSent(
        timestamp=rfc3339_now(), transfer=transfer, ticket=ticket, expires_at=expires_at, ways=ways or []
    )


class PeerWays:
    """The STUN and TURN servers that browsers are told of."""

    def __init__(
        self, *, stun_urls: Sequence[str], turn_urls: Sequence[str], turn_secret: str, clock: Clock = utc_now
    ) -> None:
        self._stun_urls = list(stun_urls)
        self._turn_urls = list(turn_urls)
        self._secret = turn_secret.encode()
        self._clock = clock

    def of_user(self, user_id: str) -> list[peer_structs.PeerWay]:
        """With credentials that a TURN server checks by itself: draft-uberti-behave-turn-rest, as coturn does it."""
        ways = [peer_structs.PeerWay(urls=self._stun_urls)] if self._stun_urls else []
        if not self._turn_urls:
            return ways
        name = f"{int(self._clock().timestamp()) + _RELAYED_SECONDS}:{user_id}"
        # SHA-1, since that is what the scheme says; as an HMAC it is sound.
        digest = hmac.new(self._secret, name.encode(), hashlib.sha1).digest()
        credential = base64.b64encode(digest).decode()
        return [*ways, peer_structs.PeerWay(urls=self._turn_urls, username=name, credential=credential)]


class PeerSignals:
    """Tells the browsers at this node."""

    def __init__(self, *, manager: ConnectionManager, ways: PeerWays) -> None:
        self._manager = manager
        self._ways = ways

    def deliver(self, signalled: PeerSignalled) -> None:
        message = protocol.PeerTold(
            timestamp=rfc3339_now(),
            transfer=signalled.transfer,
            sender=signalled.sender,
            is_own=signalled.sender_id == signalled.user_id,
            signal=signalled.signal,
            ticket=signalled.ticket,
            expires_at=signalled.expires_at,
            ways=self._ways.of_user(signalled.user_id) if signalled.has_ways else [],
        )
        for connection in self._manager.connections_of(signalled.user_id):
            if is_browser(connection) and _is_meant(connection, signalled):
                connection.send(message)


def is_browser(connection: Connection) -> bool:
    """Somebody has signed in there; programs come with tokens."""
    return connection.principal.session_id is not None


def _is_meant(connection: Connection, signalled: PeerSignalled) -> bool:
    return (
        signalled.client_id in (None, connection.client_id)
        and signalled.connection_id in (None, connection.id)
        and signalled.but_connection_id != connection.id
    )
