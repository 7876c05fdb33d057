"""How others fare while somebody attacks: a stranger's `GET /healthz`, a user's page, memory. `make bench`."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.benchmarks.attackers import ATTACKS
from tests.benchmarks.test_whole import quantile
from tests.process import ServerProcess

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]
SECONDS = float(os.environ.get("BENCH_ATTACK_SECONDS", "15"))
NAMES = ["nobody attacks", *ATTACKS]
PASSWORD = "correct-horse-battery"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data")
    process.start()
    yield process
    process.stop()


async def token_of(url: str, name: str, password: str) -> str:
    async with (
        aiohttp.ClientSession(url) as client,
        client.post("/api/v1/tokens", json={"username": name, "password": password, "name": "bench"}) as response,
    ):
        return str((await response.json())["token"])


@pytest.fixture
async def mallory(process: ServerProcess) -> str:
    """A token of somebody who is signed in like anybody else."""
    admin = await token_of(process.url, "admin", "correct-horse-admin")
    async with aiohttp.ClientSession(process.url, headers={"Authorization": f"Bearer {admin}"}) as client:
        for name in ("alice", "mallory"):
            wanted = {"username": name, "password": PASSWORD, "role": "editor"}
            async with client.post("/api/v1/admin/users", json=wanted) as response:
                assert response.status == 201, await response.text()
    return await token_of(process.url, "mallory", PASSWORD)


@pytest.fixture
async def alice(process: ServerProcess, mallory: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Signed in by cookie, as a browser is."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(process.url, cookie_jar=jar) as client:
        form = {"username": "alice", "password": PASSWORD}
        async with client.post("/login", data=form, allow_redirects=False) as response:
            assert response.status == 303, await response.text()
        yield client


async def answer_times(client: aiohttp.ClientSession, path: str, until: float) -> list[float]:
    """Seconds each, twenty a second at most; an answer that does not come within ten seconds counts as ten."""
    times = []
    while time.monotonic() < until:
        began = time.perf_counter()
        try:
            async with client.get(path, timeout=aiohttp.ClientTimeout(10)) as response:
                await response.read()
                assert response.status == 200, (path, response.status)
            times.append(time.perf_counter() - began)
        except (aiohttp.ClientError, TimeoutError):
            times.append(10.0)
        await asyncio.sleep(0.05)
    return times


async def peak_memory(pid: int, until: float) -> float:
    """MiB that the server process itself held at most."""
    process, peak = psutil.Process(pid), 0
    while time.monotonic() < until:
        peak = max(peak, process.memory_info().rss)
        await asyncio.sleep(0.1)
    return peak / 1024 / 1024


@pytest.mark.parametrize("name", NAMES, ids=lambda name: re.sub(r"\W+", "_", name))
async def test_others_while_somebody_attacks(
    process: ServerProcess, mallory: str, alice: aiohttp.ClientSession, name: str
) -> None:
    async with alice.get("/"), alice.get("/jobs"):  # pages are compiled at their first visit
        pass
    attacker = None
    if name in ATTACKS:
        attacker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.attackers", name, process.url, mallory, str(SECONDS)
        )
    until = time.monotonic() + SECONDS
    async with aiohttp.ClientSession(process.url) as stranger:
        health, page, memory = await asyncio.gather(
            answer_times(stranger, "/healthz", until),
            answer_times(alice, "/jobs", until),
            peak_memory(process.pid, until),
        )
    if attacker is not None:
        await asyncio.wait_for(attacker.wait(), 60)
    print(
        f"\n{name}: healthz p50 {quantile(health, 0.5) * 1000:.1f} p99 {quantile(health, 0.99) * 1000:.0f} ms, "
        f"page p50 {quantile(page, 0.5) * 1000:.1f} p99 {quantile(page, 0.99) * 1000:.0f} ms, "
        f"memory at most {memory:.0f} MiB, {len(process.log)} lines in the log"
    )
