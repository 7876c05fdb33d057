"""How long two people's work takes from its order to its end: by fair turns, and first come, first served."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

import server.app.workers
from server.app import engines
from server.engines.memory_queue import MemoryQueue
from server.jobs import turns
from server.jobs.job import Job
from server.jobs.shared_workers import SharedWorkers
from server.jobs.waiting import Waiting
from server.settings import Settings
from tests.conftest import new_user, running, signed_in
from tests.functional import batches, importing

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]
WORKERS = 2
LARGE_BATCHES, LARGE_REPORTS = 2, 80
SMALL_IMPORTS, SMALL_BATCHES, SMALL_REPORTS = 20, 4, 3
EVERY_SECONDS = 0.5
LARGE_ROWS = 1_500_000
TEMPLATE = """\
title: "{{ n }}"
formats: [pdf, xlsx]
parameters:
  n: {type: integer}
queries:
  totals: select sum(amount) as revenue, count(*) as orders from orders
  rows: select $n as n, region, amount, ordered_at, paid from orders order by amount limit 500
blocks:
  - heading: "{{ n }}"
  - kpis: [{label: Revenue, value: totals.revenue}, {label: Orders, value: totals.orders}]
  - chart: {kind: bar, query: rows, x: region, y: amount, title: Amounts}
  - table: {query: rows, columns: [{name: region}, {name: ordered_at}, {name: amount, total: sum}, {name: paid}]}
"""
Client = aiohttp.ClientSession
Times = dict[str, list[float]]


class FifoLine:
    """First come, first served: one line for everything, and so many places."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: deque[str] = deque()
        self._begun: set[str] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, job: Job) -> None:
        self._waiting.append(job.id)

    def pop(self) -> str | None:
        return self._waiting.popleft() if self._waiting and len(self._begun) < self._places else None

    def begin(self, job: Job) -> None:
        self._begun.add(job.id)

    def end(self, job_id: str) -> None:
        self._begun.discard(job_id)

    def remove(self, job: Job) -> None: ...

    def clear(self) -> None:
        self._waiting.clear()

    def jobs_waiting(self) -> dict[str, Waiting]:
        return {}


class FifoQueue(MemoryQueue):
    """The product's queue with that line in place of its own."""

    def __init__(self, *, heavy_slots: int, **given: Any) -> None:
        super().__init__(heavy_slots=heavy_slots, **given)
        line: Any = FifoLine(heavy_slots)
        self._lines = dict.fromkeys(self._lines, line)


def fifo_workers(settings: Settings, heavy_slots: int, **given: Any) -> SharedWorkers:
    pool = server.app.workers._pool(settings, size=heavy_slots, niceness=settings.worker_niceness)
    return SharedWorkers(pool, turns.Turns(places=heavy_slots, per_user=10**9), **given)


class FifoTurns:
    """In place of `FairQueue`, for the workers."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, str]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, owner_id: str, job_id: str, *, rank: int = 0) -> None:
        self._waiting.append((owner_id, job_id))

    def pop(self, running: Mapping[str, int], *, places: int, per_owner: int) -> tuple[str, str] | None:
        return self._waiting.popleft() if self._waiting and sum(running.values()) < places else None

    def in_order(self, running: Mapping[str, int], *, at_most: int) -> list[tuple[str, str]]:
        return list(self._waiting)

    def remove(self, owner_id: str, job_id: str) -> bool:
        return False


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, workers=WORKERS)


async def timed(times: Times, what: str, work: Awaitable[Mapping[str, Any]]) -> None:
    began = time.monotonic()
    ended = await work
    assert ended["state"] == "succeeded", ended
    times[what].append(time.monotonic() - began)


async def finished(client: Client, job_id: str) -> Mapping[str, Any]:
    """However long that takes."""
    while (job := await batches.read(client, f"/api/v1/jobs/{job_id}"))["finished_at"] is None:
        await asyncio.sleep(0.05)
    return job


async def batch(client: Client, reports: int) -> Mapping[str, Any]:
    started = await batches.start(client, "many", parameters=[{"n": n} for n in range(reports)])
    return await finished(client, started["job_id"])


async def small_import(client: Client, upload_id: str, number: int) -> Mapping[str, Any]:
    job_id = await importing.start(client, upload_id, dataset=f"small{number}")
    return await finished(client, job_id)


async def prepared(client: Client) -> str:
    await importing.import_text(client)
    await batches.put_template(client, "many", TEMPLATE)
    return await importing.upload(client, name="small.csv")


async def mix(alice: Client, bob: Client) -> Times:
    """Alice orders what takes long and is away; a moment later bob, and alice too, bring small things all the time."""
    small = {bob: await prepared(bob), alice: await prepared(alice)}
    large = "a,b\n" + "".join(f"{number},{number * 7919 % 99991}\n" for number in range(LARGE_ROWS))
    large_upload = await importing.upload(alice, large, name="large.csv")
    times: Times = defaultdict(list)
    await timed(times, "small import, nobody else there", small_import(bob, small[bob], 0))
    await timed(times, "batch of 3, nobody else there", batch(bob, SMALL_REPORTS))
    async with asyncio.TaskGroup() as work:

        def begin(what: str, job: Awaitable[Mapping[str, Any]]) -> None:
            work.create_task(timed(times, what, job))

        for _ in range(LARGE_BATCHES):
            begin(f"alice: batch of {LARGE_REPORTS}", batch(alice, LARGE_REPORTS))
        begin(f"alice: import of {LARGE_ROWS:,} rows", small_import(alice, large_upload, 0))
        await asyncio.sleep(1.0)
        for number in range(1, SMALL_IMPORTS + 1):
            begin("bob: import of 3 rows", small_import(bob, small[bob], number))
            if number % (SMALL_IMPORTS // SMALL_BATCHES) == 0:
                begin("bob: batch of 3", batch(bob, SMALL_REPORTS))
                begin("alice: import of 3 rows", small_import(alice, small[alice], number))
            await asyncio.sleep(EVERY_SECONDS)
    return times


async def measured(settings: Settings, data: str) -> Times:
    place = settings.data / data
    place.mkdir()
    async with (
        running(replace(settings, data=place)) as house,
        await signed_in(house, "admin") as admin,
        await new_user(house, admin, "alice") as alice,
        await new_user(house, admin, "bob") as bob,
    ):
        return await mix(alice, bob)


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def figures(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):6.1f} {quantile(seconds, 0.95):6.1f} {max(seconds):6.1f}"


async def test_how_long_work_takes_beside_that_of_others(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fair = await measured(settings, "fair")
    monkeypatch.setattr(engines, "ENGINES", replace(engines.ENGINES, queue=FifoQueue))
    monkeypatch.setattr(server.app.workers, "_job_workers", fifo_workers)
    monkeypatch.setattr(turns, "FairQueue", FifoTurns)
    fifo = await measured(settings, "fifo")
    print(f"\nseconds from order to end, {WORKERS} workers{'p50    p95    max':>37}{'p50    p95    max':>25}")
    print(f"{'fair turns':>62}{'first come':>25}")
    for what in fair:
        print(f"{what:42} {len(fair[what]):3}   {figures(fair[what])}     {figures(fifo[what])}")
