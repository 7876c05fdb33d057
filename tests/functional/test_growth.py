"""Nobody fills the database with what no quota of files counts; the others do not notice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings
from tests.functional.importing import import_text

LARGE = {"x": "y" * 30_000}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_database_growth_per_user=400_000, external_jobs_per_user=1_000)


async def results(client: aiohttp.ClientSession, number: int) -> aiohttp.ClientResponse:
    response = await client.post("/api/v1/jobs", json={"title": f"t{number}"})
    if response.status == 202:
        job = (await response.json())["job_id"]
        async with client.patch(f"/api/v1/jobs/{job}", json={"state": "succeeded", "result": LARGE}) as ended:
            assert ended.status == 200  # what began may end
    return response


async def details(client: aiohttp.ClientSession, number: int) -> aiohttp.ClientResponse:
    return await client.post("/api/v1/jobs", json={"title": f"t{number}", "detail": {"x": "y" * 4_000}})


async def templates(client: aiohttp.ClientSession, number: int) -> aiohttp.ClientResponse:
    source = f"title: t{number}\nblocks:\n  - text: {'lorem ' * 8_000}\n".encode()
    return await client.put("/api/v1/templates/t", data=source, headers={"Content-Type": "application/yaml"})


async def descriptions(client: aiohttp.ClientSession, number: int) -> aiohttp.ClientResponse:
    return await client.patch("/api/v1/datasets/orders", json={"description": f"{number}" + "d" * 3_990})


async def restored(client: aiohttp.ClientSession, _number: int) -> aiohttp.ClientResponse:
    return await client.post("/api/v1/datasets/orders/versions/1/restore")


@pytest.mark.parametrize("keep", [results, details, templates, descriptions, restored])
async def test_what_the_database_keeps_for_a_user_is_bounded(
    alice: aiohttp.ClientSession,
    bob: aiohttp.ClientSession,
    keep: Callable[[aiohttp.ClientSession, int], Awaitable[aiohttp.ClientResponse]],
) -> None:
    await import_text(alice)
    for number in range(400):
        response = await keep(alice, number)
        if response.status == 429:
            break
        assert response.status in (200, 201, 202), await response.text()
    problem = await response.json()
    assert (response.status, problem["code"]) == (429, "rate_limited")
    assert "within a day" in problem["detail"]
    assert 0 < int(response.headers["Retry-After"]) <= 86_400
    assert number > 1
    async with bob.post("/api/v1/jobs", json={"title": "of bob"}) as response:
        assert response.status == 202
    async with alice.get("/api/v1/datasets/orders/rows") as response:
        assert response.status == 200
    async with alice.delete("/api/v1/datasets/orders") as response:
        assert response.status in (200, 204)


async def test_saving_the_same_template_again_costs_nothing(alice: aiohttp.ClientSession) -> None:
    for _ in range(20):
        response = await templates(alice, 1)
        assert response.status in (200, 201)
