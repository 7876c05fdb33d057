"""Who is next, as a plain rule: turns, shares, and the last free place."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from server.jobs.fair_queue import FairQueue


def filled(*waiting: str) -> FairQueue:
    queue = FairQueue()
    for number, owner in enumerate(waiting):
        queue.push(owner, f"{owner}{number}")
    return queue


def pop(queue: FairQueue, running: Counter[str] | None = None) -> str | None:
    found = queue.pop(running or Counter(), places=3, per_owner=2)
    return found[1] if found else None


def test_each_owner_has_a_turn_before_anybody_has_a_second() -> None:
    queue = filled("a", "a", "a", "b", "c")
    assert [pop(queue) for _ in range(5)] == ["a0", "b3", "c4", "a1", "a2"]
    assert pop(queue) is None


def test_nobody_has_more_than_their_share() -> None:
    queue = filled("a", "b")
    assert queue.pop(Counter(a=2, b=2), places=9, per_owner=2) is None


def test_the_last_place_is_for_somebody_who_has_none() -> None:
    queue = filled("a", "b")
    assert pop(queue, Counter(a=1, b=1)) is None
    assert pop(queue, Counter(a=2)) == "b1"
    assert pop(queue, Counter(a=2, b=1)) is None


def test_what_was_taken_out_is_not_handed_out() -> None:
    queue = filled("a", "a")
    assert queue.remove("a", "a0")
    assert not queue.remove("a", "a0")
    assert not queue.remove("nobody", "a1")
    assert (len(queue), pop(queue), len(queue)) == (1, "a1", 0)


def test_a_cleared_queue_is_empty() -> None:
    queue = filled("a", "b")
    queue.clear()
    assert (len(queue), pop(queue)) == (0, None)


def test_a_rank_orders_ones_own_and_nobody_else_waits_longer_for_it() -> None:
    queue = filled("a", "b")
    queue.push("b", "b-first", rank=2)
    queue.push("a", "a-last", rank=-1)
    assert [pop(queue) for _ in range(4)] == ["b-first", "a0", "b1", "a-last"]


def test_the_order_of_all_that_wait_is_that_in_which_they_are_handed_out() -> None:
    queue = filled("a", "a", "a", "b", "c", "b")
    expected = [job_id for _, job_id in queue.in_order(Counter(), at_most=99)]
    running: Counter[str] = Counter()
    handed = []
    while found := queue.pop(running, places=99, per_owner=99):
        running[found[0]] += 1
        handed.append(found[1])
    assert handed == expected
    assert [job_id for _, job_id in filled("a", "a", "b").in_order(Counter(), at_most=2)] == ["a0", "b2"]


@given(st.lists(st.sampled_from("abcd"), max_size=40), st.integers(1, 4))
def test_everything_is_handed_out_once_and_in_each_owners_order(waiting: list[str], slots: int) -> None:
    queue = filled(*waiting)
    handed: list[tuple[str, str]] = []
    running: Counter[str] = Counter()
    while len(queue):
        while found := queue.pop(running, places=slots + 1, per_owner=slots):
            handed.append(found)
            running[found[0]] += 1
            assert running.total() <= slots + 1
            assert max(running.values()) <= slots
        running = Counter()
    expected = [(owner, f"{owner}{number}") for number, owner in enumerate(waiting)]
    assert sorted(handed) == sorted(expected)
    for owner in set(waiting):
        assert [each for each in handed if each[0] == owner] == [each for each in expected if each[0] == owner]
