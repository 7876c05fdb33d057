"""`kill -9` in the middle of jobs: nothing is lost, nothing runs on as an orphan, the stream of messages goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from server.storage.tables import jobs, stream_messages
from tests.functional.live_client import live
from tests.process import ServerProcess

PASSWORD = "correct-horse-admin"


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(process.start)
    yield process
    await asyncio.to_thread(process.kill)


async def signed_in(process: ServerProcess) -> aiohttp.ClientSession:
    credentials = {"username": "admin", "password": PASSWORD, "name": "tests"}
    async with (
        aiohttp.ClientSession(process.url) as anonymous,
        anonymous.post("/api/v1/tokens", json=credentials) as response,
    ):
        token = (await response.json())["token"]
    return aiohttp.ClientSession(process.url, headers={"Authorization": f"Bearer {token}"})


async def demonstrate(client: aiohttp.ClientSession, **parameters: Any) -> str:
    async with client.post("/api/v1/jobs/demonstration", json=parameters) as response:
        return str((await response.json())["job_id"])


async def test_killed_server_takes_its_jobs_up_again_and_tells_who_was_away(process: ServerProcess) -> None:
    async with await signed_in(process) as client:
        async with live(client) as socket:
            hello = await socket.next("connection")
            job_id = await demonstrate(client, seconds=2, total=1000)
            moving = await socket.next(lambda message: message.get("progress", 0) > 50)
            newest = max(message.get("revision", 0) for message in socket.seen)
            await asyncio.to_thread(process.kill)
        await asyncio.to_thread(process.start)
        position = f"{hello['epoch']}:{hello['offset']}"
        async with live(client, "back", since=position) as socket:
            again = await socket.next("connection")
            assert again["recovered"]
            done = await socket.next(lambda message: message.get("state") == "succeeded", seconds=20)
            assert (done["job_id"], done["attempt"], done["progress"]) == (job_id, 2, 1000)
            kept = [message for message in socket.seen if message["type"] == "job" and "offset" in message]
            assert [message["state"] for message in kept] == ["queued", "running", "queued", "running", "succeeded"]
            assert [message["offset"] for message in kept] == [hello["offset"] + number for number in range(1, 6)]
            after_crash = [message["revision"] for message in kept[2:]]
            assert min(after_crash) > newest >= moving["revision"]


async def test_stopped_server_puts_its_jobs_back_without_counting_it_as_a_crash(process: ServerProcess) -> None:
    async with await signed_in(process) as client:
        job_id = await demonstrate(client, seconds=3, total=1000)
        await asyncio.to_thread(process.stop)
        await asyncio.to_thread(process.start)
        async with live(client) as socket:
            await socket.send(type="subscribe", events=[f"job:{job_id}"])
            await socket.send(type="jobs")
            snapshot = await socket.next("jobs")
            assert [job["job_id"] for job in snapshot["jobs"]] == [job_id]
            (done,) = snapshot["jobs"]  # on a slow machine it has ended by now
            if done["state"] != "succeeded":
                done = await socket.next(lambda message: message.get("state") == "succeeded", seconds=20)
            assert done["progress"] == 1000


async def test_kept_messages_and_job_changes_are_stored_together_and_sent_only_then(process: ServerProcess) -> None:
    """Killed at any moment: the stream is what happened to the jobs, and nobody heard of more than is stored."""
    heard: dict[int, tuple[str, str]] = {}
    for round_number in range(3):
        async with await signed_in(process) as client, live(client, f"round-{round_number}") as socket:
            await socket.next("connection", seconds=20)
            starting = asyncio.create_task(_start_many(client))
            async with asyncio.timeout(30):
                while len([message for message in socket.seen if "offset" in message]) < 8 + 5 * round_number:
                    await socket.next(seconds=20)
            await asyncio.to_thread(process.kill)
            starting.cancel()
            await asyncio.wait([starting])
            heard |= {
                message["offset"]: (message["job_id"], message["state"])
                for message in socket.seen
                if message["type"] == "job" and "offset" in message
            }
        stored, states = await _stored(process)
        assert all(stored.get(offset) == told for offset, told in heard.items())
        assert sorted(stored) == list(range(1, len(stored) + 1))
        last_told = {job_id: state for _, (job_id, state) in sorted(stored.items())}
        assert last_told == states
        await asyncio.to_thread(process.start)


async def _start_many(client: aiohttp.ClientSession) -> None:
    while True:
        await demonstrate(client, seconds=0.05, total=10)


async def _stored(process: ServerProcess) -> tuple[dict[int, tuple[str, str]], dict[str, str]]:
    """What the database holds: offset → job and state as kept, and the state of each job."""
    database = process.database()
    messages = select(stream_messages.c.offset, stream_messages.c.body).where(stream_messages.c.type == "job")
    async with database.read() as connection:
        bodies = {row.offset: json.loads(row.body) for row in await connection.execute(messages)}
        states = {row.id: row.state for row in await connection.execute(select(jobs.c.id, jobs.c.state))}
    await database.close()
    return {offset: (body["job_id"], body["state"]) for offset, body in bodies.items()}, states


async def test_a_second_server_on_the_same_data_is_refused_and_the_first_goes_on(process: ServerProcess) -> None:
    with pytest.raises(RuntimeError, match="Another server runs on the data directory"):
        await asyncio.to_thread(ServerProcess(process.data).start)  # it would run the first one's jobs again
    async with aiohttp.ClientSession(process.url) as stranger, stranger.get("/readyz") as response:
        assert response.status == 200
