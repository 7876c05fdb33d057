"""Availability by time: each second that nobody was up has its outage, and what was planned stands apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from server.monitoring.uptime import (
    Gap,
    GapKind,
    Heartbeat,
    Run,
    RunEnding,
    availability,
    end_with_backup,
    forget_runs,
    last_runs,
    runs_since,
)
from server.storage.database import Database
from server.storage.tables import server_runs

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def run(begin: float, end: float, ending: RunEnding | None = None, *, node: str = "a") -> Run:
    return Run(node=node, version="1", started_at=at(begin), seen_at=at(end), ending=ending)


def test_what_lives_is_up_from_its_start_on() -> None:
    found = availability([run(0, 60)], at(-1_000), at(60))
    assert (found.share, found.known_seconds, found.gaps) == (1.0, 3_600, ())


@pytest.mark.parametrize(("begin", "is_whole"), [(-1_000, False), (-0.1, False), (0, True), (30, True)])
def test_what_is_known_of_less_than_the_time_says_since_when(begin: float, is_whole: bool) -> None:
    found = availability([run(0, 60)], at(begin), at(60))
    assert (found.known_since, found.is_whole) == (at(max(begin, 0)), is_whole)
    nothing = availability([], at(begin), at(60))
    assert (nothing.known_since, nothing.is_whole) == (None, False)


def test_a_crash_is_down_until_the_next_start() -> None:
    found = availability([run(0, 30), run(36, 60)], at(0), at(60))
    assert found.gaps == (Gap(begin=at(30), end=at(36), kind=GapKind.DOWN),)
    assert found.share == pytest.approx(0.9)


def test_an_orderly_stop_is_planned_and_counts_neither_way() -> None:
    found = availability([run(0, 30, RunEnding.STOPPED), run(40, 60)], at(0), at(60))
    assert (found.share, found.planned_seconds, found.down_seconds) == (1.0, 600, 0)


def test_a_frozen_process_was_down_though_it_never_ended() -> None:
    found = availability([run(0, 30, RunEnding.SILENT), run(33, 60)], at(0), at(60))
    assert (found.down_seconds, found.share) == (180, pytest.approx(0.95))


def test_the_last_crash_counts_up_to_now() -> None:
    assert availability([run(0, 30)], at(0), at(60)).share == pytest.approx(0.5)
    assert availability([run(0, 59.8)], at(0), at(60)).share == 1.0  # its next beat may still come


def test_only_what_no_node_served_is_a_gap() -> None:
    runs = [run(0, 30), run(20, 45, node="b"), run(44, 60), run(5, 10, RunEnding.STOPPED, node="c")]
    assert availability(runs, at(0), at(60)).share == 1.0


def test_only_the_part_within_the_time_counts() -> None:
    runs = [run(0, 10), run(20, 60)]
    assert availability(runs, at(15), at(60)).down_seconds == 300
    assert availability(runs, at(25), at(60)).share == 1.0


def test_of_nothing_nothing_is_claimed() -> None:
    assert availability([], at(0), at(60)).share is None
    assert availability([run(60, 60)], at(0), at(60)).share is None


def test_a_clock_that_went_back_makes_no_more_than_all() -> None:
    runs = [run(0, 50, RunEnding.SILENT), run(10, 60)]
    assert availability(runs, at(0), at(60)).share == 1.0


def test_what_a_clock_skips_that_is_set_never_was() -> None:
    found = availability([run(0, 30, RunEnding.CLOCK_SET), run(90, 120)], at(0), at(120))
    assert (found.share, found.known_seconds, found.gaps) == (1.0, 3_600, ())
    crashed = availability([run(0, 30, RunEnding.CLOCK_SET), run(90, 100), run(106, 120)], at(0), at(120))
    assert (crashed.down_seconds, crashed.known_seconds) == (360, 3_600)


async def test_of_the_time_after_a_backup_that_was_restored_nobody_knows(database: Database) -> None:
    async with database.write() as connection:
        for minute in (0, 20):  # the first one crashed and stays so
            await Heartbeat(node="a", version="1").begin(connection, at(minute))
        await end_with_backup(connection, at(20.1))
        await Heartbeat(node="b", version="1").begin(connection, at(500))
        runs = await runs_since(connection, at(0))
    assert [one.ending for one in runs] == [None, RunEnding.RESTORED, None]
    found = availability(runs, at(0), at(500))
    assert (found.down_seconds, found.known_seconds) == (1_200, 1_200)


async def test_beats_keep_a_run_alive_and_a_long_silence_ends_it(database: Database) -> None:
    minutes = [0.0]
    heart = Heartbeat(node="a", version="1", passed=lambda: 60 * minutes[-1])
    beats = [
        (0.2, 0.2),
        (0.6, 0.6),
        (10, 10),  # asleep meanwhile
        (9, 10.1),  # the clock was set back
        (9.1, 10.2),
        (20, 10.3),  # and forward
        (20.1, 30),  # and back by as much as it was asleep
    ]
    async with database.write() as connection:
        await heart.begin(connection, at(0))
        for shown, passed in beats:
            minutes.append(passed)
            await heart.beat(connection, at(shown))
        await heart.end(connection, at(20.2))
    async with database.read() as connection:
        found = await runs_since(connection, at(-5))
    assert [(each.started_at, each.seen_at, each.ending) for each in found] == [
        (at(0), at(0.6), RunEnding.SILENT),
        (at(9), at(9.1), RunEnding.CLOCK_SET),
        (at(10), at(10), RunEnding.CLOCK_SET),
        (at(20), at(20), RunEnding.SILENT),
        (at(20.1), at(20.2), RunEnding.STOPPED),
    ]


async def test_the_run_before_a_time_says_what_the_gap_was(database: Database) -> None:
    heart = Heartbeat(node="a", version="1")
    async with database.write() as connection:
        await heart.begin(connection, at(0))
        await heart.end(connection, at(0.1))
        await heart.begin(connection, at(50))
    async with database.read() as connection:
        found = availability(await runs_since(connection, at(20)), at(20), at(50))
    assert found.gaps == (Gap(begin=at(20), end=at(50), kind=GapKind.PLANNED),)


async def test_old_runs_are_forgotten(database: Database) -> None:
    heart = Heartbeat(node="a", version="1")
    async with database.write() as connection:
        await heart.begin(connection, at(0))
        await forget_runs(connection, at(1))
        assert await runs_since(connection, at(-10)) == []


async def test_a_worker_serves_nobody_and_two_nodes_cover_for_each_other(database: Database) -> None:
    async with database.write() as connection:
        for role, begin in (("worker", 0), ("web", 0), ("web", 40)):
            heart = Heartbeat(node=f"{role}{begin}", version="1", role=role, passed=lambda: 0.0)
            await heart.begin(connection, at(begin))
        await connection.execute(update(server_runs).where(server_runs.c.node == "web0").values(seen_at=at(30)))
        for node in ("worker0", "web40"):
            await connection.execute(update(server_runs).where(server_runs.c.node == node).values(seen_at=at(60)))
        runs = await runs_since(connection, at(35))
    assert {run.node for run in runs} == {"web0", "worker0", "web40"}
    found = availability(runs, at(35), at(60))
    assert [(gap.begin, gap.end) for gap in found.gaps] == [(at(35), at(40))]
    assert {node: run.seen_at for node, run in last_runs(runs).items()}["web0"] == at(30)
