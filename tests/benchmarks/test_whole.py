"""The whole server under work: how quick it stays, how fast a change arrives, how long a start takes. `make bench`."""

from __future__ import annotations

import asyncio
import csv
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.process import ROOT, ServerProcess

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]
ROWS = 1_000_000
REPORTS = 200
_ALREADY_THERE = ("JINDU_ADMIN_USER", "JINDU_ADMIN_PASSWORD", "JINDU_STATIC_CACHE")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data")
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def client(process: ServerProcess) -> AsyncIterator[aiohttp.ClientSession]:
    credentials = {"username": "admin", "password": "correct-horse-admin", "name": "bench"}
    async with (
        aiohttp.ClientSession(process.url) as anonymous,
        anonymous.post("/api/v1/tokens", json=credentials) as response,
    ):
        token = (await response.json())["token"]
    async with aiohttp.ClientSession(process.url, headers={"Authorization": f"Bearer {token}"}) as session:
        yield session


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def write_rows(path: Path, rows: int) -> None:
    chooser = random.Random(7)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "day", "region", "amount", "paid"])
        for number in range(rows):
            day = first + timedelta(days=number % 365)
            writer.writerow(
                [number, day.date(), f"Region {number % REPORTS:03}", f"{chooser.random() * 1000:.2f}", number % 2 == 0]
            )


async def uploaded(client: aiohttp.ClientSession, path: Path) -> str:
    form = aiohttp.FormData()
    form.add_field("file", path.open("rb"), filename=path.name)
    async with client.post("/api/v1/uploads", data=form) as response:
        assert response.status == 201, await response.text()
        return str((await response.json())["id"])


async def started(client: aiohttp.ClientSession, path: str, body: dict[str, object]) -> dict[str, str]:
    async with client.post(f"/api/v1{path}", json=body) as response:
        assert response.status == 202, await response.text()
        answer: dict[str, str] = await response.json()
        return answer


async def finished(client: aiohttp.ClientSession, job_id: str) -> dict[str, object]:
    while True:
        async with client.get(f"/api/v1/jobs/{job_id}") as response:
            job: dict[str, object] = await response.json()
        if job["state"] in ("succeeded", "failed", "cancelled"):
            assert job["state"] == "succeeded", job
            return job
        await asyncio.sleep(0.1)


TEMPLATE = """
title: "{{ region }}"
parameters:
  region: {type: text, label: Region, each: "select distinct region from sales order by 1"}
queries:
  totals: select sum(amount) as revenue, count(*) as orders from sales where region = $region
  by_month: >-
    select date_trunc('month', day)::date as month, sum(amount) as revenue
    from sales where region = $region group by 1 order by 1
  rows: select id, day, amount, paid from sales where region = $region order by id limit 90
blocks:
  - heading: "{{ region }}"
  - kpis:
      - {label: Revenue, value: totals.revenue, format: currency, currency: CNY}
      - {label: Orders, value: totals.orders, format: integer}
  - chart: {kind: line, query: by_month, x: month, y: revenue, title: Revenue per month}
  - page_break
  - table: {query: rows, columns: [{name: id}, {name: day}, {name: amount, format: currency, total: sum}, {name: paid}]}
"""


async def test_the_server_stays_quick_while_it_imports_and_renders(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    source = tmp_path / "sales.csv"
    await asyncio.to_thread(write_rows, source, ROWS)
    upload_id = await uploaded(client, source)
    began = time.monotonic()
    first = await started(client, "/imports", {"upload_id": upload_id, "dataset": "sales", "mode": "create"})
    await finished(client, first["job_id"])
    import_seconds = time.monotonic() - began
    async with client.put(
        "/api/v1/templates/bench", data=TEMPLATE, headers={"Content-Type": "application/yaml"}
    ) as response:
        assert response.status in (200, 201), await response.text()

    # Alone: the figure for a batch on all cores.
    began = time.monotonic()
    batch = await started(client, "/batches", {"template": "bench", "formats": ["pdf"], "name": "alone"})
    await finished(client, batch["job_id"])
    batch_seconds = time.monotonic() - began

    # Both at once, while somebody else looks at pages.
    again = await started(client, "/imports", {"upload_id": upload_id, "dataset": "sales", "mode": "replace"})
    batch = await started(client, "/batches", {"template": "bench", "formats": ["pdf"], "name": "both"})
    answers_ms: list[float] = []
    working = asyncio.gather(finished(client, again["job_id"]), finished(client, batch["job_id"]))
    while not working.done():
        began = time.perf_counter()
        async with client.get("/healthz") as response:
            await response.read()
        answers_ms.append((time.perf_counter() - began) * 1_000)
        await asyncio.sleep(0.02)
    await working
    async with client.get("/api/v1/admin/statistics") as response:
        lag = (await response.json())["event_loop"]

    print(f"\nimport of {ROWS:,} rows × 5 columns: {ROWS / import_seconds:,.0f} rows/s, upload to published")
    print(f"batch of {REPORTS} PDFs: {REPORTS / batch_seconds:.1f} reports/s")
    print(f"both at once: event-loop lag {lag}")
    print(f"  /healthz p50 {statistics.median(answers_ms):.1f} ms, p99 {quantile(answers_ms, 0.99):.1f} ms")


async def test_a_change_of_a_job_arrives_at_once(client: aiohttp.ClientSession) -> None:
    """From the moment in the message's own timestamp to its arrival here: both clocks are this machine's."""
    delays_ms: list[float] = []
    async with client.ws_connect("/ws/bench") as socket:
        assert (await socket.receive_json())["type"] == "connection"
        body = {"seconds": 20, "total": 1000}
        job = await started(client, "/jobs/demonstration", body)
        while True:
            message = await socket.receive_json()
            if message.get("job_id") != job["job_id"]:
                continue
            sent = datetime.fromisoformat(message["timestamp"])
            delays_ms.append((datetime.now(UTC) - sent).total_seconds() * 1_000)
            if message["state"] == "succeeded":
                break
    print(f"\njob change to message: p50 {statistics.median(delays_ms):.2f} ms, p99 {quantile(delays_ms, 0.99):.2f} ms")
    print(f"  {len(delays_ms)} messages")


def test_cold_start_to_first_page(tmp_path: Path) -> None:
    import urllib.request

    seconds: list[float] = []
    for attempt in range(5):
        # As `make run` starts it: not from a process that has imported everything for the tests, nothing packed yet,
        # and nobody there, whose password would be hashed.
        process = ServerProcess(
            tmp_path / f"data{attempt}",
            environ=dict.fromkeys(_ALREADY_THERE, ""),
            command=(sys.executable, str(ROOT / "run.py")),
        )
        began = time.monotonic()
        process.start()
        with urllib.request.urlopen(process.url + "/login") as response:
            assert response.status == 200
        seconds.append(time.monotonic() - began)
        process.stop()
    print(f"\ncold start with a new database to the first page: median {statistics.median(seconds):.2f} s")
