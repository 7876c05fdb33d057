"""`doctor --url`: what stands in front lets everything through, or it is said what it keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from server.cli.proxy_check import check_proxy
from tests.conftest import Server
from tests.functional.command_line import token_of

_HOP_BY_HOP = ("Content-Length", "Connection", "Upgrade")
Spoil = Callable[[web.Request], web.StreamResponse | None]


@asynccontextmanager
async def in_front_of(server: Server, spoil: Spoil) -> AsyncIterator[str]:
    """A proxy that hands on requests as they are, without WebSockets, but for what it spoils."""

    async def hand_on(request: web.Request) -> web.StreamResponse:
        if (spoilt := spoil(request)) is not None:
            return spoilt
        headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
        async with (
            aiohttp.ClientSession() as client,
            client.request(
                request.method,
                server.url + request.path_qs,
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as answer,
        ):
            kept = {name: value for name, value in answer.headers.items() if name not in ("Content-Length", "Date")}
            kept.pop("Transfer-Encoding", None)
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", hand_on)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def denied(*methods: str, status: int = 405) -> Spoil:
    def spoil(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=status, text="<h1>no</h1>") if request.method in methods else None

    return spoil


def too_large(request: web.Request) -> web.StreamResponse | None:
    is_large = (request.content_length or 0) > 1024 * 1024
    return web.Response(status=413, text="<h1>Request Entity Too Large</h1>") if is_large else None


async def codes(url: str, token: str | None = None) -> set[str]:
    return {finding.code for finding in await check_proxy(url, token)}


async def test_the_server_itself_keeps_nothing_back(server: Server, alice: aiohttp.ClientSession) -> None:
    assert await codes(server.url, token_of(alice)) == set()
    assert await codes(server.url) == {"events_not_tried"}
    assert await codes(server.url, "jindu_unknown") == {"token_unknown"}


async def test_what_a_proxy_keeps_is_named(server: Server) -> None:
    """This one hands on whole answers, so no WebSocket comes through in any case."""
    always = {"websocket_blocked", "events_not_tried"}
    for spoil, told in (
        (lambda _: None, set()),
        (denied("HEAD", "OPTIONS"), {"head_blocked", "options_blocked"}),
        (denied("PATCH", status=501), {"patch_blocked"}),
        (too_large, {"bodies_limited"}),
        (denied("POST", status=403), {"host_rewritten"}),
    ):
        async with in_front_of(server, spoil) as url:
            assert await codes(url) == always | told


async def test_an_event_stream_that_is_held_back_is_named(
    server: Server, alice: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.cli.proxy_check._FIRST_EVENT_SECONDS", 0.5)
    async with in_front_of(server, lambda _: None) as url:
        assert "events_buffered" in await codes(url, token_of(alice))


async def test_what_is_not_there_or_something_else_is_told() -> None:
    assert await codes("http://127.0.0.1:9") == {"not_reached"}
    assert await codes("reports.example.com") == {"url_wrong"}
