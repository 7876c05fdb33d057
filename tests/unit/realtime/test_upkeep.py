"""What the live layer does by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from server.auth.permissions import Role
from server.engines.memory_broker import MemoryBroker
from server.realtime.close_codes import CloseCode
from server.realtime.history import History
from server.realtime.statistics_watch import STATISTICS, StatisticsWatch
from server.realtime.topics import Topics
from server.realtime.upkeep import Upkeep
from server.storage.database import Database
from tests.unit.realtime.people import join, manager_of


@dataclass(frozen=True)
class Figures:
    jobs: int


class House:
    def __init__(self, database: Database) -> None:
        self.manager = manager_of(ping_interval_seconds=0.05, pong_timeout_seconds=0.05)
        self.published: list[tuple[str, Any]] = []
        history = History(database)
        self.upkeep = Upkeep(
            manager=self.manager,
            history=history,
            topics=Topics(broker=MemoryBroker(), manager=self.manager, forget=history.forget),
            watch=StatisticsWatch(self.manager, MemoryBroker()),
            node="east",
            publish=lambda event, data: self.published.append((event, data)),
            parts={"jobs": lambda: Figures(jobs=3), "plain": lambda: {"plain": 1}},
        )

    @asynccontextmanager
    async def kept_up(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.upkeep.run())
        yield
        running.cancel()
        await asyncio.wait([running])


async def test_whoever_is_silent_is_dropped(database: Database) -> None:
    house = House(database)
    link = join(house.manager, "alice")
    async with house.kept_up(), asyncio.timeout(5):
        while link.closed_with is None:
            await asyncio.sleep(0.005)
    assert link.closed_with is CloseCode.NO_PONG
    assert link.pings


async def test_figures_are_made_for_those_who_watch_them(database: Database) -> None:
    house = House(database)
    async with house.kept_up(), asyncio.timeout(5):
        watcher = join(house.manager, "chief", role=Role.ADMIN)
        assert watcher.connection is not None
        house.manager.subscribe(watcher.connection, [STATISTICS])
        while not house.published:
            await asyncio.sleep(0.005)
    assert house.published[0] == (STATISTICS, {"node": "east", "jobs": {"jobs": 3}, "plain": {"plain": 1}})


async def test_nothing_is_published_when_nobody_watches_and_an_error_ends_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(database)
    is_failing = True
    real = house.manager.sweep

    async def sweep() -> None:
        nonlocal is_failing
        if is_failing:
            is_failing = False
            raise ZeroDivisionError
        await real()

    monkeypatch.setattr(house.manager, "sweep", sweep)
    link = join(house.manager, "alice")
    async with house.kept_up(), asyncio.timeout(5):
        while link.closed_with is None:
            await asyncio.sleep(0.005)
    assert "upkeep failed" in caplog.text
    assert house.published == []
