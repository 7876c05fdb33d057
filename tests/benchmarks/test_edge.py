"""What clients at an edge, 80 ms from the core and back, cost the core, and how late they hear. `make bench`.

The line is made long by `tests/delaying.py`, where there is no `tc netem`; it counts what goes over it, too.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import make_url

from tests import postgresql, seaweed
from tests.benchmarks.live import tables
from tests.conftest import signed_in
from tests.delaying import DelayingLine, delaying_line
from tests.process import ServerProcess
from tests.valkey import ValkeyProcess
from tests.waiting import until

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]
_WAY_SECONDS = 0.04
_MANY = 500
_EVENTS, _PER_SECOND = 200, 20
_COME_AT_ONCE = 25
_IDLE_SECONDS = 9.0  # six beats


@dataclass(frozen=True, kw_only=True)
class World:
    core: ServerProcess
    edge: ServerProcess
    valkey: ValkeyProcess
    words: DelayingLine  # from the edge to the primary, from the primary to the replica
    rows: DelayingLine


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    url = make_url(postgresql.new_database("edge_bench"))
    socket = Path(str(url.query["host"])) / ".s.PGSQL.5432"
    primary, replica = ValkeyProcess(), ValkeyProcess()
    for each in (primary, replica):
        each.start()
    async with (
        delaying_line(primary.port, seconds=_WAY_SECONDS) as words,
        delaying_line(socket, seconds=_WAY_SECONDS) as rows,
    ):
        common = {
            "JINDU_SECRET_KEY": Fernet.generate_key().decode(),
            "JINDU_STORAGE_URL": seaweed.new_place(),
            "JINDU_STORAGE_KEY_ID": seaweed.KEY_ID,
            "JINDU_STORAGE_SECRET": seaweed.SECRET,
            "JINDU_MAX_CONNECTIONS_PER_USER": "5000",
            "JINDU_MAX_CONNECTIONS_PER_ADDRESS": "5000",
        }
        for name in ("core", "edge"):
            (tmp_path / name).mkdir()
        core = ServerProcess(
            tmp_path / "core",
            environ=common
            | {"JINDU_DATABASE_URL": url.render_as_string(hide_password=False), "JINDU_BROKER_URL": primary.url},
        )
        far = url.set(host="127.0.0.1", port=rows.port, query={})
        edge = ServerProcess(
            tmp_path / "edge",
            environ=common
            | {
                "JINDU_NODE": "edge",
                "JINDU_ROLE": "web",
                "JINDU_DATABASE_READERS": "32",  # each carries one question in 80 ms
                "JINDU_DATABASE_WRITERS": "32",
                "JINDU_DATABASE_URL": far.render_as_string(hide_password=False),
                "JINDU_BROKER_URL": f"redis://127.0.0.1:{words.port}/0",
                "JINDU_BROKER_SUBSCRIBE_URL": replica.url,
            },
        )
        try:
            await asyncio.to_thread(core.start)
            async with replica.admin() as far_valkey:
                await far_valkey.replicaof("127.0.0.1", str(words.port))
            await asyncio.to_thread(edge.start)
            async with aiohttp.ClientSession(edge.url) as client:

                async def hears() -> bool:
                    async with client.get("/readyz") as response:
                        return bool((await response.json()).get("nodes") == "ok")

                await until(hears, seconds=60)
            yield World(core=core, edge=edge, valkey=primary, words=words, rows=rows)
        finally:
            for process in (core, edge):
                process.kill()
            for each in (primary, replica):
                each.kill()


@asynccontextmanager
async def listeners(
    node: ServerProcess, token: str, count: int, heard: Callable[[float], None]
) -> AsyncIterator[float]:
    """Yields the median of how long it took each to be let in, in seconds."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            aiohttp.ClientSession(
                node.url, headers={"Authorization": f"Bearer {token}"}, connector=aiohttp.TCPConnector(limit=0)
            )
        )
        took: list[float] = []
        turns = asyncio.Semaphore(_COME_AT_ONCE)

        listening: list[asyncio.Task[None]] = []

        async def let_in(number: int) -> None:
            async with turns:
                began = time.monotonic()
                socket = await stack.enter_async_context(client.ws_connect(f"/ws/n{number}", max_msg_size=0))
                await socket.receive()
                took.append(time.monotonic() - began)
                await socket.send_json({"type": "subscribe", "events": ["bench"]})
                await socket.receive()
            listening.append(asyncio.create_task(listen(socket)))  # at once: it answers pings, too

        async def listen(socket: aiohttp.ClientWebSocketResponse) -> None:
            async for message in socket:
                if (content := message.json()).get("type") == "event":
                    heard(time.time() - content["data"]["at"])

        await asyncio.gather(*map(let_in, range(count)))
        yield statistics.median(took)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


