"""A reverse proxy in front of a server at a base path, with all that pages need: sockets, streams, bodies in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

_HOP_BY_HOP = frozenset({"connection", "upgrade", "keep-alive", "transfer-encoding", "te", "trailer"})
_OF_SOCKETS = frozenset({"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"})


@dataclass(slots=True)
class Proxy:
    """`asked` is every path that came, `foreign` what stands below none of the base paths."""

    url: str
    asked: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@asynccontextmanager
async def proxying(behind: dict[str, str], *, strips: bool) -> AsyncIterator[Proxy]:
    """`behind`: the address of the server at each base path. `strips`: takes the base path away, as `proxy_pass …/`."""
    proxy = Proxy("")
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as client:

        async def hand_on(request: web.Request) -> web.StreamResponse:
            proxy.asked.append(request.path)
            base = next((base for base in behind if f"{request.path}/".startswith(f"{base}/")), None)
            if base is None:
                proxy.foreign.append(request.path)
                return web.Response(status=404)
            path = request.raw_path[len(base) :] or "/" if strips else request.raw_path
            url = behind[base] + path
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await _socket(client, request, url)
            return await _exchange(client, request, url)

        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", hand_on)
        runner = web.AppRunner(app, shutdown_timeout=0.1, auto_decompress=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            host, port = runner.addresses[0][:2]
            proxy.url = f"http://{host}:{port}"
            yield proxy
        finally:
            await runner.cleanup()


def _headers(request: web.Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}


async def _exchange(client: aiohttp.ClientSession, request: web.Request, url: str) -> web.StreamResponse:
    body = request.content if request.body_exists else None
    async with client.request(
        request.method, url, headers=_headers(request), data=body, allow_redirects=False
    ) as answer:
        response = web.StreamResponse(status=answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP and name != "Date":
                response.headers.add(name, value)
        try:
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
        except (aiohttp.ClientError, ConnectionError):
            pass  # one of both is gone
        return response


async def _socket(client: aiohttp.ClientSession, request: web.Request, url: str) -> web.StreamResponse:
    headers = {name: value for name, value in _headers(request).items() if name.lower() not in _OF_SOCKETS}
    protocols = [each.strip() for each in headers.pop("Sec-WebSocket-Protocol", "").split(",") if each.strip()]
    async with client.ws_connect(url, headers=headers, protocols=protocols) as inner:
        outer = web.WebSocketResponse(protocols=[inner.protocol] if inner.protocol else [])
        await outer.prepare(request)
        there = asyncio.create_task(_copy(outer, inner))
        await _copy(inner, outer)
        there.cancel()
        await asyncio.gather(there, return_exceptions=True)
        return outer


async def _copy(
    source: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
    target: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
) -> None:
    async for message in source:
        if target.closed:
            return
        if message.type is aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
    if not target.closed:
        await target.close(code=source.close_code or aiohttp.WSCloseCode.OK)
