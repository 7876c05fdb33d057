"""What would take for ever, or all memory: stopped with a reason, and it is the asker's to mend."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings

QUERIES = [
    "select levenshtein(repeat('a', 100000), repeat('b', 100000))",
    "select count(*) from range(100000000000)",
    "with recursive t(n) as (select 1 union all select n + 1 from t) select max(n) from t",
    "select sum(length(repeat('x', 3000) || i)) from range(100000000) t(i)",
    "select list(i) from range(300000000) t(i)",
]
TEMPLATES = [
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{{ (((10**1000)**1000)**1000) % 7 }}",
    "{% set ns=namespace(s='aaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{{ [1]|batch(1000000000,'x')|list|length }}",
    "{{ range(99999)|map('string')|join('-')|length }}{% for i in range(99999) %}{{ range(99999)|sum }}{% endfor %}",
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, query_seconds=1.0, worker_memory_mib=600, interactive_wait_seconds=100.0)


async def test_a_query_without_end_says_so(alice: aiohttp.ClientSession) -> None:
    async def asked(sql: str) -> None:
        async with alice.post("/api/v1/queries", json={"sql": sql}) as response:
            problem = await response.json()
        assert response.status == 422, (sql, problem)
        assert problem["code"] in ("timed_out", "query_too_long", "query_too_large", "out_of_memory"), (sql, problem)

    await asyncio.gather(*map(asked, QUERIES))


async def test_a_worker_that_met_its_limit_serves_nobody_else(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    """It keeps what it took, so that even a thread may be too much for it."""
    hungry = ["select repeat('x', 1000000000)", f"select {', '.join(f'1 as c{number}' for number in range(8000))}"]
    for _ in range(3):
        for sql in hungry:
            async with alice.post("/api/v1/queries", json={"sql": sql}) as response:
                assert response.status in (200, 422), await response.text()
        for client in (alice, bob):
            async with client.post("/api/v1/queries", json={"sql": "select 1 as one"}) as response:
                assert (response.status, await response.json())[0] == 200, await response.text()


async def test_a_template_without_end_says_so(alice: aiohttp.ClientSession) -> None:
    async def asked(text: str) -> None:
        source = f'title: t\nblocks:\n  - heading: "{text}"\n'
        async with alice.post("/api/v1/templates/x/preview", json={"source": source}) as response:
            assert response.status == 422, (text, await response.text())

    await asyncio.gather(*map(asked, TEMPLATES))
