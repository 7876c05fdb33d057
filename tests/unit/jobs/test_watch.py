"""The watch on a worker: silence and time are told from our own sleep, and from long work without a word."""

from __future__ import annotations

import pytest

from server.jobs.watch import CallWatch, Finding, Signs
from tests.unit.jobs.conftest import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watch(clock: Clock, *, limit: float | None = None, silence: float = 10.0) -> CallWatch:
    return CallWatch(limit_seconds=limit, silence_seconds=silence, look_seconds=1.0, clock=clock)


def looks(watch: CallWatch, clock: Clock, count: int, *, ticks: int = 0, ticks_a_second: int = 0) -> list[Finding]:
    """What was found, looking once a second."""
    found = []
    for second in range(count):
        clock.now += 1.0
        finding = watch.look(Signs(ticks + second * ticks_a_second, is_runnable=False))
        found += [finding] if finding else []
    return found


def test_a_process_that_neither_computes_nor_reports_is_frozen(clock: Clock) -> None:
    assert looks(watch(clock), clock, 10) == []  # the first look finds what it has computed so far
    assert looks(watch(clock), clock, 12)[:1] == [Finding.FROZEN]


def test_a_long_call_that_says_nothing_is_not_frozen(clock: Clock) -> None:
    assert looks(watch(clock), clock, 1_000, ticks_a_second=1) == []


def test_one_that_waits_for_a_core_is_not_frozen(clock: Clock) -> None:
    watching = watch(clock)
    for _ in range(100):
        clock.now += 1.0
        assert watching.look(Signs(7, is_runnable=True)) is None


def test_one_that_reports_is_not_frozen(clock: Clock) -> None:
    watching = watch(clock)
    for _ in range(20):
        assert looks(watching, clock, 8) == []
        watching.heard()


def test_an_endless_loop_meets_its_time_limit(clock: Clock) -> None:
    watching = watch(clock, limit=60.0)
    assert looks(watching, clock, 59, ticks_a_second=100) == []
    assert looks(watching, clock, 1, ticks=10_000) == [Finding.TOO_LONG]


def test_a_night_in_which_the_whole_computer_slept_is_neither_silence_nor_time(clock: Clock) -> None:
    watching = watch(clock, limit=60.0)
    assert looks(watching, clock, 5) == []
    clock.now += 8 * 3600
    assert watching.look(Signs(0, is_runnable=False)) is None
    assert looks(watching, clock, 1, ticks=5) == []


def test_a_short_limit_is_looked_at_in_time() -> None:
    assert CallWatch(limit_seconds=0.2, silence_seconds=10.0).look_seconds == pytest.approx(0.05)
