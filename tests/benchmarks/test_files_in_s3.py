"""The same work with files on the disk and in an S3 store on the same machine, by turns. `make bench`."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest

from tests import seaweed
from tests.benchmarks.test_whole import finished, started, uploaded, write_rows
from tests.process import ServerProcess

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1_800)]
_ROWS, _REPORTS, _ROUNDS = 1_000_000, 200, 3
_TEMPLATE = """\
title: "{{ region }}"
formats: [html, pdf]
parameters:
  region: {type: text, each: "select distinct region from sales order by 1"}
queries:
  days: select day, sum(amount) as amount from sales where region = $region group by 1 order by 1 limit 30
blocks:
  - table: {query: days}
"""


@pytest.fixture
def places(tmp_path: Path) -> Iterator[dict[str, ServerProcess]]:
    in_store = {
        "JINDU_STORAGE_URL": seaweed.new_place(),
        "JINDU_STORAGE_KEY_ID": seaweed.KEY_ID,
        "JINDU_STORAGE_SECRET": seaweed.SECRET,
    }
    with ExitStack() as stack:
        places = {}
        for name, environ in (("disk", {}), ("S3", in_store)):
            places[name] = ServerProcess(tmp_path / name, environ=environ)
            places[name].start()
            stack.callback(places[name].stop)
        yield places


async def _client(process: ServerProcess) -> aiohttp.ClientSession:
    credentials = {"username": "admin", "password": "correct-horse-admin", "name": "bench"}
    async with (
        aiohttp.ClientSession(process.url) as anonymous,
        anonymous.post("/api/v1/tokens", json=credentials) as response,
    ):
        token = (await response.json())["token"]
    return aiohttp.ClientSession(process.url, headers={"Authorization": f"Bearer {token}"})


async def test_files_in_s3(places: dict[str, ServerProcess], tmp_path: Path) -> None:
    write_rows(tmp_path / "sales.csv", _ROWS)
    seconds: dict[str, dict[str, list[float]]] = {}
    for turn in range(_ROUNDS):
        for name, process in places.items():
            async with await _client(process) as client:
                for what, took in (await _work(client, tmp_path / "sales.csv", turn)).items():
                    seconds.setdefault(what, {}).setdefault(name, []).append(took)
    print(f"\n\n| {_ROWS:,} rows, {(tmp_path / 'sales.csv').stat().st_size:,} bytes | disk, s | S3, s | disk / S3 |")
    print("| --- | --- | --- | --- |")
    for what, by_place in seconds.items():
        disk, store = (statistics.median(by_place[name]) for name in ("disk", "S3"))
        print(f"| {what} | {disk:.2f} | {store:.2f} | {disk / store:.2f} |")


async def _work(client: aiohttp.ClientSession, path: Path, turn: int) -> dict[str, float]:
    marks = [time.perf_counter()]
    upload_id = await uploaded(client, path)
    marks.append(time.perf_counter())
    order = {"upload_id": upload_id, "dataset": "sales", "mode": "replace" if turn else "create"}
    job = await finished(client, (await started(client, "/imports", order))["job_id"])
    assert job["state"] == "succeeded", job
    marks.append(time.perf_counter())
    headers = {"Content-Type": "application/yaml"}
    async with client.put("/api/v1/templates/regions", data=_TEMPLATE.encode(), headers=headers) as response:
        assert response.status in (200, 201), await response.text()
    marks.append(time.perf_counter())
    job = await finished(client, (await started(client, "/batches", {"template": "regions"}))["job_id"])
    assert job["state"] == "succeeded", job
    marks.append(time.perf_counter())
    upload, imported, _, batch = (later - earlier for earlier, later in itertools.pairwise(marks))
    return {"upload": upload, "import": imported, f"batch of {_REPORTS} reports in two formats": batch}
