"""A server whose jobs stand in every state that is drawn, made as people and scripts make them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from server.settings import Settings
from tests.conftest import Server, new_user, running, signed_in
from tests.functional import batches
from tests.functional.importing import ended, import_text, start, upload
from tests.functional.test_external_jobs import begin, push
from tests.functional.test_fair_turns import MANY
from tests.functional.test_uploads import announce, metadata, patch, upload_of
from tests.unit.jobs.conftest import Clock
from tests.waiting import until
from tests.worker_processes import worker_pids

Client = aiohttp.ClientSession
_REJECT_LIMIT = 1_500
_AMOUNTS = [{"name": "region", "type": "text"}, {"name": "amount", "type": "integer"}]


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look: the pages of jobs, imports and batches by the state in which they are."""

    server: Server
    pages: dict[str, str]


@asynccontextmanager
async def every_state(settings: Settings) -> AsyncIterator[Places]:
    """The jobs are the administrator's; somebody else's batches keep the only worker."""
    limits = {"reject_limit": _REJECT_LIMIT, "external_jobs_per_user": 50, "external_updates_per_second": 500.0}
    limits["worker_silence_seconds"] = 3_600.0  # the one that is stopped in the middle stays
    settings = replace(settings, workers=1, **limits)  # type: ignore[arg-type]
    async with running(settings) as server, await signed_in(server, "admin") as client:
        again = await _begin_what_the_restart_interrupts(client)
    async with running(settings) as server, await signed_in(server, "admin") as client:
        clock = Clock()
        server.parts.jobs.stillness.clock = clock
        pages = {"again": f"/jobs/{again}"}
        pages |= await _over(client)
        pages |= await _still(client, clock)
        pages |= await _moving(client, clock)
        async with await new_user(server, client, "bob") as other:
            pages |= await _waiting(client, other)
        yield Places(server, pages)


async def _begin_what_the_restart_interrupts(client: Client) -> str:
    body = {"seconds": 600, "total": 1000}
    async with client.post("/api/v1/jobs/demonstration", json=body) as response:
        job_id: str = (await response.json())["job_id"]
    await until(lambda: _is(client, job_id, "running"))
    return job_id


async def _over(client: Client) -> dict[str, str]:
    """What ended, well, partly or not at all."""
    await import_text(client)
    lines = "".join(f"North,{number}\n" for number in range(1_880)) + "South,many\n" * 1_120
    with_rejects = await import_text(
        client, "region,amount\n" + lines, name="stock.csv", dataset="stock", options={"columns": _AMOUNTS}
    )
    upload_id = await upload(client, "region,amount\n" + "South,many\n" * (_REJECT_LIMIT + 1), name="broken.csv")
    failed_import = await start(client, upload_id, dataset="broken", options={"columns": _AMOUNTS})
    await ended(client, failed_import)
    await batches.put_template(client, "sales", batches.SALES)
    batch = await batches.made(client, name="Sales by region")
    done = (await begin(client, title="Nightly ETL", total=12, unit="files"))["job_id"]
    await push(client, done, progress=12, state="succeeded")
    failed = (await begin(client, title="Exchange rates", total=120_000, unit="rows"))["job_id"]
    reason = "ConnectionError: the warehouse does not answer"
    await push(client, failed, progress=48_213, state="failed", error=reason)
    cancelled = (await begin(client, title="Archive", total=900, unit="files"))["job_id"]
    await push(client, cancelled, progress=301, state="cancelled")
    return {
        "done": f"/jobs/{done}",
        "partial-import": f"/imports/{with_rejects['job_id']}",
        "partial-job": f"/jobs/{with_rejects['job_id']}",
        "partial-batch": f"/batches/{batch['id']}",
        "failed": f"/jobs/{failed}",
        "failed-import": f"/imports/{failed_import}",
        "cancelled": f"/jobs/{cancelled}",
    }


