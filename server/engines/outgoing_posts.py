"""Carries one request to a place outside: where it leads is checked by what is connected to, and no word of it told."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from server.clock import Clock, utc_now
from server.delivery.channels.asking import Outgoing, OutsideAnswer
from server.delivery.messages import host_of
from server.engines.outgoing_hosts import INSIDE, OutgoingHosts
from server.errors import NotDelivered
from server.texts import phrase

if TYPE_CHECKING:
    from aiohttp import ClientSession, StreamReader
    from aiohttp.abc import AbstractResolver

_PATIENCE_SECONDS, _CONNECT_SECONDS = 30.0, 10.0
_MOST_READ = 16 * 1024
_LONGEST_HEADER = 200


class OutgoingPosts:
    """`resolver` and `trust` stand in for the world outside in tests."""

    def __init__(
        self,
        hosts: OutgoingHosts,
        *,
        resolver: AbstractResolver | None = None,
        trust: ssl.SSLContext | None = None,
        patience_seconds: float = _PATIENCE_SECONDS,
        clock: Clock = utc_now,
    ) -> None:
        self._hosts = hosts
        self._resolver = resolver
        self._trust = trust
        self._patience_seconds = patience_seconds
        self._clock = clock

    def refusal(self, url: str) -> str | None:
        return self._hosts.refusal(url)

    async def post(self, request: Outgoing) -> OutsideAnswer:
        """Redirections are answers like others: what is sent is for one place."""
        from yarl import URL

        host, reason = host_of(request.url), self.refusal(request.url)
        if reason is not None:
            raise _refused(host, reason)
        with _in_words(host):
            url = URL(request.url, encoded=True)
            if (url.host or "").lower() != host:  # read in two ways, it may mean two places
                raise _refused(host, INSIDE)
            async with self._session(request.url) as session:
                response = await session.post(url, data=request.body, headers=request.headers, allow_redirects=False)
                async with response:
                    body = await _beginning(response.content)
                    headers = {name.lower(): value[:_LONGEST_HEADER] for name, value in response.headers.items()}
                    return OutsideAnswer(
                        host=host, status=response.status, headers=headers, body=body, at=self._clock()
                    )

    def _session(self, url: str) -> ClientSession:
        """For this one request. A connection that was kept could be to what its name meant before."""
        import aiohttp

        from server.engines.https_client import CheckedResolver

        resolver = CheckedResolver(lambda address: self._hosts.may_connect(url, address), inner=self._resolver)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, ssl=self._trust or True, limit=1),
            timeout=aiohttp.ClientTimeout(total=self._patience_seconds, sock_connect=_CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "Jindu"},
        )


async def _beginning(content: StreamReader) -> bytes:
    """What a service says is short; what it goes on saying is not waited for."""
    body = b""
    while len(body) < _MOST_READ and (piece := await content.read(_MOST_READ - len(body))):
        body += piece
    return body


def _refused(host: str, reason: str) -> NotDelivered:
    return NotDelivered("Nothing goes to {host}: {reason}", host=host, reason=phrase(reason), is_final=True)


@contextmanager
def _in_words(host: str) -> Iterator[None]:
    """Errors of the line, without the address. After a connection stood nobody knows what arrived."""
    import aiohttp

    from server.engines.https_client import PrivateAddress

    try:
        yield
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, PrivateAddress) or isinstance(error.__cause__, PrivateAddress):
            raise _refused(host, INSIDE) from None
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            raise NotDelivered("The certificate of {host} is not valid, so it could be anybody.", host=host) from None
        raise NotDelivered("{host} cannot be reached.", host=host) from None
    except aiohttp.ConnectionTimeoutError:
        raise NotDelivered("{host} cannot be reached.", host=host) from None
    except TimeoutError:
        raise NotDelivered("{host} did not answer in time.", host=host, may_have_arrived=True) from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise NotDelivered("{host} broke off without an answer.", host=host, may_have_arrived=True) from None
