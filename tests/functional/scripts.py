"""Other people's scripts: real processes that use the client."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.functional.test_jobs_api import get
from tests.process import ROOT

Client = aiohttp.ClientSession


class Script:
    """One that runs; what it prints comes line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self, *, seconds: float = 20.0) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(seconds):
            return (await self.process.stdout.readline()).decode().rstrip("\n")

    def send(self, sent: signal.Signals) -> None:
        self.process.send_signal(sent)

    async def go_on(self) -> None:
        """Answer its `input()`."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        await self.process.stdin.drain()

    async def end(self, *, seconds: float = 60.0) -> tuple[int, str, str]:
        """Exit status, what was still to be read, and standard error."""
        async with asyncio.timeout(seconds):
            out, error = await self.process.communicate()
        return self.process.returncode or 0, out.decode(), error.decode()


@asynccontextmanager
async def script(text: str, url: str, token: str, **environ: str) -> AsyncIterator[Script]:
    """Run `text` as a Python program of somebody with this token."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("JINDU_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        text,
        cwd=ROOT,
        env=clean | {"JINDU_URL": url, "JINDU_TOKEN": token, "PYTHONUNBUFFERED": "1"} | environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Script(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def job_where(client: Client, *, seconds: float = 20.0, **fields: Any) -> Any:
    """The newest job of `client`, once it has these fields."""
    async with asyncio.timeout(seconds):
        while True:
            items = (await get(client, "/jobs", limit="1"))["items"]
            if items and all(items[0][name] == value for name, value in fields.items()):
                return items[0]
            await asyncio.sleep(0.05)
