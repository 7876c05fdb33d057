"""examples/live_client.py follows the protocol with the standard library alone, as docs/write-a-client.md tells."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from server.realtime.close_codes import CloseCode
from tests.conftest import Server

EXAMPLE = Path("examples/live_client.py")
GUIDE = Path("docs/write-a-client.md").read_text("utf-8")
SECONDS = 20.0
Json = dict[str, Any]


class Following:
    """The example as a process; what it printed stays in `seen`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.seen: list[Json] = []

    async def until(self, kind: str, **fields: object) -> Json:
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while line := await self._process.stdout.readline():
                message: Json = json.loads(line)
                self.seen.append(message)
                if message["type"] == kind and fields.items() <= message.items():
                    return message
        raise AssertionError(f"it ended: {await self.ended()}")

    async def ended(self) -> tuple[int, str]:
        """Its exit status and last words."""
        assert self._process.stderr is not None
        async with asyncio.timeout(SECONDS):
            words = (await self._process.stderr.read()).decode()
            return await self._process.wait(), words


@asynccontextmanager
async def following(client: aiohttp.ClientSession, server: Server, *events: str) -> AsyncIterator[Following]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", str(EXAMPLE), *events),  # without site-packages
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"JINDU_URL": server.url, "JINDU_TOKEN": str(client.headers["Authorization"]).partition(" ")[2]},
    )
    try:
        yield Following(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def start_job(client: aiohttp.ClientSession) -> str:
    async with client.post("/api/v1/jobs/demonstration", json={"seconds": 0, "total": 3}) as response:
        job_id: str = (await response.json())["job_id"]
    return job_id


async def test_it_follows_jobs_and_subscribed_events(server: Server, alice: aiohttp.ClientSession) -> None:
    async with following(alice, server, "test_events") as example:
        await example.until("subscription", events=["test_events"])
        job_id = await start_job(alice)
        await example.until("job", job_id=job_id, state="succeeded")
        async with alice.post("/api/v1/events/test_events", json="x" * 60_000) as response:
            assert (await response.json())["receivers"] == 1
        assert (await example.until("event"))["data"] == "x" * 60_000


async def test_it_comes_back_without_gap_or_duplicate(server: Server, alice: aiohttp.ClientSession) -> None:
    manager = server.parts.realtime.manager
    async with following(alice, server) as example:
        await example.until("jobs")
        for _ in range(5):
            manager.close_where(lambda connection: True, CloseCode.DRAINING)
            job_id = await start_job(alice)
            await example.until("job", job_id=job_id, state="succeeded")
        welcomes = [message for message in example.seen if message["type"] == "connection"]
        assert [message["recovered"] for message in welcomes] == [False] + [True] * (len(welcomes) - 1)
        assert len(welcomes) > 1
        offsets = [message["offset"] for message in example.seen if message["type"] == "job" and "offset" in message]
        assert offsets == list(range(1, len(offsets) + 1))


async def test_it_stays_away_when_it_is_told_to(server: Server, alice: aiohttp.ClientSession) -> None:
    async with following(alice, server) as example:
        await example.until("jobs")
        server.parts.realtime.manager.close_where(lambda connection: True, CloseCode.SIGNED_OUT)
        status, words = await example.ended()
        assert status == 1
        assert "4500 signed out or expired" in words


async def test_it_gives_up_with_a_wrong_token(server: Server) -> None:
    async with (
        aiohttp.ClientSession(server.url, headers={"Authorization": "Bearer jindu_wrong"}) as stranger,
        following(stranger, server) as example,
    ):
        status, words = await example.ended()
        assert status == 1
        assert "closed for good" in words


async def test_it_hears_nothing_of_others(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    async with following(bob, server) as example:
        await example.until("jobs")
        await start_job(alice)
        job_id = await start_job(bob)
        await example.until("job", job_id=job_id, state="succeeded")
        assert {message["job_id"] for message in example.seen if "job_id" in message} == {job_id}


async def test_the_event_stream_in_the_docs_prints_messages_until_the_close_event(
    server: Server, alice: aiohttp.ClientSession
) -> None:
    found = re.search(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
    assert found
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-c", found[1]),
        stdout=asyncio.subprocess.PIPE,
        env={"JINDU_URL": server.url, "JINDU_TOKEN": str(alice.headers["Authorization"]).partition(" ")[2]},
    )
    assert process.stdout is not None
    async with asyncio.timeout(SECONDS):
        assert b'"type": "connection"' in await process.stdout.readline()
        job_id = await start_job(alice)
        while b"succeeded" not in (line := await process.stdout.readline()):
            assert job_id in line.decode()
        server.parts.realtime.manager.close_where(lambda connection: True, CloseCode.DRAINING)
        rest = (await process.stdout.read()).decode().splitlines()
        assert rest[-1].startswith('close {"code": 4000')
        assert await process.wait() == 0
