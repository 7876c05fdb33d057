"""Another kind of job is one module and one place in the wiring's list; pages, API and messages know it by that."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from server.app import jobs, parts
from server.settings import Settings
from tests.conftest import Server
from tests.functional.counting_kind import KIND
from tests.functional.live_client import live

Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(parts, "KINDS", (*jobs.KINDS, KIND))
    return settings


async def count(server: Server, user_id: str, **parameters: Any) -> str:
    job = await server.parts.jobs.runner.start(
        KIND.name, owner_id=user_id, title="Dolly and friends", parameters={"pasture": "north", **parameters}
    )
    return job.id


async def page(client: Client, path: str, *, status: int = 200) -> str:
    async with client.get(path) as response:
        assert response.status == status
        return await response.text()


async def ended(client: Client, job_id: str) -> Any:
    async with asyncio.timeout(20):
        while True:
            async with client.get(f"/api/v1/jobs/{job_id}") as response:
                job = await response.json()
            if job["finished_at"] is not None:
                return job
            await asyncio.sleep(0.02)


async def test_it_runs_and_its_owner_alone_is_told_of_each_step(server: Server, alice: Client, bob: Client) -> None:
    async with live(alice) as hers, live(bob) as his:
        user_id = (await hers.next("connection"))["user"]["id"]
        await his.next("connection")
        job_id = await count(server, user_id)
        done = await hers.next(lambda message: message.get("state") == "succeeded" and "offset" in message)
        assert (done["type"], done["kind"], done["unit"], done["progress"]) == ("job", "sheep_count", "sheep", 3)
        assert (await hers.next("notification"))["title"] == "3 sheep are counted"
        assert {message["type"] for message in hers.seen if message.get("job_id") == job_id} == {"job"}
        assert [message for message in his.seen if message["type"] != "connection"] == []


async def test_pages_show_its_label_icon_links_and_figures(server: Server, alice: Client, bob: Client) -> None:
    async with live(alice) as hers:
        user_id = (await hers.next("connection"))["user"]["id"]
    job_id = await count(server, user_id)
    await ended(alice, job_id)
    listed = await page(alice, "/jobs?kind=sheep_count")
    assert "Sheep ·" in listed
    assert "icon--moon" in listed
    assert '<option value="sheep_count" selected>Sheep</option>' in listed
    shown = await page(alice, f"/jobs/{job_id}")
    assert 'href="/pastures/north"' in shown
    assert "Open the pasture" in shown
    assert "<dt>Black sheep</dt>" in shown
    assert "Dolly" not in await page(bob, "/jobs?kind=sheep_count")
    await page(bob, f"/jobs/{job_id}", status=404)


async def test_the_api_lists_it_and_starts_it_again(server: Server, alice: Client) -> None:
    async with live(alice) as hers:
        user_id = (await hers.next("connection"))["user"]["id"]
    job_id = await count(server, user_id, restless=True)
    failed = await ended(alice, job_id)
    assert (failed["state"], failed["kind"], failed["unit"]) == ("failed", "sheep_count", "sheep")
    assert failed["error"]["message"] == "Nobody fell asleep over 3 sheep."
    assert "They are counted from the first one." in await page(alice, f"/jobs/{job_id}")
    async with alice.get("/api/v1/jobs", params={"kind": "sheep_count"}) as response:
        assert [job["job_id"] for job in (await response.json())["items"]] == [job_id]
    async with alice.post(failed["links"]["retry"]) as response:
        assert response.status == 200
    assert (await ended(alice, job_id))["attempt"] == 2
