"""Snapshot + messages == fresh snapshot, in whatever order they come, for a whole run with all its turns."""

from __future__ import annotations

import asyncio
import random

import aiohttp

from tests.functional.job_table import merged
from tests.functional.live_client import LiveSocket, live

Client = aiohttp.ClientSession


async def start(client: Client, **parameters: object) -> str:
    async with client.post("/api/v1/jobs/demonstration", json={"seconds": 0.5, "total": 500, **parameters}) as response:
        return str((await response.json())["job_id"])


async def snapshot(socket: LiveSocket) -> list[dict[str, object]]:
    await socket.send(type="jobs")
    return list((await socket.next("jobs"))["jobs"])


async def test_any_order_of_snapshots_and_messages_gives_the_fresh_snapshot(alice: Client) -> None:
    async with live(alice, "early") as early, live(alice, "late", format="array") as late:
        await early.next("connection")
        jobs = [await start(alice), await start(alice, fail_at=200), await start(alice, seconds=60)]
        await snapshot(early)
        await late.next(lambda message: message.get("state") == "failed")
        async with alice.post(f"/api/v1/jobs/{jobs[1]}/retry") as response:
            assert response.status == 200
        await snapshot(late)
        async with alice.post(f"/api/v1/jobs/{jobs[2]}/cancel") as response:
            assert response.status == 200
        jobs += [await start(alice, seconds=0) for _ in range(5)]
        async with asyncio.timeout(20):
            while any(job["state"] in ("queued", "running") for job in await snapshot(early)):
                await asyncio.sleep(0.05)
        async with live(alice, "fresh") as fresh:
            expected = {str(job["job_id"]): job for job in await snapshot(fresh)}
        await snapshot(late)
    assert set(expected) == set(jobs)
    shuffle = random.Random(7).shuffle
    for socket in (early, late):
        # The last snapshots of each are left out: what was pushed must do without them.
        seen = [message for message in socket.seen if "job_id" in message] + _snapshots(socket)[:1]
        for _ in range(20):
            shuffle(seen)
            assert merged(seen) == expected


def _snapshots(socket: LiveSocket) -> list[dict[str, object]]:
    return [message for message in socket.seen if message["type"] == "jobs"]