@dataclass(frozen=True, kw_only=True)
class Cost:
    core_ms: float  # of CPU for each event: the node at the core and the primary
    line_bytes: float  # for each event, both ways
    idle_kb: float  # a second, without events
    p50_ms: float
    p95_ms: float
    let_in_ms: float


async def measure(world: World, node: ServerProcess, count: int, core: aiohttp.ClientSession, token: str) -> Cost:
    delays: list[float] = []
    async with listeners(node, token, count, delays.append) as let_in:
        processes = [psutil.Process(world.core.pid), psutil.Process(world.valkey.pid)]

        def so_far() -> tuple[float, int, float]:
            used = sum(sum(each.cpu_times()[:2]) for each in processes)
            return used, world.words.there + world.words.back, time.monotonic()

        before = so_far()
        await asyncio.sleep(_IDLE_SECONDS)  # what goes on without any event: who is connected is renewed
        idle = so_far()
        idle_cpu, idle_line = ((idle[each] - before[each]) / (idle[2] - before[2]) for each in (0, 1))
        began = time.monotonic()
        for number in range(_EVENTS):
            await asyncio.sleep(began + number / _PER_SECOND - time.monotonic())
            async with core.post("/api/v1/events/bench", json={"at": time.time()}) as response:
                assert response.ok, await response.text()
        await until(lambda: len(delays) == _EVENTS * count, seconds=60, so="all have heard all")
        after = so_far()
        seconds = after[2] - idle[2]
    delays.sort()
    return Cost(
        core_ms=1000 * (after[0] - idle[0] - idle_cpu * seconds) / _EVENTS,
        line_bytes=(after[1] - idle[1] - idle_line * seconds) / _EVENTS,
        idle_kb=idle_line / 1000,
        p50_ms=1000 * delays[len(delays) // 2],
        p95_ms=1000 * delays[int(len(delays) * 0.95)],
        let_in_ms=1000 * let_in,
    )


async def test_a_client_at_the_edge_costs_the_core_no_fan_out(world: World) -> None:
    async with await signed_in(world.core, "admin") as core:
        token = core.headers["Authorization"].removeprefix("Bearer ")
        rows, found = [], {}
        for where, node in (("core", world.core), ("edge", world.edge)):
            for count in (1, _MANY):
                cost = found[where, count] = await measure(world, node, count, core, token)
                rows.append(
                    (
                        f"{count} at the {where}",
                        f"{cost.core_ms:.2f}",
                        f"{cost.line_bytes:,.0f}",
                        f"{cost.idle_kb:,.1f}",
                        f"{cost.p50_ms:.0f}",
                        f"{cost.p95_ms:.0f}",
                        f"{cost.let_in_ms:.0f}",
                    )
                )
    header = (
        "",
        "core's CPU, ms an event",
        "line, bytes an event",
        "line, KB/s without",
        "p50 ms",
        "p95 ms",
        "let in, ms",
    )
    tables.show(f"{_PER_SECOND} events a second, the edge 80 ms away and back", header, rows)
    one, many = found["edge", 1], found["edge", _MANY]
    tables.target(
        f"bytes of an event over the line for one {one.line_bytes:,.0f}, for {_MANY} {many.line_bytes:,.0f}",
        is_met=many.line_bytes < 2 * one.line_bytes + 100,
    )
    more, at_core = many.core_ms - one.core_ms, found["core", _MANY].core_ms - found["core", 1].core_ms
    tables.target(
        f"{_MANY - 1} more at the edge cost the core {more:.2f} ms an event, at the core {at_core:.2f}",
        is_met=more < 0.2 * at_core,
    )
