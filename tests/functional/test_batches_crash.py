"""Batches cut short: cancelled, killed with the server, a worker killed, a full disk: nothing finished is lost."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.functional.batches import Json, counting_template, ended, put_template, read, reports_of, start, when
from tests.process import ServerProcess

REPORTS = 12


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(
        tmp_path / "data", environ={"JINDU_WORKERS": "2", "JINDU_DRAIN_SECONDS": "1", "JINDU_JOB_RETRIES": "0"}
    )
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def admin(process: ServerProcess) -> AsyncIterator[aiohttp.ClientSession]:
    credentials = {"username": "admin", "password": "correct-horse-admin", "name": "tests"}
    async with (
        aiohttp.ClientSession(process.url) as anonymous,
        anonymous.post("/api/v1/tokens", json=credentials) as response,
    ):
        token = (await response.json())["token"]
    async with aiohttp.ClientSession(process.url, headers={"Authorization": f"Bearer {token}"}) as client:
        await put_template(client, "slow", counting_template(REPORTS))
        yield client


def in_the_middle(batch: Json) -> bool:
    tally = batch["tally"]
    return tally["succeeded"] >= 2 and tally["running"] >= 1


async def test_a_killed_server_makes_only_what_was_not_finished(
    process: ServerProcess, admin: aiohttp.ClientSession
) -> None:
    batch_id = (await start(admin, "slow"))["batch_id"]
    await when(admin, batch_id, in_the_middle)
    finished = await reports_of(admin, batch_id, "?state=succeeded")
    process.kill()
    await asyncio.to_thread(process.start)
    batch = await ended(admin, batch_id)
    assert (batch["state"], batch["tally"]["succeeded"]) == ("succeeded", REPORTS)
    after = {report["id"]: report for report in await reports_of(admin, batch_id)}
    assert [after[report["id"]] for report in finished] == finished
    assert len(after) == REPORTS


async def test_a_stopped_server_puts_the_batch_back_and_goes_on(
    process: ServerProcess, admin: aiohttp.ClientSession
) -> None:
    batch_id = (await start(admin, "slow"))["batch_id"]
    await when(admin, batch_id, in_the_middle)
    await asyncio.to_thread(process.stop)
    await asyncio.to_thread(process.start)
    batch = await ended(admin, batch_id)
    assert (batch["state"], batch["tally"]["succeeded"]) == ("succeeded", REPORTS)


async def test_a_cancelled_batch_keeps_what_is_finished_and_can_go_on(
    process: ServerProcess, admin: aiohttp.ClientSession
) -> None:
    started = await start(admin, "slow")
    base = f"/api/v1/batches/{started['batch_id']}"
    await when(admin, started["batch_id"], in_the_middle)
    began = time.monotonic()
    async with admin.post(f"/api/v1/jobs/{started['job_id']}/cancel") as response:
        assert response.status in (200, 202)
    batch = await ended(admin, started["batch_id"])
    assert time.monotonic() - began < 2.5
    assert batch["state"] == "cancelled"
    assert batch["tally"]["cancelled"] == REPORTS - batch["tally"]["succeeded"] > 0
    kept = await reports_of(admin, started["batch_id"], "?state=succeeded")
    for report in kept:
        async with admin.get(report["artifacts"][0]["url"]) as response:
            assert response.status == 200
    async with admin.post(f"{base}/retry") as response:
        assert response.status == 202
    batch = await ended(admin, started["batch_id"])
    assert batch["tally"]["succeeded"] == REPORTS
    after = await reports_of(admin, started["batch_id"])
    assert [report for report in after if report["id"] in {one["id"] for one in kept}] == kept


async def test_the_job_of_a_cancelled_batch_can_be_retried_too(
    process: ServerProcess, admin: aiohttp.ClientSession
) -> None:
    started = await start(admin, "slow")
    await when(admin, started["batch_id"], in_the_middle)
    async with admin.post(f"/api/v1/jobs/{started['job_id']}/cancel"):
        await ended(admin, started["batch_id"])
    async with admin.post(f"/api/v1/jobs/{started['job_id']}/retry") as response:
        assert response.status in (200, 202), await response.text()
    await when(admin, started["batch_id"], lambda batch: batch["tally"]["succeeded"] == REPORTS)


async def test_a_killed_worker_costs_no_report(process: ServerProcess, admin: aiohttp.ClientSession) -> None:
    batch_id = (await start(admin, "slow"))["batch_id"]
    await when(admin, batch_id, in_the_middle)
    busiest = max(workers_of(process), key=lambda worker: worker.cpu_times().user)
    busiest.kill()
    batch = await ended(admin, batch_id)
    assert (batch["state"], batch["tally"]["succeeded"]) == ("succeeded", REPORTS)


async def test_a_full_disk_stops_the_batch_with_a_reason_and_a_retry_goes_on(
    process: ServerProcess, admin: aiohttp.ClientSession
) -> None:
    batch_id = (await start(admin, "slow"))["batch_id"]
    await when(admin, batch_id, in_the_middle)
    let_files_have(process, 100)
    batch = await ended(admin, batch_id)
    assert batch["state"] == "failed"
    job = await read(admin, f"/api/v1/jobs/{batch['job_id']}")
    assert job["error"]["code"] == "storage_full"
    assert "disk is full" in job["error"]["message"]
    kept = batch["tally"]["succeeded"]
    assert 2 <= kept < REPORTS
    let_files_have(process, resource.RLIM_INFINITY)
    async with admin.post(f"/api/v1/batches/{batch_id}/retry") as response:
        assert response.status == 202
    batch = await ended(admin, batch_id)
    assert (batch["state"], batch["tally"]["succeeded"]) == ("succeeded", REPORTS)


def let_files_have(process: ServerProcess, limit: int) -> None:
    """Limit what workers may write to a file, in bytes; they meet what a full disk makes of a write.

    Never limit the process that forks them: a worker that is being forked meanwhile would keep a limit nobody sees.
    """
    for worker in workers_of(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            worker.rlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def workers_of(process: ServerProcess) -> list[psutil.Process]:
    """Below the server is one process that forks them."""
    return [worker for forking in psutil.Process(process.pid).children() for worker in forking.children()]
