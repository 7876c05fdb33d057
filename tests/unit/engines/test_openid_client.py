"""What the provider answers is a small JSON object at the address that was asked, or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from server.engines.openid_client import answer
from server.errors import OpenIdAway, OpenIdRefused


@asynccontextmanager
async def answering(response: web.Response) -> AsyncIterator[tuple[str, list[web.BaseRequest]]]:
    asked: list[web.BaseRequest] = []

    async def say(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request)
        return response

    server = web.ServerRunner(web.Server(say))
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{server.addresses[0][1]}/x", asked
    finally:
        await server.cleanup()


@pytest.mark.parametrize(
    "response",
    [
        lambda: web.Response(text="no json"),
        lambda: web.json_response([1]),
        lambda: web.json_response({"x": "y" * 300_000}),
        lambda: web.json_response({}, status=500),
        lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"}),
        lambda: web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
    ],
)
async def test_whatever_else_it_says_it_is_away(response: object) -> None:
    async with answering(response()) as (url, asked):  # type: ignore[operator]
        with pytest.raises(OpenIdAway):
            await answer("GET", url)
        assert len(asked) == 1  # no redirection is followed


async def test_a_refused_code_is_told_apart(unused_tcp_port: int) -> None:
    async with answering(web.json_response({"error": "invalid_grant"}, status=400)) as (url, asked):
        with pytest.raises(OpenIdRefused):
            await answer("POST", url, form={"code": "x"}, basic=("jindu", "a%20secret"))
        assert asked[0].headers["Authorization"] == "Basic amluZHU6YSUyMHNlY3JldA=="
    with pytest.raises(OpenIdAway):
        await answer("GET", f"http://127.0.0.1:{unused_tcp_port}/")
