"""Rules over several nodes on one PostgreSQL: each judged by its own figures, one voice, nothing lost with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert

from server.alerts.store import open_alerts
from server.alerts.watch import EVERY_SECONDS, AlertWatch
from server.app.engines import open_database
from server.monitoring.uptime import Heartbeat
from server.settings import Settings
from server.storage.database import Database
from server.storage.tables import samples
from tests import postgresql
from tests.unit.alerts.night import NOON, add_administrator, mails_in, watching


class Node:
    def __init__(self, house: House, database: Database, name: str, role: str) -> None:
        self.database = database
        self.heart = Heartbeat(node=name, version="1", role=role, passed=lambda: house.now.timestamp())
        self.watch: AlertWatch = watching(database, name, clock=lambda: house.now, known={}, is_alone=False)
        self.figures: dict[str, Any] = {"loop_lag": 1, "broker_away": 0}

    async def sample(self, now: datetime) -> None:
        figures = {name: [value, value, value, 1] for name, value in self.figures.items()}
        at = int(now.timestamp()) - 10
        values = {"node": self.heart.node, "step": 10, "at": at, "figures": msgspec.json.encode(figures)}
        async with self.database.write() as connection:
            await connection.execute(insert(samples).values(values))
            await self.heart.beat(connection, now)


class House:
    """Nodes that beat, count and look at the same moments, of a clock that the test moves."""

    def __init__(self, databases: dict[str, Database]) -> None:
        self.now = NOON
        roles = {"east": "web", "west": "web", "press": "worker"}
        self.nodes = {name: Node(self, database, name, roles[name]) for name, database in databases.items()}

    async def begin(self) -> None:
        await add_administrator(self.nodes["east"].database)
        for node in self.nodes.values():
            async with node.database.write() as connection:
                await node.heart.begin(connection, self.now)

    async def on(self, minutes: float) -> None:
        end = self.now + timedelta(minutes=minutes)
        while self.now < end:
            self.now += timedelta(seconds=EVERY_SECONDS)
            for node in self.nodes.values():
                await node.sample(self.now)
            await asyncio.gather(*(node.watch.look() for node in self.nodes.values()))

    def kill(self, name: str) -> Node:
        return self.nodes.pop(name)

    async def stop(self, name: str) -> None:
        node = self.nodes.pop(name)
        async with node.database.write() as connection:
            await node.heart.end(connection, self.now)

    async def told(self) -> list[str]:
        """The lines that say something, of all mails."""
        mails = await mails_in(next(iter(self.nodes.values())).database)
        return [line[2:] for mail in mails for line in mail.split("\n") if line.startswith("* ")]

    async def firing(self) -> set[tuple[str, str]]:
        async with next(iter(self.nodes.values())).database.read() as connection:
            return {(each.subject.name, each.node) for each in await open_alerts(connection) if each.is_firing}


@pytest.fixture
async def house(worker_id: str) -> AsyncIterator[House]:
    url = postgresql.new_database(f"alerts_{worker_id}")
    async with AsyncExitStack() as stack:
        databases: dict[str, Database] = {}
        for name in ("east", "west", "press"):
            databases[name] = open_database(Settings(database_url=url, database_readers=1, database_writers=1))
            stack.push_async_callback(databases[name].close)
        await databases["east"].migrate()
        house = House(databases)
        await house.begin()
        yield house


async def test_a_slow_node_is_named_and_told_of_once_until_it_is_stopped(house: House) -> None:
    await house.on(2)
    assert await house.told() == []
    house.nodes["west"].figures["loop_lag"] = 5_000
    await house.on(4)
    (told,) = await house.told()
    assert told == "Delay of the server itself at west: 5000 ms, above 1000 ms"
    await house.stop("west")
    await house.on(4)  # messages of one cause are five minutes apart
    _, over = await house.told()
    assert over.startswith("Delay of the server itself at west (above 1000 ms): not watched any more after ")
    assert await house.firing() == set()  # and nobody misses it


async def test_a_node_that_is_killed_is_told_of_and_back_again(house: House) -> None:
    await house.on(1)
    killed = house.kill("west")
    await house.on(2)
    (told,) = await house.told()
    assert told.startswith("No sign of life at west: ")
    house.nodes["west"] = killed
    async with killed.database.write() as connection:
        await killed.heart.begin(connection, house.now)
    await house.on(6)
    _, over = await house.told()
    assert "well again" in over
    assert await house.firing() == set()


async def test_the_node_that_speaks_is_killed_and_another_goes_on_where_it_was(house: House) -> None:
    await house.nodes["press"].watch.look()  # it has the lease
    house.nodes["west"].figures["loop_lag"] = 5_000
    await house.on(4)
    assert len(await house.told()) == 1
    house.kill("press")
    await house.on(4)
    assert [line.split(":")[0] for line in await house.told()] == [
        "Delay of the server itself at west",
        "No sign of life at press",
        "Nobody runs jobs",
    ]
    house.nodes["west"].figures["loop_lag"] = 1
    await house.on(8)
    assert await house.firing() == {("node_gone", "press"), ("jobs_idle", "")}
    assert len(await house.told()) == 4


async def test_a_database_that_was_away_for_all_is_no_node_that_is_gone_and_deaf_ones_are_named(house: House) -> None:
    await house.on(0.5)
    house.now += timedelta(minutes=4)  # nobody could beat
    await house.nodes["west"].watch.look()  # and one looks before the others have been heard of
    for name in ("east", "west"):
        house.nodes[name].figures["broker_away"] = 1
    await house.on(2.5)
    assert await house.firing() == {("availability_24h", ""), ("node_deaf", "east"), ("node_deaf", "west")}
    told = [line.split(":")[0] for line in await house.told()]
    said = "No word of other nodes at "
    assert sorted(told) == ["Available in 24 hours", f"{said}east", f"{said}west"]
