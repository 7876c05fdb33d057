"""Files at addresses: over HTTPS, from hosts that the settings name, and never from inside our own network."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from server.errors import FieldError, InvalidInput, NotFetched
from server.texts import phrase
from server.uploads.elsewhere import Found, Place

if TYPE_CHECKING:
    from server.engines.https_client import IsPublic

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_NO_ADDRESS = "This is no address. Write it as https://data.example.com/orders.csv."
_NOT_HTTPS = "Files are fetched over https only. Write https://data.example.com/orders.csv."
_NAMES_SOMEBODY = "An address must not hold a user name or password: it is stored with the job."
_HOST_NOT_ALLOWED = "Files are not fetched from this host. An administrator can add it to the setting import_hosts."


class HttpsFiles:
    """`hosts`: `data.example.com`, `data.example.com:8443`, or `*.example.com` for all below it.

    What an address leads to is decided by where we connect to, not by what a name meant a moment ago: each address
    that a name resolves to is looked at, the connection goes to one of these, and each redirection is an address like
    any other. Of addresses only the host is told to anybody: the rest may be a secret.
    """

    def __init__(
        self, hosts: Sequence[str], *, is_public: IsPublic | None = None, trust: ssl.SSLContext | None = None
    ) -> None:
        """`is_public` and `trust` stand in for the world outside in tests."""
        self._hosts = [host.lower() for host in hosts]
        self._is_public = is_public
        self._trust = trust

    def require(self, place: Place) -> None:
        if reason := self._refusal(place.url or ""):
            raise InvalidInput(errors=[FieldError(field="url", message=reason)])

    @asynccontextmanager
    async def open(self, place: Place) -> AsyncIterator[Found | None]:
        from server.engines import https_client  # here: a program without a web needs no client of it

        async with https_client.opened(is_public=self._is_public, trust=self._trust, unless=place.unless) as session:
            url = place.url or ""
            for _ in range(1 + _MOST_REDIRECTS):
                if reason := self._refusal(url):
                    host = https_client.host_of(url)
                    raise NotFetched("{host} sent us on to another place: {reason}", host=host, reason=phrase(reason))
                response = await https_client.answer(session, url)
                if response.status not in _REDIRECTS:
                    break
                response.close()
                url = urljoin(url, response.headers.get("Location", ""))
            else:
                raise NotFetched("{host} sends us on and on.", host=https_client.host_of(url))
            try:
                yield https_client.found(response)
            finally:
                response.close()

    def _refusal(self, url: str) -> str | None:
        """Why an address is not asked."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or 443
        except ValueError:
            return _NO_ADDRESS
        if parts.scheme != "https" or not host:
            return _NOT_HTTPS
        if parts.username is not None or parts.password is not None:
            return _NAMES_SOMEBODY
        if not any(_matches(host, port, allowed) for allowed in self._hosts):
            return _HOST_NOT_ALLOWED
        return None


def _matches(host: str, port: int, allowed: str) -> bool:
    name, _, wanted_port = allowed.partition(":")
    if port != int(wanted_port or 443) or _is_literal(host):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def _is_literal(host: str) -> bool:
    """An IP address as such, in any of the ways that a C library takes it (`2130706433`, `0x7f.1`)."""
    try:
        socket.inet_aton(host)
    except OSError:
        return ":" in host
    return True
