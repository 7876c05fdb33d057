"""How soon a job runs that was stored at another node, and its progress is at a socket of a third. `make bench`.

A worker of this process, two nodes that serve people, PostgreSQL and Valkey, all on one machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from server.app.parts import build_parts
from server.jobs.context import JobContext
from server.jobs.kinds import JobKind
from server.settings import load
from tests import postgresql
from tests.cluster.conftest import close, everywhere
from tests.cluster.workshop import Workshop, workshop
from tests.conftest import signed_in

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]
JOBS, STEPS_A_SECOND, SECONDS = 20, 10, 10
SINGLE = 100  # jobs, one after the other
_BEGAN: dict[str, float] = {}


async def count(context: JobContext) -> None:
    for step in range(STEPS_A_SECOND * SECONDS):
        context.advance(step, total=STEPS_A_SECOND * SECONDS, detail={"at": time.time()})
        await asyncio.sleep(1 / STEPS_A_SECOND)


async def begin(context: JobContext) -> None:
    _BEGAN[context.job.id] = time.perf_counter()


KINDS = (
    JobKind(name="counted", label="Counted", unit="steps", function=count, heavy=False),
    JobKind(name="begun", label="Begun", unit="steps", function=begin, heavy=False),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Workshop]:
    environment = {
        "JINDU_DATABASE_URL": postgresql.new_database(f"workers_{worker_id}"),
        "JINDU_SECRET_KEY": Fernet.generate_key().decode(),
    }
    with workshop(tmp_path_factory.mktemp("workers"), environment) as made:
        yield made


@asynccontextmanager
async def worker(shop: Workshop, directory: Path, name: str, role: str = "worker") -> AsyncIterator[Any]:
    """In this process: the parts that `jindu worker` opens, or a node that runs none."""
    environ = {**shop.environment, "JINDU_NODE": name, "JINDU_ROLE": role, "JINDU_DATA": str(directory / name)}
    parts = build_parts(load(environ=environ, directory=directory))
    for kind in KINDS:
        parts.jobs.kinds.add(kind)
    async with parts.open():
        yield parts


def told(name: str, seconds: list[float]) -> None:
    in_order = sorted(1000 * each for each in seconds)
    p50, p99 = (in_order[int(share * (len(in_order) - 1))] for share in (0.5, 0.99))
    print(f"\n{name}: {len(seconds)} times, p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {in_order[-1]:.1f} ms")


async def test_from_the_commit_at_one_node_to_running_at_another(shop: Workshop, tmp_path: Path) -> None:
    people = await everywhere(shop, await signed_in(shop.east, "admin"))
    async with people.east.get("/api/v1/me") as response:
        owner_id = (await response.json())["id"]
    seconds: list[float] = []
    async with worker(shop, tmp_path, "one"), worker(shop, tmp_path, "asking", "web") as asking:
        for _ in range(SINGLE):
            job = await asking.jobs.runner.start("begun", owner_id=owner_id, title="begun", parameters={})
            committed = time.perf_counter()
            while job.id not in _BEGAN:
                await asyncio.sleep(0.0005)
            seconds.append(max(0.0, _BEGAN[job.id] - committed))
    await close(people)
    told("committed at one node, running at another", seconds)


async def test_progress_of_a_worker_at_a_socket_of_another_node(shop: Workshop, tmp_path: Path) -> None:
    people = await everywhere(shop, await signed_in(shop.east, "admin"))
    async with people.east.get("/api/v1/me") as response:
        owner_id = (await response.json())["id"]
    seconds: list[float] = []  # from the second second of each job on: before that all start at once, in this process
    async with worker(shop, tmp_path, "two") as parts, people.west.ws_connect("/ws/bench") as socket:
        began = time.monotonic()
        for _ in range(JOBS):
            await parts.jobs.runner.start("counted", owner_id=owner_id, title="counted", parameters={})
        while time.monotonic() - began < SECONDS:
            content = await socket.receive_json()
            now = time.time()
            messages = content if isinstance(content, list) else [content]
            seconds += [
                now - each["detail"]["at"]
                for each in messages
                if each["type"] == "job" and each["state"] == "running" and each["progress"] >= STEPS_A_SECOND
            ]
    await close(people)
    told(f"progress at {JOBS * STEPS_A_SECOND} messages a second ({len(seconds) / (SECONDS - 1):.0f} arrived)", seconds)
