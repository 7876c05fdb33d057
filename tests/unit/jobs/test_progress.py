"""The rate of a job: calm, quick to follow a change, and silent before there is anything to tell."""

from __future__ import annotations

import pytest

from server.jobs.progress import RateMeter
from tests.unit.jobs.conftest import Clock


def test_nothing_is_told_before_a_moment_has_passed() -> None:
    clock = Clock()
    meter = RateMeter(clock=clock)
    assert meter.update(100) is None
    clock.now += 0.1
    assert meter.update(200) is None
    clock.now += 0.9
    assert meter.update(500) == 500.0


def test_what_was_done_before_it_began_does_not_count() -> None:
    clock = Clock()
    meter = RateMeter(progress=1_000, clock=clock)
    clock.now += 1
    assert meter.update(1_010) == 10.0


def test_it_follows_a_change_within_seconds_without_jumping() -> None:
    clock = Clock()
    meter = RateMeter(clock=clock)
    progress = 0
    for _ in range(50):
        clock.now += 0.5
        progress += 50
        meter.update(progress)
    clock.now += 0.5
    first = meter.update(progress := progress + 500)
    assert first is not None
    assert 100 < first < 300
    for _ in range(40):
        clock.now += 0.5
        last = meter.update(progress := progress + 500)
    assert last == pytest.approx(1_000, rel=0.05)


def test_a_slow_one_keeps_its_digits() -> None:
    clock = Clock()
    meter = RateMeter(clock=clock)
    clock.now += 300
    assert meter.update(1) == 0.0033
