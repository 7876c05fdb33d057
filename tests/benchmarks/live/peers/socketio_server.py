"""python-socketio on aiohttp under uvloop: `emit` to everybody."""

from __future__ import annotations

import control
import socketio
import uvloop
from aiohttp import web


async def main() -> None:
    server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=600, http_compression=False)
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()

    async def send(text: str) -> None:
        await server.emit("m", text[len('42["m",""]') :])  # so that a frame is as long as the others'

    control.say(port=runner.addresses[0][1])
    await control.obey(control.fan_out(send))
    await runner.cleanup()


if __name__ == "__main__":
    control.raise_file_limit()
    uvloop.run(main())
