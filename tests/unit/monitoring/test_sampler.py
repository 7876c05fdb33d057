"""A server at work: what it counted is kept, it counts as up, and nothing is lost to a database that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.monitoring.processes import read_processes
from server.monitoring.pulse import Pulse
from server.monitoring.sampler import Sampler
from server.monitoring.samples import SampleStore
from server.monitoring.uptime import Heartbeat, RunEnding, runs_since
from server.storage.database import Database, DatabaseAway
from tests.unit.monitoring.readings import PROCESS, Parts

NOW = 1_764_000_005.0


class Away:
    """A database that is not always there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_away = False

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        if self.is_away:
            raise DatabaseAway
        async with self._database.write() as connection:
            yield connection


class House:
    def __init__(self, database: Database, data: Path) -> None:
        self.parts, self.now, self.database = Parts(), NOW, Away(database)
        self.store = SampleStore(kept_days=400)
        self.sampler = Sampler(
            database=self.database,
            store=self.store,
            heartbeat=Heartbeat(node="a", version="1"),
            sources=self.parts.sources,
            kept_days=400,
            pulse=Pulse(data / "alive"),
            clock=lambda: self.now,
            slow_sources={"process": lambda: PROCESS},
        )

    async def reports(self, database: Database) -> dict[int, int]:
        async with database.read() as connection:
            found = await self.store.between(connection, 10, 0, 2_000_000_000)
        return {each.at: msgspec.json.decode(each.values)["messages_sent"] for each in found}


async def test_a_run_from_its_start_to_its_orderly_end(database: Database, tmp_path: Path) -> None:
    house = House(database, tmp_path)
    async with house.sampler.running():
        house.parts.manager.traffic.sent["pong"] += 5
        await house.sampler.sample()
        house.now += 20
        house.parts.manager.traffic.sent["pong"] += 1
    assert await house.reports(database) == {1_763_999_990: 5, 1_764_000_020: 1}
    async with database.read() as connection:
        (run,) = await runs_since(connection, datetime.fromtimestamp(0, UTC))
    assert (run.ending, (run.seen_at - run.started_at).total_seconds()) == (RunEnding.STOPPED, 20)


async def test_what_could_not_be_stored_comes_with_the_next(database: Database, tmp_path: Path) -> None:
    house = House(database, tmp_path)
    async with house.sampler.running():
        house.database.is_away = True
        house.parts.manager.traffic.sent["pong"] += 5
        with pytest.raises(DatabaseAway):
            await house.sampler.sample()
        house.database.is_away = False
        house.now += 10
        house.parts.manager.traffic.sent["pong"] += 2
        await house.sampler.sample()
        assert await house.reports(database) == {1_764_000_000: 7}


async def test_a_server_that_cannot_record_its_end_still_ends(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(database, tmp_path)
    async with house.sampler.running():
        house.database.is_away = True
    assert "will count as a crash" in caplog.text


def test_memory_and_processor_time_of_this_process_are_found() -> None:
    found = read_processes()
    assert found.memory_bytes > 10_000_000
    assert found.cpu_seconds > 0
    assert found.worker_memory_bytes >= 0
