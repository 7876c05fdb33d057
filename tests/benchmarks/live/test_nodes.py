"""What a thousand sockets cost one node, two and four, and when the last of them hears. `make bench`.

Nodes on one PostgreSQL and one Valkey, beside a server that is alone; all of it on one machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pytest
from cryptography.fernet import Fernet

from tests import postgresql
from tests.benchmarks.live import processes, tables
from tests.benchmarks.live.processes import Process
from tests.conftest import PASSWORDS, signed_in
from tests.process import ServerProcess
from tests.valkey import ValkeyProcess
from tests.waiting import until

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]
SOCKETS = 1_000
_ASKED = 40  # of them in Python, which note when each message came
_EVENTS, _PER_SECOND = 200, 20
_ROUNDS = 3
_IDLE_SECONDS = 5.0
_ALONE = "alone (SQLite, no Valkey)"


@dataclass(slots=True)
class Field:
    """Some nodes with all sockets spread over them, which take turns with others."""

    nodes: list[ServerProcess]
    admin: aiohttp.ClientSession
    loads: list[Process]
    delays: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)  # a delivery, by round
    idle_share: list[float] = field(default_factory=list)  # of a core, without events

    def cpu_seconds(self) -> float:
        return sum(sum(psutil.Process(node.pid).cpu_times()[:2]) for node in self.nodes)


async def cookie_of_admin(node: ServerProcess) -> str:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(node.url, cookie_jar=jar, headers={"Origin": node.url}) as browser:
        form = {"username": "admin", "password": PASSWORDS["admin"]}
        async with browser.post("/login", data=form) as response:
            assert response.status == 200
    return "; ".join(f"{each.key}={each.value}" for each in jar)


async def listen(node: ServerProcess, admin: aiohttp.ClientSession, name: str, heard: Callable[[float], None]) -> None:
    async with admin.ws_connect(f"{node.url}/ws/{name}") as socket:
        await socket.send_json({"type": "subscribe", "events": ["bench"]})
        async for message in socket:
            if (content := message.json()).get("type") == "event":
                heard(time.time() - content["data"]["at"])


@asynccontextmanager
async def opened(folder: Path, programs: Path, environ: dict[str, str], count: int) -> AsyncIterator[Field]:
    common = {"JINDU_MAX_CONNECTIONS_PER_USER": "5000", "JINDU_MAX_CONNECTIONS_PER_ADDRESS": "5000"}
    nodes = [ServerProcess(folder / f"{count}-{number}", environ=common | environ) for number in range(count)]
    async with AsyncExitStack() as stack:
        for node in nodes:
            node.data.mkdir(parents=True)
            await asyncio.to_thread(node.start)
            stack.callback(node.kill)
        admin = await stack.enter_async_context(await signed_in(nodes[0], "admin"))
        (folder / f"cookies{count}").write_text(await cookie_of_admin(nodes[0]) + "\n")
        made = Field(nodes, admin, [])
        for number, node in enumerate(nodes):
            load = processes.load(
                programs,
                int(node.url.rpartition(":")[2]),
                path=f"/ws/n{number}-%d",
                cookies=folder / f"cookies{count}",
                pings_by_text=True,
                hello='{"type":"subscribe","events":["bench"]}',
            )
            stack.callback(load.stop)
            made.loads.append(load)
            load.ask("open", (SOCKETS - _ASKED) // count, 0)
        names = [(nodes[number % count], f"asked{number}") for number in range(_ASKED)]
        asked = [asyncio.create_task(listen(node, admin, name, made.delays.append)) for node, name in names]

        async def all_are_there() -> bool:
            async with admin.get("/api/v1/admin/connections", params={"limit": 1}) as response:
                return bool((await response.json())["total"] == SOCKETS)

        await until(all_are_there, seconds=60)
        yield made
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def measure(nodes: Field) -> None:
    """One round: some seconds without events, then as many a second as people would see."""
    before, began = nodes.cpu_seconds(), time.monotonic()
    await asyncio.sleep(_IDLE_SECONDS)
    idle = (nodes.cpu_seconds() - before) / (time.monotonic() - began)
    for load in nodes.loads:
        load.ask("reset")
    heard, before, began = len(nodes.delays), nodes.cpu_seconds(), time.monotonic()
    for number in range(_EVENTS):
        await asyncio.sleep(began + number / _PER_SECOND - time.monotonic())
        async with nodes.admin.post("/api/v1/events/bench", json={"at": time.time()}) as response:
            assert response.ok, await response.text()
    await until(lambda: len(nodes.delays) - heard == _EVENTS * _ASKED, seconds=60, so="all have heard all")
    each = (SOCKETS - _ASKED) // len(nodes.nodes) * _EVENTS
    for load in nodes.loads:
        answer = await asyncio.to_thread(load.ask, "wait", each, 60)
        assert answer["messages"] >= each, answer
    used = nodes.cpu_seconds() - before - idle * (time.monotonic() - began)
    nodes.cpu_us.append(1e6 * used / (_EVENTS * SOCKETS))
    nodes.idle_share.append(idle)


async def test_an_event_to_all_at_one_node_two_and_four(programs: Path, tmp_path: Path) -> None:
    valkey = ValkeyProcess()
    valkey.start()
    shared = {"JINDU_SECRET_KEY": Fernet.generate_key().decode(), "JINDU_BROKER_URL": valkey.url}
    found: dict[str, Field] = {}
    async with AsyncExitStack() as stack:
        stack.callback(valkey.kill)
        found[_ALONE] = await stack.enter_async_context(opened(tmp_path / "alone", programs, {}, 1))
        for count in (1, 2, 4):
            environ = shared | {"JINDU_DATABASE_URL": postgresql.new_database(f"nodes{count}_bench")}
            environ["JINDU_BROKER_URL"] += f"?prefix=bench{count}:"
            found[f"{count}"] = await stack.enter_async_context(opened(tmp_path / "shared", programs, environ, count))
        for _ in range(_ROUNDS):
            for nodes in found.values():
                await measure(nodes)
    told(found)


def told(found: dict[str, Field]) -> None:
    rows, cost, p95 = [], {}, {}
    for name, nodes in found.items():
        delays = sorted(1000 * each for each in nodes.delays)
        p50, p95[name], p99 = (delays[int(share * (len(delays) - 1))] for share in (0.5, 0.95, 0.99))
        cost[name] = sorted(nodes.cpu_us)[_ROUNDS // 2]
        idle = sorted(nodes.idle_share)[_ROUNDS // 2]
        rows.append((name, f"{cost[name]:.2f}", f"{100 * idle:.1f}", f"{p50:.1f}", f"{p95[name]:.1f}", f"{p99:.1f}"))
    header = ("nodes", "CPU, µs a delivery", "without events, % of a core", "p50 ms", "p95 ms", "p99 ms")
    tables.show(f"{SOCKETS} sockets, {_PER_SECOND} events a second to all of them", header, rows)
    tables.target(f"p95 of four nodes {p95['4']:.0f} ms, at most 50", is_met=p95["4"] <= 50)
    beside = cost["4"] / cost[_ALONE]
    tables.target(f"CPU a delivery {beside:.2f} of a server's that is alone, at most 1.5", is_met=beside <= 1.5)
    linear = {count: cost["1"] / cost[count] for count in ("2", "4")}
    text = ", ".join(f"{count} nodes {share:.2f}" for count, share in linear.items())
    tables.target(f"deliveries by CPU beside one node: {text}, at least 0.9", is_met=min(linear.values()) >= 0.9)
