"""HTTPS as files are fetched over it: to public addresses alone, and with errors that name no more than the host."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from server.errors import NotFetched, NotFetchedNow
from server.uploads.elsewhere import Found

_CHUNK_BYTES = 256 * 1024
_PASSING = frozenset({408, 425, 429})  # beside 500 and more
_TIMES = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

IsPublic = Callable[[str], bool]


@asynccontextmanager
async def opened(
    *, is_public: IsPublic | None, trust: ssl.SSLContext | None, unless: str | None
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session without cookies, caches and redirections. `unless` is a version that need not be sent."""
    connector = aiohttp.TCPConnector(
        resolver=CheckedResolver(is_public or is_public_address), use_dns_cache=False, ssl=trust or True, limit=1
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=_TIMES,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # what is packed is unpacked by whoever imports it, within limits
        headers={"User-Agent": "Jindu", "Accept-Encoding": "identity", **_unless(unless)},
    ) as session:
        yield session


async def answer(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
    """Whatever the host says, one redirection or error among it. Raises `NotFetched` where nobody answers."""
    async with _plainly(host_of(url)):
        return await session.get(url, allow_redirects=False)


def found(response: aiohttp.ClientResponse) -> Found | None:
    """The file of an answer; None where it is unchanged. Raises `NotFetched` for an error."""
    _require_success(response)
    return None if response.status == 304 else _found(response)


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


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


class PrivateAddress(OSError):
    """A name that leads inside."""


class CheckedResolver(AbstractResolver):
    def __init__(self, is_public: IsPublic, *, inner: AbstractResolver | None = None) -> None:
        """`inner` stands in for the names of the world outside in tests."""
        self._system = inner or ThreadedResolver()
        self._is_public = is_public

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        if not all(self._is_public(result["host"]) for result in found):
            raise PrivateAddress
        return found

    async def close(self) -> None:
        await self._system.close()


@asynccontextmanager
async def _plainly(host: str) -> AsyncIterator[None]:
    """Errors of the line, in words, and without the address."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, PrivateAddress) or isinstance(error.__cause__, PrivateAddress):
            raise NotFetched(
                "{host} is inside the server's own network, where no files are fetched from.", host=host
            ) from None
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            raise NotFetched("The certificate of {host} is not valid, so it could be anybody.", host=host) from None
        raise NotFetchedNow("{host} cannot be reached.", host=host) from None
    except (TimeoutError, aiohttp.ClientError):
        raise NotFetchedNow("{host} did not answer as it should, or broke off.", host=host) from None


def _require_success(response: aiohttp.ClientResponse) -> None:
    status, host = response.status, host_of(str(response.url))
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
        name=(said.filename if said is not None else None) or path.rpartition("/")[2] or host_of(str(response.url)),
        size=response.content_length,
        media_type=response.content_type,
        version=headers.get("ETag") or headers.get("Last-Modified"),
        chunks=_chunks(response),
    )


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with _plainly(host_of(str(response.url))):
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            yield chunk


def _unless(version: str | None) -> dict[str, str]:
    if not version or not version.isascii() or not version.isprintable():
        return {}
    return {"If-None-Match" if version.startswith(('"', "W/")) else "If-Modified-Since": version}
