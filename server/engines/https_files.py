"""Files at addresses: over HTTPS, from hosts that the settings name, and never from inside our own network."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import unquote, urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from server.errors import FieldError, InvalidInput, NotFetched, NotFetchedNow
from server.texts import phrase
from server.uploads.elsewhere import Found, Place

_CHUNK_BYTES = 256 * 1024
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429})  # beside 500 and more
_TIMES = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_NO_ADDRESS = "This is no address. Write it as https://data.example.com/orders.csv."
_NOT_HTTPS = "Files are fetched over https only. Write https://data.example.com/orders.csv."
_NAMES_SOMEBODY = "An address must not hold a user name or password: it is stored with the job."
_HOST_NOT_ALLOWED = "Files are not fetched from this host. An administrator can add it to the setting import_hosts."

IsPublic = Callable[[str], bool]


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
        self._is_public = is_public or is_public_address
        self._trust = trust

    def require(self, place: Place) -> None:
        if reason := self._refusal(place.url or ""):
            raise InvalidInput(errors=[FieldError(field="url", message=reason)])

    @asynccontextmanager
    async def open(self, place: Place) -> AsyncIterator[Found | None]:
        connector = aiohttp.TCPConnector(
            resolver=_CheckedResolver(self._is_public), use_dns_cache=False, ssl=self._trust or True, limit=1
        )
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=_TIMES,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # what is packed is unpacked by whoever imports it, within limits
            headers={"User-Agent": "Jindu", "Accept-Encoding": "identity", **_unless(place.unless)},
        ) as session:
            async with _plainly(urlsplit(place.url or "").hostname or ""):
                response = await self._answer(session, place.url or "")
            try:
                yield None if response.status == 304 else _found(response)
            finally:
                response.close()

    async def _answer(self, session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
        for _ in range(1 + _MOST_REDIRECTS):
            if reason := self._refusal(url):
                raise NotFetched("{host} sent us on to another place: {reason}", host=_host(url), reason=phrase(reason))
            response = await session.get(url, allow_redirects=False)
            if response.status not in _REDIRECTS:
                _require_success(response)
                return response
            response.close()
            url = urljoin(url, response.headers.get("Location", ""))
        raise NotFetched("{host} sends us on and on.", host=_host(url))

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


def is_public_address(address: str) -> bool:
    """Whether an IP address is one of the internet, also where an IPv6 address carries one of IPv4."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        within = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            within = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if within is not None:
            return is_public_address(str(within))
    return found.is_global and not found.is_multicast


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


class _PrivateAddress(OSError):
    """A name that leads inside."""


class _CheckedResolver(AbstractResolver):
    def __init__(self, is_public: IsPublic) -> None:
        self._system = ThreadedResolver()
        self._is_public = is_public

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        if not all(self._is_public(result["host"]) for result in found):
            raise _PrivateAddress
        return found

    async def close(self) -> None:
        await self._system.close()


@asynccontextmanager
async def _plainly(host: str) -> AsyncIterator[None]:
    """Errors of the line, in words, and without the address."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, _PrivateAddress) or isinstance(error.__cause__, _PrivateAddress):
            raise NotFetched(
                "{host} is inside the server's own network, where no files are fetched from.", host=host
            ) from None
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            raise NotFetched("The certificate of {host} is not valid, so it could be anybody.", host=host) from None
        raise NotFetchedNow("{host} cannot be reached.", host=host) from None
    except (TimeoutError, aiohttp.ClientError):
        raise NotFetchedNow("{host} did not answer as it should, or broke off.", host=host) from None


def _require_success(response: aiohttp.ClientResponse) -> None:
    status, host = response.status, _host(str(response.url))
    if status in (200, 304):
        return
    response.close()
    if status >= 500 or status in _PASSING:
        raise NotFetchedNow("{host} answered {status}.", host=host, status=status)
    raise NotFetched(
        "{host} answered {status}. Check the address, and whether the file may be read without signing in.",
        host=host,
        status=status,
    )


def _found(response: aiohttp.ClientResponse) -> Found:
    said = response.content_disposition
    path = unquote(urlsplit(str(response.url)).path)
    headers = response.headers
    return Found(
        name=(said.filename if said is not None else None) or path.rpartition("/")[2] or _host(str(response.url)),
        size=response.content_length,
        media_type=response.content_type,
        version=headers.get("ETag") or headers.get("Last-Modified"),
        chunks=_chunks(response),
    )


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with _plainly(_host(str(response.url))):
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            yield chunk


def _unless(version: str | None) -> dict[str, str]:
    if not version or not version.isascii() or not version.isprintable():
        return {}
    return {"If-None-Match" if version.startswith(('"', "W/")) else "If-Modified-Since": version}


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
