"""Who may open a live connection, whichever transport carries it: origins, places per address, and when to stop."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from server.auth.permissions import Principal, Scope
from server.auth.refused_origins import RefusedOrigins
from server.errors import Forbidden, JinduError, RateLimited, Unavailable
from server.http.readiness import Readiness
from server.languages import Languages
from server.realtime import protocol
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection, Link
from server.realtime.manager import TOO_MANY, ConnectionManager, Refused
from server.transports.visitor import Visitor

CLIENT_ID = r"[A-Za-z0-9_.-]{1,64}"
_FLOODS = 5  # closed connections of one user within
_FLOOD_SECONDS = 30.0  # and for so long no more of theirs is opened
_SINCE = re.compile(r"([0-9A-Za-z_-]{1,64}):([0-9]{1,18})")


class Floods:
    """Who keeps coming back to send too much: each new connection of theirs would be a new allowance."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[str, deque[float]] = {}

    def add(self, user_id: str) -> None:
        """A connection of theirs was closed for its rate."""
        self._ends.setdefault(user_id, deque(maxlen=_FLOODS)).append(self._clock())

    def seconds_to_wait(self, user_id: str) -> float:
        """Until one more connection is welcome; 0 for almost everybody."""
        ends = self._ends.get(user_id)
        if ends is None or len(ends) < _FLOODS:
            return 0.0
        left = ends[0] + _FLOOD_SECONDS - self._clock()
        if left <= 0:
            del self._ends[user_id]
        return max(0.0, left)


class Admission:
    """One for all transports, so that changing the transport gets nobody a second share."""

    def __init__(
        self,
        *,
        manager: ConnectionManager,
        languages: Languages,
        readiness: Readiness,
        allowed_origins: Collection[str],
        refused_origins: RefusedOrigins,
    ) -> None:
        self._manager = manager
        self._languages = languages
        self._readiness = readiness
        self._allowed_origins = frozenset(allowed_origins)
        self._refused_origins = refused_origins
        self._open_by_address: Counter[str] = Counter()
        self._unknown_by_address: Counter[str] = Counter()
        self.floods = Floods()

    def check(self, visitor: Visitor) -> None:
        """Raises `Unavailable` while the server stops, `Forbidden` for pages of other origins."""
        if not self._readiness.is_ready:
            raise Unavailable
        if not self._is_from_trusted_page(visitor):
            if visitor.origin is not None:
                self._refused_origins.note(
                    visitor.origin, visitor.own_origins, site=visitor.site, is_somebodys=visitor.is_somebodys
                )
            raise Forbidden("Pages of this origin may not connect here; an administrator can allow it.")

    def place(self, address: str) -> AddressSlot:
        """For a connection of this address; raises `Refused` past the limit."""
        count, limit = self._open_by_address[address], self._manager.limits.connections_per_address
        if count >= limit:
            raise Refused(CloseCode.CONNECTION_LIMIT, _too_many_of_an_address(count, limit))
        return AddressSlot(self._open_by_address, address)

    def has_room_for_unknown(self, address: str) -> bool:
        """For somebody who has not said yet who they are."""
        limits = self._manager.limits
        return (
            self._unknown_by_address[address] < limits.unauthenticated_per_address
            and self._unknown_by_address.total() < limits.unauthenticated
        )

    def unknown_place(self, address: str) -> AddressSlot:
        """For as long as they have not said it; raises `Refused` past the limit."""
        if not self.has_room_for_unknown(address):
            raise Refused(CloseCode.CONNECTION_LIMIT)
        return AddressSlot(self._unknown_by_address, address)

    def connection(self, visitor: Visitor, link: Link, principal: Principal, *, client_id: str) -> Connection:
        """A connection of `principal`, not joined yet; raises `Refused` for tokens that may not read."""
        if Scope.READ not in principal.scopes and Scope.WRITE not in principal.scopes:
            raise Refused(CloseCode.FORBIDDEN)
        connection = self._manager.new_connection(
            client_id=client_id,
            principal=principal,
            language=self._languages.choose(visitor.language, principal.language),
            link=link,
        )
        connection.device = visitor.device
        connection.came_at = visitor.came_at
        return connection

    def count_entry(self, transport: str) -> None:
        """Somebody has joined."""
        self._manager.traffic.accepted[transport] += 1

    def count_refusal(self, reason: str) -> None:
        """A handshake failed."""
        self._manager.traffic.refused[reason] += 1

    @contextmanager
    def counting_errors(self) -> Iterator[None]:
        """What is raised in the block refuses a handshake."""
        try:
            yield
        except JinduError as error:
            self.count_refusal(error.specific_code)
            raise

    def reason(self, refused: Refused, *languages: str | None) -> str:
        """Why, in the first of `languages` that we have; empty when the code says it all."""
        if refused.why is None:
            return ""
        return refused.why.translated(self._languages.of(self._languages.choose(*languages)).gettext)

    def _is_from_trusted_page(self, visitor: Visitor) -> bool:
        if visitor.origin is not None:
            return visitor.origin.lower() in visitor.own_origins or visitor.origin in self._allowed_origins
        # Programs and our own pages send no Origin with a GET; an image or script of another page neither, but the
        # browser then says where it stands.
        return visitor.site in ("none", "same-origin")


def _too_many_of_an_address(count: int, limit: int) -> RateLimited:
    return RateLimited(
        "{count} connections are open from your network address (limit {limit}); somebody has to close some.",
        code=TOO_MANY,
        count=count,
        limit=limit,
    )


def is_client_id(text: str) -> bool:
    return re.fullmatch(CLIENT_ID, text) is not None


class AddressSlot:
    """Counts one more of an address until it is left."""

    __slots__ = ("_address", "_counts", "_is_taken")

    def __init__(self, counts: Counter[str], address: str) -> None:
        """Taken at once: nothing may come between finding room and taking it."""
        self._counts, self._address, self._is_taken = counts, address, True
        counts[address] += 1

    def __enter__(self) -> AddressSlot:
        return self

    def __exit__(self, *_error: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Safe to repeat."""
        if self._is_taken:
            self._is_taken = False
            self._counts[self._address] -= 1
            if not self._counts[self._address]:
                del self._counts[self._address]


def position(text: str) -> protocol.Position | None:
    """`<epoch>:<offset>`; what is no position cannot be recovered from, which the client is told."""
    found = _SINCE.fullmatch(text)
    return protocol.Position(epoch=found[1], offset=int(found[2])) if found else None