async def _still(client: Client, clock: Clock) -> dict[str, str]:
    """What moved once: stalled, paused, waiting for its sender, and standing still for some seconds."""
    stalled = await _counting(client, clock, title="Warehouse crawl", unit="pages", total=4_000)
    unknown = await _counting(client, clock, title="Mail archive", unit="lines", total=None)
    paused, pausing = await _half_sent(client, "customers.csv")
    async with client.post(f"{pausing}/pause"):
        pass
    waiting, _ = await _half_sent(client, "a long name of a file of orders of the year 2026.csv")
    clock.now += 300
    still = await _counting(client, clock, title="Price list", unit="items", total=800)
    clock.now += 8
    for job_id, state in {
        stalled: "stalled", unknown: "stalled", paused: "paused", waiting: "waiting_for_sender"
    }.items():  # fmt: skip
        await until(lambda job_id=job_id, state=state: _is_shown(client, job_id, state))  # type: ignore[misc]
    return {
        "stalled": f"/jobs/{stalled}",
        "stalled-unknown": f"/jobs/{unknown}",
        "paused": f"/jobs/{paused}",
        "waiting-for-sender": f"/jobs/{waiting}",
        "still": f"/jobs/{still}",
    }


async def _half_sent(client: Client, name: str) -> tuple[str, str]:
    """An upload of which nothing more comes: its job, and its place."""
    place = await announce(client, 1_000_000, **metadata(filename=name))
    await patch(client, place, 0, b"0" * 420_000)
    job_id: str = (await upload_of(client, place))["job_id"]

    async def is_told() -> bool:
        return bool((await batches.read(client, f"/api/v1/jobs/{job_id}"))["progress"])

    await until(is_told)
    return job_id, place


async def _moving(client: Client, clock: Clock) -> dict[str, str]:
    finishing = await _counting(client, clock, title="Invoices", unit="records", total=500)
    await push(client, finishing, progress=500)
    running = await _counting(client, clock, title="Orders of the web shop", unit="rows", total=120_000)
    unknown = await _counting(client, clock, title="Log files", unit="lines", total=None)
    return {
        "running": f"/jobs/{running}",
        "running-unknown": f"/jobs/{unknown}",
        "finishing": f"/jobs/{finishing}",
    }


async def _counting(client: Client, clock: Clock, *, total: float | None, **wanted: Any) -> str:
    job_id: str = (await begin(client, total=total, message="Reading", stage="reading", **wanted))["job_id"]
    for step in range(1, 5):
        clock.now += 0.5
        await push(client, job_id, progress=step * ((total or 9_600) // 16))
        await asyncio.sleep(0.12)  # longer than news are held back
    return job_id


async def _waiting(client: Client, other: Client) -> dict[str, str]:
    await import_text(other)
    slow = batches.slow_template(12_000)
    await batches.put_template(other, "slow", slow)
    for number in range(2):
        await batches.start(other, "slow", parameters=MANY, name=f"Slow {number}")
    await batches.put_template(client, "slow", slow)
    mine = [await batches.start(client, "slow", parameters=MANY, name=f"Stores {number}") for number in range(3)]
    last = await batches.start(client, "slow", parameters=MANY, name="Stores by day", priority="low")

    async def waits() -> bool:
        return bool((await batches.read(client, f"/api/v1/jobs/{last['job_id']}"))["waiting_for"])

    await until(waits)
    for pid in worker_pids():  # what it goes on to compute is nobody's affair, and takes a core from whoever looks
        os.kill(pid, signal.SIGSTOP)
    return {
        "running-batch": f"/batches/{mine[0]['batch_id']}",
        "waiting-batch": f"/batches/{last['batch_id']}",
        "waiting": f"/jobs/{last['job_id']}",
    }


async def _is(client: Client, job_id: str, state: str) -> bool:
    return bool((await batches.read(client, f"/api/v1/jobs/{job_id}"))["state"] == state)


async def _is_shown(client: Client, job_id: str, state: str) -> bool:
    return bool((await batches.read(client, f"/api/v1/jobs/{job_id}"))["shown_state"] == state)
