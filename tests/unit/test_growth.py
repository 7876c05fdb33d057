"""How much one user may have the database keep within a day."""

from __future__ import annotations

from typing import Any

import pytest

from server.errors import RateLimited
from server.storage.growth import Growth, size_of


class Clock:
    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ((), 0),
        (("",), 0),
        ((None, {}, []), 0),
        (("abc",), 3),
        (("中文",), 6),
        (("\ud800",), 1),
        (({"a": "x" * 100},), 108),
        (("ab", [1, 2]), 7),
        (({"a": object},), 24),
    ],
)
def test_a_row_takes_the_bytes_of_its_values(values: tuple[Any, ...], size: int) -> None:
    assert size_of(*values) == size


def test_a_users_bytes_come_back_evenly_and_are_nobody_elses() -> None:
    clock = Clock()
    growth = Growth(bytes_per_day=86_400, clock=clock)
    for _ in range(8):
        growth.charge("alice", "x" * 9_000)
    with pytest.raises(RateLimited) as refused:
        growth.charge("alice", "x" * 9_000)
    wait = refused.value.retry_after_seconds
    assert 3_599 < wait < 3_601
    growth.charge("bob", "x" * 80_000)
    clock.seconds += wait - 1
    with pytest.raises(RateLimited):
        growth.charge("alice", "x" * 9_000)
    clock.seconds += 2
    growth.charge("alice", "x" * 9_000)


def test_what_was_kept_in_any_case_counts_for_what_comes_next() -> None:
    clock = Clock()
    growth = Growth(bytes_per_day=86_400, clock=clock)
    growth.note("alice", "x" * 200_000)
    with pytest.raises(RateLimited):
        growth.charge("alice")
    clock.seconds += 86_400
    with pytest.raises(RateLimited):
        growth.charge("alice")
    clock.seconds += 86_400
    growth.charge("alice")


def test_what_is_larger_than_a_day_has_its_turn_alone() -> None:
    growth = Growth(bytes_per_day=10_000, clock=Clock())
    growth.charge("alice", "x" * 50_000)
    with pytest.raises(RateLimited):
        growth.charge("alice")


def test_no_limit_is_none() -> None:
    growth = Growth(bytes_per_day=0)
    for _ in range(100):
        growth.charge("alice", "x" * 10**6)
