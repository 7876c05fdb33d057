"""The interpreter's own cleaning: a little at a time, and all of it while nobody is there."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from server.garbage import collect_when_quiet, is_time
from tests.waiting import until


class Circle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def looks() -> Iterator[list[int]]:
    """The generations that were looked at meanwhile (the tests' process is tuned as a server's is)."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            found.append(info["generation"])

    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)


def test_a_crowd_that_comes_is_never_looked_at_as_a_whole(looks: list[int]) -> None:
    before = gc.get_count()[2]
    crowd: list[list[int]] = [[] for _ in range(200_000)]
    assert 1 in looks
    assert 2 not in looks
    assert gc.get_count()[2] - before >= len(crowd) // 40_000


async def test_circles_that_grew_old_go_while_nobody_is_there() -> None:
    circle = Circle()
    gone = weakref.ref(circle)
    crowd: list[list[int]] = [[] for _ in range(700_000)]  # enough to make it old, and a look worth it
    del circle, crowd
    people = [10_000]
    collecting = asyncio.create_task(collect_when_quiet(lambda: people[0], every_seconds=0.001))
    await asyncio.sleep(0.02)
    assert gone() is not None
    people[0] = 0
    await until(lambda: gone() is None)
    collecting.cancel()


@pytest.mark.parametrize(
    ("second_looks", "connected", "expected"),
    [(19, 0, False), (20, 0, True), (20, 300, True), (1_999, 301, False), (2_000, 19_000, True)],
)
def test_the_more_people_the_later(second_looks: int, connected: int, expected: bool) -> None:
    assert is_time(second_looks=second_looks, connected=connected) is expected
