"""The pace of a job: calm, quick to follow a change, of this attempt alone, and gone when it stands still."""

from __future__ import annotations

import pytest

from server.jobs.progress import Pace
from tests.unit.jobs.conftest import Clock


class Work:
    def __init__(self, *, begins_at: float = 0) -> None:
        self.clock = Clock()
        self.pace = Pace(clock=self.clock)
        self.done = begins_at
        self.pace.moved(begins_at)

    def does(self, amount: float, *, in_seconds: float) -> float | None:
        self.clock.now += in_seconds
        self.done += amount
        return self.pace.moved(self.done)

    @property
    def stands_still(self) -> bool:
        return self.clock.now >= self.pace.still_from


def test_nothing_is_told_before_a_moment_has_passed() -> None:
    work = Work()
    assert work.does(100, in_seconds=0.1) is None
    assert work.does(400, in_seconds=0.9) == 500.0


def test_what_was_done_before_the_first_number_says_nothing() -> None:
    work = Work(begins_at=900)
    assert work.pace.rate is None
    assert work.does(10, in_seconds=10) is None or work.pace.rate == 1.0
    assert work.does(10, in_seconds=10) == 1.0


def test_it_follows_a_change_within_seconds_without_jumping() -> None:
    work = Work()
    for _ in range(50):
        work.does(50, in_seconds=0.5)
    first = work.does(500, in_seconds=0.5)
    assert first is not None
    assert 100 < first < 300
    for _ in range(40):
        last = work.does(500, in_seconds=0.5)
    assert last == pytest.approx(1_000, rel=0.05)


def test_fast_work_stands_still_after_five_seconds_and_slow_work_after_five_of_its_steps() -> None:
    fast, slow = Work(), Work()
    for _ in range(20):
        fast.does(10, in_seconds=0.1)
        slow.does(1, in_seconds=30)
    fast.clock.now += 4.9
    slow.clock.now += 149
    assert (fast.stands_still, slow.stands_still) == (False, False)
    fast.clock.now += 0.2
    slow.clock.now += 2
    assert (fast.stands_still, slow.stands_still) == (True, True)


def test_after_a_standstill_the_pace_is_found_anew_without_the_time_it_stood() -> None:
    work = Work()
    for _ in range(50):
        work.does(10, in_seconds=0.1)
    assert work.does(1, in_seconds=120) is None
    assert work.does(100, in_seconds=1) == 100.0


def test_work_that_becomes_slow_is_not_taken_for_standing_still_for_ever() -> None:
    work = Work()
    for _ in range(50):
        work.does(10, in_seconds=0.1)
    work.does(1, in_seconds=20)
    work.clock.now += 20
    assert not work.stands_still
    assert work.does(1, in_seconds=0) == 0.05


def test_a_slow_one_keeps_its_digits() -> None:
    work = Work()
    work.does(1, in_seconds=300)
    assert work.does(1, in_seconds=300) == 0.0033
