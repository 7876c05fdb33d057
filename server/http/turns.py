"""Turns at the event loop: whoever sends fifty requests at once is answered a few at a time, like everybody else.

A request has its turn until its answer begins, or until it has taken so long that it must be waiting for something: a
worker, the disk, the rest of its body. What it waits for has limits of its own. What is asked over a socket takes turns
with requests.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from server.auth.lately import Lately
from server.auth.networks import network_of
from server.auth.permissions import Principal
from server.errors import NotSignedIn
from server.http.addresses import client_address
from server.http.guards import current_principal
from server.http.sessions import COOKIE, cookie
from server.jobs.turns import Turns

_OPEN_PATHS = ("/healthz", "/readyz")  # how the server is must be told at any time
_FOR_ALL = "/static/"  # nobody is asked there who they are, so that no cookie is found to be one that is no longer good
_MOST_SECONDS = 0.25  # of computing; a page takes 10 ms
_PATIENCE_SECONDS = 30.0
_KNOWN_CREDENTIALS = 20_000
_GUESSES, _GUESSES_WITHIN_SECONDS = 30, 10.0  # an office may come back with thirty cookies that have expired
_GUESS_SECONDS = 1.0
_TURNS: web.RequestKey[list[Callable[[], None]]] = web.RequestKey("turns", list)
_CREDENTIAL: web.RequestKey[bytes | None] = web.RequestKey("credential", bytes)  # its digest


class RequestTurns:
    """Two middlewares: who is known already waits among the requests of the same user, all others in their network."""

    def __init__(self) -> None:
        self._networks = Turns(places=16, per_user=4, patience_seconds=_PATIENCE_SECONDS)
        self._users = Turns(places=16, per_user=4, patience_seconds=_PATIENCE_SECONDS)
        # Digests of cookies and tokens that were good a moment ago, the latest last. Nobody in the same office waits
        # for somebody who tries out tokens there, which costs a look at the database each.
        self._known: OrderedDict[bytes, None] = OrderedDict()
        # Cookies and tokens that were none, by network.
        self._guesses = Lately(most=_GUESSES, within_seconds=_GUESSES_WITHIN_SECONDS)

    def of_strangers(self) -> Middleware:
        """To stand before anybody is asked who they are."""

        @web.middleware
        async def in_turn(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path in _OPEN_PATHS:
                return await handler(request)
            request[_TURNS] = []
            credential, network = _credential(request), network_of(client_address(request))
            request[_CREDENTIAL] = credential
            if credential in self._known:
                return await handler(request)
            if self._may_be_guess(request) and self._guesses.seconds_to_wait(network) > 0:
                await asyncio.sleep(_GUESS_SECONDS)
            return await _in_turn(self._networks, network, request, handler)

        return in_turn

    def of_users(self) -> Middleware:
        """To stand behind that."""

        @web.middleware
        async def in_turn(request: web.Request, handler: Handler) -> web.StreamResponse:
            if _TURNS not in request:
                return await handler(request)
            principal, credential = current_principal(request), request[_CREDENTIAL]
            if principal is None:
                if credential is not None and self._may_be_guess(request):
                    self._known.pop(credential, None)
                    self._guesses.add(network_of(client_address(request)))
                return await handler(request)
            self._know(credential)
            await end_turns(request)  # among strangers
            return await _in_turn(self._users, principal.user_id, request, handler)

        return in_turn

    @asynccontextmanager
    async def of_user(self, user_id: str) -> AsyncIterator[None]:
        """For what comes by no request of its own. Raises `Unavailable` when the turn does not come."""
        async with _turn(self._users, user_id):
            yield

    async def recognised(
        self, credential: str, address: str, recognise: Callable[[], Awaitable[Principal]]
    ) -> Principal:
        """Whoever comes from `address` with `credential` by no request of its own.

        Raises `NotSignedIn`, later and later for who guesses, and `Unavailable` when the turn does not come.
        """
        digest, network = _digest(credential), network_of(address)
        if digest in self._known:
            return await self._recognised(digest, network, recognise)
        if self._guesses.seconds_to_wait(network) > 0:
            await asyncio.sleep(_GUESS_SECONDS)
        async with _turn(self._networks, network):
            return await self._recognised(digest, network, recognise)

    async def _recognised(
        self, digest: bytes, network: str, recognise: Callable[[], Awaitable[Principal]]
    ) -> Principal:
        try:
            principal = await recognise()
        except NotSignedIn:
            self._known.pop(digest, None)
            self._guesses.add(network)
            raise
        self._know(digest)
        return principal

    def _may_be_guess(self, request: web.Request) -> bool:
        return request[_CREDENTIAL] is not None and not request.path.startswith(_FOR_ALL)

    def _know(self, credential: bytes | None) -> None:
        if credential is not None:
            self._known[credential] = None
            self._known.move_to_end(credential)
            if len(self._known) > _KNOWN_CREDENTIALS:
                self._known.popitem(last=False)


def _credential(request: web.Request) -> bytes | None:
    given = request.headers.get(hdrs.AUTHORIZATION) or cookie(request, COOKIE)
    return _digest(given) if given else None


def _digest(credential: str) -> bytes:
    return hashlib.blake2b(credential.encode("utf-8", "replace"), digest_size=16).digest()


async def end_turns(request: web.Request, _response: web.StreamResponse | None = None) -> None:
    """The answer begins; it may go on for days."""
    for leave in request.get(_TURNS, ()):
        leave()


async def _in_turn(turns: Turns, who: str, request: web.Request, handler: Handler) -> web.StreamResponse:
    async with _turn(turns, who) as leave:
        request[_TURNS].append(leave)
        return await handler(request)


@asynccontextmanager
async def _turn(turns: Turns, who: str) -> AsyncIterator[Callable[[], None]]:
    leave = await turns.enter(who)
    timer = asyncio.get_running_loop().call_later(_MOST_SECONDS, leave)
    try:
        yield leave
    finally:
        timer.cancel()
        leave()
