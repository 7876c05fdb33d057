"""How the harness drives a server under measurement: a line on stdin is a command, a line of JSON on stdout its answer.

Standard library only: the peers run in an environment of their own.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

Command = Callable[..., Awaitable[dict[str, Any] | None]]
Send = Callable[[str], Awaitable[None]]
"""Send one text to every connection, as this peer does it."""


def say(**answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def obey(commands: dict[str, Command]) -> None:
    """Until stdin ends. Arguments are whole numbers."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().split():
        answer = await commands[line[0]](*map(int, line[1:]))
        say(**(answer or {}))


async def measured(work: Awaitable[object]) -> dict[str, float]:
    """When it began (the clock all processes share), how long it took, and the processor time of this process."""
    began, began_cpu = time.monotonic(), time.process_time()
    await work
    return {"began": began, "wall": time.monotonic() - began, "cpu": time.process_time() - began_cpu}


def fan_out(send: Send) -> dict[str, Command]:
    """The commands that every peer obeys."""

    async def broadcast(rounds: int, size: int) -> dict[str, float]:
        async def work() -> None:
            for _ in range(rounds):
                await send("x" * size)
                await asyncio.sleep(0)

        return await measured(work())

    async def coalesced(rounds: int, size: int, count: int) -> dict[str, float]:
        return await broadcast(rounds * count, size)  # none of them joins what waits

    return {"broadcast": broadcast, "coalesced": coalesced}
