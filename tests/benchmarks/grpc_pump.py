"""A server as it is, that tells one gRPC stream as many messages as it takes: `python -m tests.benchmarks.grpc_pump`.

It prints where it is and a token; when a stream is there it sends `COUNT` events through the live layer, as whatever
publishes them does, and prints what that cost.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import uvloop

from server.settings import Settings
from tests.conftest import running
from tests.ports import free_port

EVENT = "bench"
_PASSWORD = "correct-horse-admin"
_AT_ONCE = 200  # then others have their turn
_BEHIND_BYTES = 256 * 1024


async def pump(count: int, directory: Path) -> None:
    settings = Settings(
        port=0,
        grpc_port=free_port(),
        data=directory,
        admin_user="admin",
        admin_password=_PASSWORD,
        workers=1,
        reserve_bytes=0,
        static_cache=str(directory / "cache"),
    )
    async with running(settings) as server:
        credentials = {"username": "admin", "password": _PASSWORD, "name": "bench"}
        async with (
            aiohttp.ClientSession(server.url) as client,
            client.post("/api/v1/tokens", json=credentials) as response,
        ):
            token = (await response.json())["token"]
        print(json.dumps({"port": settings.grpc_port, "token": token}), flush=True)
        manager = server.parts.realtime.manager
        while not manager.has_subscribers(EVENT):
            await asyncio.sleep(0.01)
        (connection,) = manager.everybody()
        began, cpu = time.monotonic(), time.process_time()
        for number in range(1, count + 1):
            manager.publish(EVENT, {"type": "event", "event": EVENT, "data": {"number": number}})
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
                while connection.unsent_bytes() > _BEHIND_BYTES:
                    await asyncio.sleep(0.001)
        while connection.unsent_bytes():
            await asyncio.sleep(0.001)
        spent = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}
        print(json.dumps(spent), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        uvloop.run(pump(int(os.environ["COUNT"]), Path(directory)))
