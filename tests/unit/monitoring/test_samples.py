"""Figures in the database: found again as they were, summed into longer steps at once, gone when their time is up."""

from __future__ import annotations

import msgspec

from server.monitoring.samples import DAY_SECONDS, SampleStore
from server.storage.database import Database

BEGIN = 1_764_000_000 - 1_764_000_000 % 3_600


def sample(reports: int, connected: int = 1) -> dict[str, object]:
    return {"reports": reports, "connections": [connected, connected, connected, 1]}


async def stored(database: Database, store: SampleStore, step: int) -> dict[int, dict[str, object]]:
    async with database.read() as connection:
        found = await store.between(connection, step, 0, BEGIN + 400 * DAY_SECONDS)
    return {each.at - BEGIN: msgspec.json.decode(each.values) for each in found}


async def test_longer_steps_are_the_sum_of_the_shorter_ones(database: Database) -> None:
    store = SampleStore(kept_days=400)
    async with database.write() as connection:
        for number in range(12):
            await store.add(connection, "a", BEGIN + 10 * number, sample(1, connected=number))
    assert len(await stored(database, store, 10)) == 12
    minutes = await stored(database, store, 60)
    assert minutes[0] == {"reports": 6, "connections": [0, 5, 15, 6]}
    assert minutes[60] == {"reports": 6, "connections": [6, 11, 51, 6]}
    both = {"reports": 12, "connections": [0, 11, 66, 12]}
    assert await stored(database, store, 600) == {0: both}
    assert await stored(database, store, 3_600) == {0: both}


async def test_two_processes_within_a_step_add_up_in_every_step(database: Database) -> None:
    store = SampleStore(kept_days=400)
    async with database.write() as connection:
        await store.add(connection, "a", BEGIN, sample(2))
        await store.add(connection, "a", BEGIN, sample(3))
        await store.add(connection, "a", BEGIN + 20, sample(1))
    for step in (60, 600, 3_600):
        assert (await stored(database, store, step))[0]["reports"] == 6


async def test_nodes_are_kept_apart(database: Database) -> None:
    store = SampleStore(kept_days=400)
    async with database.write() as connection:
        await store.add(connection, "a", BEGIN, sample(2))
        await store.add(connection, "b", BEGIN, sample(3))
        found = await store.between(connection, 60, BEGIN, BEGIN + 60)
    assert [(each.node, msgspec.json.decode(each.values)["reports"]) for each in found] == [("a", 2), ("b", 3)]


async def test_each_step_is_kept_for_its_time(database: Database) -> None:
    store = SampleStore(kept_days=100)
    async with database.write() as connection:
        await store.add(connection, "a", BEGIN, sample(1))
        left = []
        for days in (0.5, 1.5, 8, 61, 101):
            await store.forget(connection, BEGIN + int(days * DAY_SECONDS))
            steps = (10, 60, 600, 3_600)
            left.append([step for step in steps if await store.between(connection, step, BEGIN, BEGIN + 1)])
    assert left == [[10, 60, 600, 3_600], [60, 600, 3_600], [600, 3_600], [3_600], []]


def test_a_chart_takes_the_finest_steps_that_go_back_far_enough() -> None:
    store = SampleStore(kept_days=400)
    spans = (3_600, DAY_SECONDS, 7 * DAY_SECONDS, 90 * DAY_SECONDS)
    assert [store.tier_for(span, most_points=1_500).step_seconds for span in spans] == [10, 60, 600, 3_600]
    assert SampleStore(kept_days=5).tier_for(90 * DAY_SECONDS, most_points=1_500).step_seconds == 3_600
