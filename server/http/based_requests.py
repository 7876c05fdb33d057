"""What is answered below a base path: addresses as whoever asked can ask for them."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from server.base_path import ROOT, BasePath
from server.errors import ConfigurationError
from server.http.parts import parts_of

_BASE: ContextVar[BasePath] = ContextVar("base_path", default=ROOT)


def base_path_of(request: web.Request) -> BasePath:
    return parts_of(request).base_path


def outside(address: str) -> str:
    """`address` as whoever made the request that is being answered can ask for it."""
    return _BASE.get().outside(address)


@contextmanager
def standing_at(base: BasePath) -> Iterator[None]:
    """`outside` is good in the block, for what comes by no request."""
    before = _BASE.set(base)
    try:
        yield
    finally:
        _BASE.reset(before)


def base_path_middleware(base: BasePath) -> Middleware:
    """Outermost, so that `outside` is good everywhere."""

    @web.middleware
    def stand(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        # No coroutine: its frame would stay with every open socket.
        _BASE.set(base)
        return handler(request)

    return stand


async def say_location(request: web.Request, response: web.StreamResponse) -> None:
    """For `app.on_response_prepare`: handlers redirect to addresses as they know them."""
    if (location := response.headers.get(hdrs.LOCATION)) is not None:
        response.headers[hdrs.LOCATION] = base_path_of(request).outside(location)


def require_apart(base: BasePath, app: web.Application) -> None:
    """Raises `ConfigurationError` where one of our own addresses begins as the base path does: which is meant?"""
    first = "/" + base.text.split("/")[1] if base.text else ""
    if first and any(f"{resource.canonical}/".startswith(f"{first}/") for resource in app.router.resources()):
        raise ConfigurationError(
            "base_path {base} begins like an address of Jindu's own; take another one, such as /jindu.", base=base.text
        )
