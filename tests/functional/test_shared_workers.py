"""Queries, previews and orders share workers: one user's slow ones do not stop everybody else's."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings
from tests.functional.batches import RIGHT
from tests.functional.importing import upload

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


async def _ask(client: aiohttp.ClientSession, sql: str, *, limit: int = 10) -> tuple[int, str]:
    async with client.post("/api/v1/queries", json={"sql": sql, "limit": limit}) as response:
        return response.status, (await response.json()).get("code", "")
