"""PostgreSQL is killed under a server that people use, and started again: 503 meanwhile, and no error after it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import PASSWORDS, Server, new_user, serving, signed_in
from tests.functional.live_client import live
from tests.postgresql import OwnServer, own_server
from tests.waiting import until


@pytest.fixture
def own(worker_id: str) -> Iterator[OwnServer]:
    with own_server(f"killed-{worker_id}") as server:
        yield server


@pytest.fixture
async def server(settings: Settings, own: OwnServer) -> AsyncIterator[Server]:
    url = await asyncio.to_thread(own.new_database, "jindu")
    async with serving(dataclasses.replace(settings, database_url=url)) as server:
        yield server


async def test_nobody_meets_an_error_after_it_came_back(server: Server, own: OwnServer) -> None:
    admin = await signed_in(server, "admin")
    alice, bob = [await new_user(server, admin, name) for name in ("alice", "bob")]
    jar = aiohttp.CookieJar(unsafe=True)
    page = aiohttp.ClientSession(server.url, cookie_jar=jar, headers={"Accept": "text/html"})
    seen: Counter[int] = Counter()
    over = asyncio.Event()

    async def ask_on(client: aiohttp.ClientSession, path: str) -> None:
        while not over.is_set():
            async with client.get(path, allow_redirects=False) as response:
                seen[response.status] += 1
                await response.read()

    async with admin, alice, bob, page, live(alice) as socket:
        form = {"username": "alice", "password": PASSWORDS["alice"]}
        async with page.post("/login", data=form, headers={"Origin": server.url}) as response:
            assert response.status == 200, await response.text()
        hello = await socket.next("connection")
        async with alice.post("/api/v1/jobs/demonstration", json={"seconds": 3, "total": 100}) as response:
            job_id = (await response.json())["job_id"]
        await socket.next(lambda message: message.get("progress", 0) > 5)
        asking = [
            asyncio.create_task(ask_on(client, path))
            for client, path in ((alice, "/api/v1/jobs"), (bob, "/api/v1/datasets"), (page, "/jobs"), (page, "/"))
        ]
        await until(lambda: seen[200] > 0, so="all is well")
        await asyncio.to_thread(own.kill)
        await until(lambda: seen[503] > 20, so="requests are told to come again")
        async with page.get("/jobs") as response:  # a page of ours, for people
            told = await response.text()
            assert response.status == 503
            assert response.content_type == "text/html"
            assert "<title>" in told
        for path, status in (("/healthz", 200), ("/static/css/base.css", 200)):
            async with page.get(path) as response:
                assert response.status in (status, 302), path
        await asyncio.to_thread(own.start)
        await until(lambda: _is_served(alice), so="it is back")
        assert set(seen) == {200, 503}
        seen.clear()
        done = await socket.next(lambda message: message.get("state") == "succeeded", seconds=20)
        await until(lambda: sum(seen.values()) > 50, so="people used it")
        over.set()
        await asyncio.gather(*asking)
        assert set(seen) == {200}
        assert done["job_id"] == job_id
        offsets = [message["offset"] for message in socket.seen if message["type"] == "job" and "offset" in message]
        assert offsets == [hello["offset"] + number for number in (1, 2, 3)]
        async with bob.get(f"/api/v1/jobs/{job_id}") as response:
            assert response.status == 404


async def _is_served(client: aiohttp.ClientSession) -> bool:
    async with client.get("/api/v1/jobs") as response:
        return response.status == 200
