"""Turns at the event loop: whoever sends fifty requests at once is answered a few at a time, like everybody else.

A request has its turn until its answer begins, or until it has taken so long that it must be waiting for something: a
worker, the disk, the rest of its body. What it waits for has limits of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.auth.networks import network_of
from server.http.addresses import client_address
from server.http.guards import current_principal
from server.jobs.turns import Turns

_OPEN_PATHS = ("/healthz", "/readyz")  # how the server is must be told at any time
_MOST_SECONDS = 0.25  # of computing; a page takes 10 ms
_PATIENCE_SECONDS = 30.0
_TURNS: web.RequestKey[list[Callable[[], None]]] = web.RequestKey("turns", list)


def network_turns_middleware() -> Middleware:
    """Before anybody is asked who they are, which costs a look at the database."""
    turns = Turns(places=24, per_user=8, patience_seconds=_PATIENCE_SECONDS)

    @web.middleware
    async def in_turn(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in _OPEN_PATHS:
            return await handler(request)
        request[_TURNS] = []
        return await _in_turn(turns, network_of(client_address(request)), request, handler)

    return in_turn


def user_turns_middleware() -> Middleware:
    """Also between those who share a network."""
    turns = Turns(places=16, per_user=4, patience_seconds=_PATIENCE_SECONDS)

    @web.middleware
    async def in_turn(request: web.Request, handler: Handler) -> web.StreamResponse:
        principal = current_principal(request)
        if principal is None or _TURNS not in request:
            return await handler(request)
        return await _in_turn(turns, principal.user_id, request, handler)

    return in_turn


async def end_turns(request: web.Request, _response: web.StreamResponse) -> None:
    """The answer begins; it may go on for days."""
    for leave in request.get(_TURNS, ()):
        leave()


async def _in_turn(turns: Turns, who: str, request: web.Request, handler: Handler) -> web.StreamResponse:
    leave = await turns.enter(who)
    request[_TURNS].append(leave)
    timer = asyncio.get_running_loop().call_later(_MOST_SECONDS, leave)
    try:
        return await handler(request)
    finally:
        timer.cancel()
        leave()
