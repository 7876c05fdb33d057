"""Answers whose size somebody else chooses: bounded in bytes, made beside the event loop, and nothing stays of them.

The watchdog of `tests/conftest.py` fails each of these when the server holds its loop meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.importing import import_text

_MIB = 1024 * 1024
_LIMIT_MIB = 4


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_answer_bytes=_LIMIT_MIB * _MIB, max_answers_per_user=2, query_seconds=200.0)


async def asked(client: aiohttp.ClientSession, sql: str, limit: int = 100_000) -> tuple[int, Any]:
    async with client.post("/api/v1/queries", json={"sql": sql, "limit": limit}) as response:
        text = await response.text()
        return response.status, await asyncio.to_thread(json.loads, text)


def left_over(server: Server, settings: Settings) -> list[Path]:
    return list((settings.data / "blobs" / "partial").iterdir())


TOO_LARGE = [
    "select range(300) from range(100000)",
    "select [[i, i]] as x, {'a': range(50)} as y from range(100000) t(i)",
    f"select {', '.join(f'{number} as c{number}' for number in range(900))} from range(20000)",
    "select repeat('x', 2500) from range(100000)",
    "select repeat('长', 6000000)",
    "select map(range(100000), range(100000)) from range(20)",
]


async def test_an_answer_past_the_limit_is_refused_with_what_to_do(
    server: Server, settings: Settings, alice: aiohttp.ClientSession
) -> None:
    for sql in TOO_LARGE:
        status, problem = await asked(alice, sql)
        assert (status, problem["code"]) == (422, "answer_too_large"), (sql, problem)
        assert f"{_LIMIT_MIB} MiB" in problem["detail"]
    assert not left_over(server, settings)


async def test_an_answer_within_the_limit_is_whole(
    server: Server, settings: Settings, alice: aiohttp.ClientSession
) -> None:
    status, answer = await asked(alice, "select i, repeat('x', 1000) as text from range(3000) t(i)")
    assert status == 200
    assert [item["i"] for item in answer["items"]] == list(range(3000))
    assert all(item["text"] == "x" * 1000 for item in answer["items"])
    assert answer["truncated"] is False
    assert not left_over(server, settings)


async def test_rows_past_the_wanted_number_are_said(alice: aiohttp.ClientSession) -> None:
    for rows, limit, truncated in ((0, 1, False), (31, 32, False), (32, 32, False), (33, 32, True), (64, 1, True)):
        _, answer = await asked(alice, f"select * from range({rows})", limit)
        assert (len(answer["items"]), answer["truncated"]) == (min(rows, limit), truncated)


async def test_rows_of_a_dataset_are_bounded_too(
    server: Server, settings: Settings, alice: aiohttp.ClientSession
) -> None:
    lines = "".join(f"{number},{'y' * 50_000}\n" for number in range(400))
    await import_text(alice, "id,long\n" + lines)
    async with alice.get("/api/v1/datasets/orders/rows", params={"limit": 400}) as response:
        assert response.status == 422
        assert (await response.json())["code"] == "answer_too_large"
    async with alice.get("/api/v1/datasets/orders/rows", params={"limit": 40}) as response:
        page = await response.json()
    assert [len(item["long"]) for item in page["items"]] == [50_000] * 40
    assert (page["total"], page["next_cursor"], page["version"]) == (400, "1.40", 1)
    async with alice.get("/datasets/orders") as response:  # a page shows the beginning of long cells
        assert len(await response.text()) < _MIB
    assert not left_over(server, settings)


async def test_a_query_on_a_page_shows_the_beginning_and_its_csv_holds_all(
    server: Server, settings: Settings, alice: aiohttp.ClientSession
) -> None:
    await import_text(alice)
    wide = f"select {', '.join(f'i as c{number}' for number in range(900))} from range(400) t(i)"
    async with alice.post("/datasets/orders/query", data={"sql": wide, "fragment": "1"}) as response:
        page = await response.text()
    assert response.status == 200
    assert "there are more" in page
    assert len(page) < 2 * _MIB
    async with alice.post("/datasets/orders/query", data={"sql": wide, "download": "csv"}) as response:
        lines = (await response.text("utf-8-sig")).splitlines()
    assert (len(lines), len(lines[0].split(","))) == (401, 900)
    assert "orders-query.csv" in response.headers["Content-Disposition"]
    assert not left_over(server, settings)


async def test_whoever_does_not_read_large_answers_gets_no_more_of_them_and_costs_others_nothing(
    server: Server, settings: Settings, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    lines = "".join(f"{number},{'y' * 60_000}\n" for number in range(400))  # more than the kernel buffers
    await import_text(alice, "id,long\n" + lines)
    large = "select repeat('x', 3000) from range(1000)"
    async with AsyncExitStack() as unread:
        for _ in range(settings.max_answers_per_user):
            response = await unread.enter_async_context(alice.get("/api/v1/datasets/orders/export.csv"))
            assert response.status == 200
        assert (await asked(alice, large))[0] == 429
        assert (await asked(alice, "select 1 as one"))[0] == 200  # small ones lie nowhere
        status, answer = await asked(bob, large)
        assert (status, len(answer["items"])) == (200, 1000)
    deadline = time.monotonic() + 10
    while (await asked(alice, large))[0] == 429:
        assert time.monotonic() < deadline, "answers that were closed still count"
    assert not left_over(server, settings)
