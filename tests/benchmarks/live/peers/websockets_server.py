"""The `websockets` library under uvloop, with its own `broadcast`."""

from __future__ import annotations

import control
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError

connections: set[ServerConnection] = set()


async def handle(connection: ServerConnection) -> None:
    connections.add(connection)
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosedError:
        pass  # the load generator leaves without a closing handshake
    finally:
        connections.discard(connection)


async def send(text: str) -> None:
    broadcast(connections, text)


async def main() -> None:
    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=1024) as server:
        control.say(port=next(iter(server.sockets)).getsockname()[1])
        await control.obey(control.fan_out(send))


if __name__ == "__main__":
    control.raise_file_limit()
    uvloop.run(main())
