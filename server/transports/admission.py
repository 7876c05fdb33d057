"""Who may open a live connection, whichever transport carries it: origins, places per address, and when to stop."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import parse_qsl

from aiohttp import web

from server.auth.permissions import Principal, Scope
from server.errors import Forbidden, Unavailable
from server.http.addresses import client_address, is_trusted_origin
from server.http.parts import parts_of
from server.languages import Languages
from server.realtime import protocol
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection, Link
from server.realtime.manager import ConnectionManager, Refused

CLIENT_ID = r"[A-Za-z0-9_.-]{1,64}"
_SINCE = re.compile(r"([0-9A-Za-z_-]{1,64}):([0-9]{1,18})")
_DEVICE_CHARACTERS = 200


class Admission:
    """One for all transports, so that changing the transport gets nobody a second share."""

    def __init__(self, *, manager: ConnectionManager, languages: Languages) -> None:
        self._manager = manager
        self._languages = languages
        self._open_by_address: Counter[str] = Counter()

    def check(self, request: web.Request) -> None:
        """Raises `Unavailable` while the server stops, `Forbidden` for pages of other origins."""
        if not parts_of(request).readiness.is_ready:
            raise Unavailable
        if not _is_from_trusted_page(request):
            raise Forbidden("Pages of this origin may not connect here; an administrator can allow it.")

    def place(self, request: web.Request) -> Place:
        """A connection of this address; raises `Refused` past the limit."""
        address = client_address(request)
        if self._open_by_address[address] >= self._manager.limits.connections_per_address:
            raise Refused(CloseCode.CONNECTION_LIMIT)
        return Place(self._open_by_address, address)

    def connection(self, request: web.Request, link: Link, principal: Principal, *, client_id: str) -> Connection:
        """A connection of `principal`, not joined yet; raises `Refused` for tokens that may not read."""
        if Scope.READ not in principal.scopes and Scope.WRITE not in principal.scopes:
            raise Refused(CloseCode.FORBIDDEN)
        connection = self._manager.new_connection(
            client_id=client_id,
            principal=principal,
            language=self._languages.choose(asked(request).get("lang"), principal.language),
            link=link,
        )
        connection.device = request.headers.get("User-Agent", "")[:_DEVICE_CHARACTERS]
        return connection


def is_client_id(text: str) -> bool:
    return re.fullmatch(CLIENT_ID, text) is not None


class Place:
    """Counts one more of an address until it is left."""

    __slots__ = ("_address", "_counts", "_is_taken")

    def __init__(self, counts: Counter[str], address: str) -> None:
        """Taken at once: nothing may come between finding room and taking it."""
        self._counts, self._address, self._is_taken = counts, address, True
        counts[address] += 1

    def __enter__(self) -> Place:
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


def asked(request: web.Request) -> dict[str, str]:
    """The address's query. `request.query` would be kept for as long as the connection is open."""
    return dict(parse_qsl(request.rel_url.raw_query_string))


def position(text: str) -> protocol.Position | None:
    """`<epoch>:<offset>`; what is no position cannot be recovered from, which the client is told."""
    found = _SINCE.fullmatch(text)
    return protocol.Position(epoch=found[1], offset=int(found[2])) if found else None


def _is_from_trusted_page(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    if origin is not None:
        return is_trusted_origin(request, origin)
    # Programs and our own pages send no Origin with a GET; an image or script of another page neither, but the
    # browser then says where it stands.
    return request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
