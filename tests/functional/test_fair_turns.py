"""Short work never waits for somebody's long work, who waits is told why, and workers that are lost are replaced."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import aiohttp
import psutil
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional import batches
from tests.functional.importing import ended, import_text, long_text, start, upload
from tests.functional.live_client import live
from tests.waiting import until
from tests.worker_processes import worker_pids

Client = aiohttp.ClientSession
MANY = [{"i": number} for number in range(1, 200)]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, workers=2, worker_silence_seconds=1.0, job_retries=1, job_retry_seconds=6.0)


async def job_of(client: Client, job_id: str) -> Any:
    return await batches.read(client, f"/api/v1/jobs/{job_id}")


async def busy(client: Client, name: str) -> list[str]:
    """Two batches that would take minutes; the ids of their jobs."""
    await import_text(client)
    await batches.put_template(client, "slow", batches.slow_template(12_000))
    started = [await batches.start(client, "slow", parameters=MANY, name=f"{name} {n}") for n in range(2)]
    return [batch["job_id"] for batch in started]


def workers() -> list[psutil.Process]:
    found = []
    for pid in worker_pids():
        with contextlib.suppress(psutil.Error):
            found.append(psutil.Process(pid))
    return found


async def test_small_imports_go_first_though_two_people_have_two_batches_each(alice: Client, bob: Client) -> None:
    jobs = {job_id: client for client in (alice, bob) for job_id in await busy(client, "Secret plans")}

    async def all_are_under_way() -> bool:
        return all([(await job_of(client, job_id))["state"] == "running" for job_id, client in jobs.items()])

    await until(all_are_under_way)
    for client in (bob, alice):  # a small one of somebody who has two batches, also
        await import_text(client, dataset="small")
    third = await batches.start(alice, "slow", parameters=MANY, priority="low")

    async def waits() -> Any:
        job = await job_of(alice, third["job_id"])
        return job["waiting_for"] and job

    job = await until(waits)
    assert (job["state"], job["place"], job["priority"]) == ("queued", 1, "low")
    assert job["waiting_for"].startswith("waits for 2 batches of yours")
    await job_of_nobody(bob, third["job_id"])

    async def has_no_worker() -> Any:
        for job_id, client in jobs.items():
            job = await job_of(client, job_id)
            if job["waiting_for"] and "reports of" in job["waiting_for"]:
                return job
        return None

    job = await until(has_no_worker)  # two batches with two reports each in the making, and two workers
    assert (job["state"], job["place"]) == ("running", None)
    assert "Secret" not in job["waiting_for"]
    assert all([(await job_of(client, job_id))["state"] == "running" for job_id, client in jobs.items()])


async def job_of_nobody(client: Client, job_id: str) -> None:
    await batches.read(client, f"/api/v1/jobs/{job_id}", status=404)


async def test_places_are_told_live_and_drawn_to_their_owner_alone(alice: Client, bob: Client) -> None:
    await busy(alice, "Long")
    async with live(alice) as hers, live(bob) as his:
        third = await batches.start(alice, "slow", parameters=MANY)
        told = await hers.next(lambda message: message.get("job_id") == third["job_id"] and message.get("waiting_for"))
        assert (told["type"], told["place"]) == ("batch_report_progress", 1)
        await his.next("connection")
        assert [message for message in his.seen if "job_id" in message] == []
    for path in ("/jobs", "/", f"/jobs/{third['job_id']}", f"/batches/{third['batch_id']}"):
        async with alice.get(path, headers={"Accept-Language": "zh-CN"}) as response:
            text = await response.text()
            assert (
                "place 1 in line · waits for 2 batches of yours" in text or "排在第 1 位 · 等待您的 2 批报表" in text
            ), path


async def test_a_priority_that_is_none_is_refused(alice: Client) -> None:
    upload_id = await upload(alice)
    body = {"upload_id": upload_id, "dataset": "orders", "priority": "urgent"}
    async with alice.post("/api/v1/imports", json=body) as response:
        assert response.status == 422
    job_id = await start(alice, upload_id, priority="high")
    assert (await ended(alice, job_id))["priority"] == "high"


async def under_way(server: Server, job_id: str) -> None:
    """Asked of the server itself: where the machine is busy, it is over before a request for it is answered."""

    def is_reading() -> bool:
        job = server.parts.jobs.table.get(job_id)
        return job is not None and job.stage == "reading"

    await until(is_reading, seconds=30)


async def lines_of(client: Client, job_id: str) -> list[str]:
    log = await batches.read(client, f"/api/v1/jobs/{job_id}/log")
    return [line["message"] for line in log["items"]]


async def test_an_import_whose_worker_is_frozen_is_read_again_by_another(server: Server, alice: Client) -> None:
    upload_id = await upload(alice, long_text(), name="long.csv")
    job_id = await start(alice, upload_id, dataset="long")
    await under_way(server, job_id)
    for worker in workers():
        worker.suspend()
    assert (await ended(alice, job_id))["state"] == "succeeded"
    assert "The worker stood still and was replaced; trying once more." in await lines_of(alice, job_id)


async def test_an_import_that_loses_every_worker_is_begun_anew_later_and_then_its_owner_is_told(
    server: Server, alice: Client
) -> None:
    upload_id = await upload(alice, long_text(), name="long.csv")
    job_id = await start(alice, upload_id, dataset="long")
    await under_way(server, job_id)

    async def killed_until(state: str) -> Any:
        while (job := await job_of(alice, job_id))["state"] not in (state, "succeeded"):
            for worker in workers():
                with contextlib.suppress(psutil.Error):
                    worker.kill()
            await asyncio.sleep(0.05)
        return job

    job = await killed_until("queued")
    assert (job["attempt"], job["error"]) == (1, None)

    async def says_when() -> Any:
        return "until it is tried again" in ((await job_of(alice, job_id))["waiting_for"] or "")

    await until(says_when)
    assert "That may pass: it is tried again by itself." in await lines_of(alice, job_id)
    async with live(alice) as hers:
        failed = await killed_until("failed")
        assert (failed["attempt"], failed["error"]["code"]) == (2, "worker_died")
        assert (await hers.next("notification"))["level"] == "error"


async def test_a_cancelled_job_is_not_tried_again(server: Server, alice: Client) -> None:
    upload_id = await upload(alice, long_text(), name="long.csv")
    job_id = await start(alice, upload_id, dataset="long")
    await under_way(server, job_id)
    state = "running"
    while state != "queued":
        for worker in workers():  # before anything is asked, which takes as long as the rest of the import may
            with contextlib.suppress(psutil.Error):
                worker.kill()
        state = (await job_of(alice, job_id))["state"]
        assert state != "succeeded"
    async with alice.post(f"/api/v1/jobs/{job_id}/cancel") as response:
        assert (await response.json())["state"] == "cancelled"
    assert (await job_of(alice, job_id))["waiting_for"] is None
