"""The database goes away and comes back: people are told to wait a moment, and nothing that ran is lost."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from server.settings import Settings
from tests import postgresql
from tests.conftest import Server
from tests.functional.live_client import live

pytestmark = pytest.mark.postgresql(reason="SQLite is a file; it goes away with the server")


async def test_what_runs_meanwhile_ends_once_it_is_back_and_is_told_once_and_in_order(
    settings: Settings, server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    async with live(alice) as socket, live(bob, "other") as other:
        hello = await socket.next("connection")
        async with alice.post("/api/v1/jobs/demonstration", json={"seconds": 1, "total": 100}) as response:
            job_id = (await response.json())["job_id"]
        await socket.next(lambda message: message.get("progress", 0) > 10)
        with postgresql.away(settings.database_url):
            for client in (alice, bob):
                async with client.get("/api/v1/jobs") as response:
                    problem = await response.json()
                    assert (response.status, problem["code"]) == (503, "database_away")
                    assert int(response.headers["Retry-After"]) > 0
            await socket.next(lambda message: message.get("progress") == 100)  # it goes on
        done = await socket.next(lambda message: message.get("state") == "succeeded", seconds=20)
        assert done["job_id"] == job_id
        offsets = [message["offset"] for message in socket.seen if message["type"] == "job" and "offset" in message]
        assert offsets == [hello["offset"] + number for number in (1, 2, 3)]
        assert not any(message["type"] == "job" for message in other.seen)
    for client, status in ((alice, 200), (bob, 404)):
        async with client.get(f"/api/v1/jobs/{job_id}") as response:
            assert response.status == status


async def test_a_job_that_could_not_be_begun_is_begun_later(
    settings: Settings, server: Server, alice: aiohttp.ClientSession
) -> None:
    async with live(alice) as socket:
        first = [await _demonstrate(alice, seconds=1) for _ in range(3)]  # more than there are places
        await socket.next(lambda message: message.get("progress", 0) > 10)
        with postgresql.away(settings.database_url):
            await asyncio.sleep(0)
            await socket.next(lambda message: message.get("progress") == 100)
        ended: set[str] = set()
        while ended < set(first):
            ended.add((await socket.next(lambda message: message.get("state") == "succeeded", seconds=30))["job_id"])


async def _demonstrate(client: aiohttp.ClientSession, *, seconds: float) -> str:
    async with client.post("/api/v1/jobs/demonstration", json={"seconds": seconds, "total": 100}) as response:
        return str((await response.json())["job_id"])
