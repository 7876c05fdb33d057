"""Echo servers for the conformance cases: `ours` over our socket settings and `SocketLink`, `aiohttp` as it comes.

Our own endpoint cannot be measured so: it answers JSON with JSON, and refuses binary frames.
"""

from __future__ import annotations

import asyncio
from functools import partial

from aiohttp import WSMsgType, web

from server.transports import socket_link
from server.transports.mass_writer import MassWriter
from server.transports.socket_crowd import SocketCrowd
from tests.benchmarks.live.peers import control

_LARGEST_CASE_BYTES = 17 * 1024 * 1024


async def ours(request: web.Request) -> web.WebSocketResponse:
    socket = socket_link.LateSocket(partial(echo, request), message_bytes=_LARGEST_CASE_BYTES)
    await socket.prepare(request)
    return socket


async def echo(request: web.Request, socket: web.WebSocketResponse) -> None:
    async with socket_link.SocketLink(socket, request, SocketCrowd(MassWriter(None))) as link:
        while True:
            message = await socket.receive()
            if message.type is WSMsgType.TEXT:
                link.write([message.data.encode()])
            elif message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                await link.answer(message)
                return


async def plain(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(max_msg_size=_LARGEST_CASE_BYTES, compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def main() -> None:
    app = web.Application()
    app.router.add_get("/ours", ours)
    app.router.add_get("/aiohttp", plain)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    control.say(port=runner.addresses[0][1])
    await control.obey({})
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
