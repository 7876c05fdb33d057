"""A thousand reports, and a server that is killed again and again while it makes them: each is found exactly once."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from tests.functional.batches import Json, put_template, read, start, when
from tests.process import ServerProcess

REPORTS, KILLS = 1_000, 2  # a job that is interrupted a third time is given up, and waits for a person
SECONDS = 300.0
TEMPLATE = f"""\
title: "Number {{{{ number }}}}"
formats: [html, xlsx]
parameters:
  number: {{type: integer, each: {list(range(1, REPORTS + 1))}}}
queries:
  rows: select i, i * $number as v from range(20) t(i)
blocks:
  - table: {{query: rows}}
"""
CREDENTIALS = {"username": "admin", "password": "correct-horse-admin", "name": "killed"}


@pytest.mark.benchmark
@pytest.mark.timeout(600)
async def test_a_thousand_reports_killed_in_the_middle_are_found_exactly_once(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", environ={"JINDU_WORKERS": "2"})
    server.start()
    try:
        async with (
            aiohttp.ClientSession(server.url) as anonymous,
            anonymous.post("/api/v1/tokens", json=CREDENTIALS) as response,
        ):
            headers = {"Authorization": f"Bearer {(await response.json())['token']}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as client:
            await put_template(client, "thousand", TEMPLATE)
            began = time.monotonic()
            batch_id = (await start(client, "thousand"))["batch_id"]
            first = await when(client, batch_id, lambda batch: batch["tally"]["succeeded"] > 0)
            first_seconds = time.monotonic() - began
            finished: dict[str, Json] = {}
            for kill in range(1, KILLS + 1):
                goal = kill * REPORTS // (KILLS + 1)
                await when(client, batch_id, partial(has_made, goal), seconds=SECONDS)
                finished |= {each["id"]: each for each in await all_reports(client, batch_id, "&state=succeeded")}
                server.kill()
                await asyncio.to_thread(server.start)
            batch = await when(client, batch_id, has_ended, seconds=SECONDS)
            seconds = time.monotonic() - began
            after = {each["id"]: each for each in await all_reports(client, batch_id)}
            print(f"\n{REPORTS} reports, killed {KILLS} times: {seconds:.0f} s; the first after {first_seconds:.2f} s")
            assert (first["total"], batch["state"], batch["tally"]["succeeded"]) == (REPORTS, "succeeded", REPORTS)
            assert Counter(each["parameters"]["number"] for each in after.values()) == Counter(range(1, REPORTS + 1))
            assert {key: after[key] for key in finished} == finished  # what was done is never made again
            for report in after.values():
                for artifact in report["artifacts"]:
                    async with client.get(artifact["url"]) as response:
                        assert hashlib.sha256(await response.read()).hexdigest() == artifact["sha256"]
    finally:
        server.kill()


def has_made(count: int, batch: Json) -> bool:
    succeeded: int = batch["tally"]["succeeded"]
    return succeeded >= count


def has_ended(batch: Json) -> bool:
    return batch["state"] in ("succeeded", "failed", "cancelled")


async def all_reports(client: aiohttp.ClientSession, batch_id: str, query: str = "") -> list[Json]:
    found: list[Json] = []
    cursor = ""
    while True:
        page = await read(client, f"/api/v1/batches/{batch_id}/reports?limit=500{query}{cursor}")
        found += page["items"]
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"
