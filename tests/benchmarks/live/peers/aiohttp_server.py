"""Plain aiohttp under uvloop: `gather` (gathered `send_str`), or `prebuilt` (one frame, written to each transport)."""

from __future__ import annotations

import asyncio
import sys

import control
import uvloop
from aiohttp import WSMsgType, web

_PER_TURN = 400
_BUSY_BYTES = 64 * 1024
sockets: dict[web.WebSocketResponse, asyncio.Transport] = {}


async def handle(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    assert request.transport is not None
    sockets[socket] = request.transport
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
    finally:
        del sockets[socket]
    return socket


async def gather(text: str) -> None:
    await asyncio.gather(*[socket.send_str(text) for socket in sockets])


async def prebuilt(text: str) -> None:
    payload = text.encode()
    frame = b"\x81" + (bytes((len(payload),)) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big"))
    frame += payload
    for number, transport in enumerate(sockets.values()):
        if transport.get_write_buffer_size() < _BUSY_BYTES:
            transport.write(frame)
        if number % _PER_TURN == _PER_TURN - 1:
            await asyncio.sleep(0)


async def main(way: str) -> None:
    app = web.Application()
    app.router.add_get("/ws/{client_id}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    control.say(port=runner.addresses[0][1])
    await control.obey(control.fan_out(gather if way == "gather" else prebuilt))
    await runner.cleanup()


if __name__ == "__main__":
    control.raise_file_limit()
    uvloop.run(main(sys.argv[1]))
