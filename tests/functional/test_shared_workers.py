"""Queries, previews and orders share workers: one user's slow ones do not stop everybody else's."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.batches import RIGHT, put_template, slow_template, start
from tests.functional.importing import import_text, upload

ENDLESS = "select count(*) from range(100000000000) a"
YAML = {"Content-Type": "application/yaml"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, query_seconds=20.0, interactive_workers=2, interactive_waiting_per_user=4)


async def test_others_are_served_while_somebody_fills_the_queue(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    upload_id = await upload(bob)
    slow = [asyncio.create_task(_ask(alice, ENDLESS)) for _ in range(4)]
    assert await _ask(bob, "select 1") == (200, "")
    async with bob.get(f"/api/v1/uploads/{upload_id}/preview") as response:
        assert response.status == 200
    async with bob.post("/api/v1/templates/sales/check", data=RIGHT, headers=YAML) as response:
        assert response.status == 200
    assert not any(task.done() for task in slow)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_a_user_whose_line_is_long_is_told_to_wait(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    slow = [asyncio.create_task(_ask(alice, ENDLESS)) for _ in range(6)]  # one runs, four wait
    done, _ = await asyncio.wait(slow, timeout=15, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == [(429, "rate_limited")]
    async with alice.post("/api/v1/queries", json={"sql": "select 1"}) as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) >= 1
    assert await _ask(bob, "select 1") == (200, "")
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_the_jobs_of_one_user_leave_a_worker_to_others(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice)
    await put_template(alice, "slow", slow_template(30_000))
    for _ in range(2):
        await start(alice, "slow", parameters=[{"i": number} for number in range(1, 9)])
    await import_text(bob)  # within its deadline, though each report of alice's takes as long as a query may
    async with alice.get("/api/v1/jobs", params={"state": "running"}) as response:
        assert [job["kind"] for job in (await response.json())["items"]] == ["batch_report"]


async def test_a_crowd_at_the_documentation_keeps_nobody_else_waiting(
    server: Server, alice: aiohttp.ClientSession
) -> None:
    """The watchdog of `tests/conftest.py` looks at the event loop meanwhile."""

    async def visit(stranger: aiohttp.ClientSession) -> int:
        async with stranger.get("/docs/events") as response:
            await response.read()
            return response.status

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(server.url, connector=connector) as stranger:
        crowd = [asyncio.create_task(visit(stranger)) for _ in range(200)]
        async with alice.get("/jobs") as response:
            assert response.status == 200
        assert not all(task.done() for task in crowd)
        assert set(await asyncio.gather(*crowd)) <= {200, 429}


async def _ask(client: aiohttp.ClientSession, sql: str, *, limit: int = 10) -> tuple[int, str]:
    async with client.post("/api/v1/queries", json={"sql": sql, "limit": limit}) as response:
        return response.status, (await response.json()).get("code", "")
