"""Figures are made at each node while somebody watches them at any."""

from __future__ import annotations

import pytest

from server.auth.permissions import Role
from server.engines.memory_broker import MemoryBroker
from server.realtime import statistics_watch
from server.realtime.broker import EVERYBODY, Hearing
from server.realtime.statistics_watch import STATISTICS, StatisticsWanted, StatisticsWatch
from tests.unit.realtime.people import join, manager_of


async def test_who_watches_here_is_told_to_the_others_who_tell_theirs_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manager, broker = manager_of(), MemoryBroker()
    here, there = StatisticsWatch(manager, broker), StatisticsWatch(manager_of(), MemoryBroker())
    await broker.open(Hearing(receive=there.heard))
    await broker.join(EVERYBODY)
    assert not here.is_wanted()
    assert not there.is_wanted()
    watcher = join(manager, "chief", role=Role.ADMIN)
    assert watcher.connection is not None
    manager.subscribe(watcher.connection, [STATISTICS])
    assert here.is_wanted()
    assert there.is_wanted()
    monkeypatch.setattr(statistics_watch, "_WANTED_SECONDS", 0.0)
    there.heard(StatisticsWanted())
    assert not there.is_wanted()
