"""Turns: nobody's many requests make somebody else wait for all of them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from server.errors import RateLimited, Unavailable
from server.jobs.turns import Turns, Use
from server.jobs.waiting import Waiting, WaitingFor


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def turns(clock: Clock, *, places: int = 3, per_user: int = 2, waiting: int = 5, patience: float = 30.0) -> Turns:
    return Turns(places=places, per_user=per_user, waiting_per_user=waiting, patience_seconds=patience, clock=clock)


class Visit:
    """Somebody who takes a place and keeps it until told otherwise."""

    def __init__(self, turns: Turns, user: str) -> None:
        self.has_place = asyncio.Event()
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._run(turns, user))

    async def _run(self, turns: Turns, user: str) -> None:
        async with turns.take(user):
            self.has_place.set()
            await self.leave.wait()

    async def end(self) -> None:
        self.leave.set()
        await self.task


async def settled() -> None:
    """Everything that can go on has."""
    for _ in range(10):
        await asyncio.sleep(0)


async def served(*visits: Visit) -> list[bool]:
    await settled()
    return [visit.has_place.is_set() for visit in visits]


async def test_the_last_place_is_for_somebody_who_has_none(clock: Clock) -> None:
    shared = turns(clock, places=3, per_user=3)
    greedy = [Visit(shared, "mallory") for _ in range(5)]
    bob = Visit(shared, "bob")
    assert await served(*greedy, bob) == [True, True, False, False, False, True]
    for visit in (*greedy, bob):
        visit.leave.set()
    await asyncio.gather(*(visit.task for visit in (*greedy, bob)))


async def test_a_single_place_goes_round(clock: Clock) -> None:
    shared = turns(clock, places=1, per_user=1)
    first, second, bob = Visit(shared, "mallory"), Visit(shared, "mallory"), Visit(shared, "bob")
    assert await served(first, second, bob) == [True, False, False]
    await first.end()
    assert await served(second, bob) == [False, True]  # it is bob's turn, though mallory has waited longer
    await bob.end()
    assert await served(second) == [True]
    await second.end()


async def test_nobody_has_more_than_their_share_though_places_are_free(clock: Clock) -> None:
    shared = turns(clock, places=10, per_user=2)
    visits = [Visit(shared, "mallory") for _ in range(4)]
    assert await served(*visits) == [True, True, False, False]
    await visits[0].end()
    assert await served(*visits[1:]) == [True, True, False]
    for visit in visits[1:]:
        visit.leave.set()
    await asyncio.gather(*(visit.task for visit in visits))


async def test_a_long_line_of_one_user_is_refused_and_says_how_long(clock: Clock) -> None:
    shared = turns(clock, places=1, waiting=2)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(shared.take("mallory"))
        waiting = [Visit(shared, "mallory") for _ in range(2)]
        await settled()
        with pytest.raises(RateLimited) as refused:
            async with shared.take("mallory"):
                pass
        assert refused.value.retry_after_seconds > 0
        bob = Visit(shared, "bob")  # others may still wait
        assert await served(bob) == [False]
    assert await served(bob) == [True]
    for visit in (bob, *waiting):
        visit.leave.set()
    await asyncio.gather(bob.task, *(visit.task for visit in waiting))


async def test_whoever_waits_too_long_is_told_how_long_it_still_takes(clock: Clock) -> None:
    shared = turns(clock, places=1, patience=0.01)
    for _ in range(30):  # what people do takes ten seconds each
        async with shared.take("mallory"):
            clock.now += 10
    async with shared.take("mallory"):
        with pytest.raises(Unavailable, match="in about 10 seconds") as refused:
            async with shared.take("bob"):
                pass
    assert refused.value.specific_code == "busy"
    async with shared.take("bob"):
        pass
    assert shared.statistics().waiting == shared.statistics().in_use == 0


async def test_whoever_waits_for_their_own_requests_is_told_so(clock: Clock) -> None:
    shared = turns(clock, places=2, per_user=1, patience=0.01)
    async with shared.take("alice"):
        clock.now += 40
        with pytest.raises(Unavailable, match=r"1 of your requests are under way.*about 40 s") as refused:
            async with shared.take("alice"):
                pass
    assert refused.value.retry_after_seconds == 40


async def test_a_cancelled_wait_leaves_nothing(clock: Clock) -> None:
    shared = turns(clock, places=1)
    holder, gone, bob = Visit(shared, "mallory"), Visit(shared, "alice"), Visit(shared, "bob")
    await settled()
    gone.task.cancel()
    await settled()
    await holder.end()
    assert await served(bob) == [True]
    await bob.end()
    assert shared.statistics().in_use == 0


async def test_a_turn_that_comes_while_the_wait_is_cancelled_goes_to_the_next(clock: Clock) -> None:
    shared = turns(clock, places=1)
    holder, gone, bob = Visit(shared, "mallory"), Visit(shared, "alice"), Visit(shared, "bob")
    await settled()
    holder.leave.set()
    while not holder.task.done():
        await asyncio.sleep(0)
    gone.task.cancel()  # it has the place by now, or is about to
    assert await served(bob) == [True]
    await bob.end()
    assert shared.statistics().in_use == 0


async def test_a_place_that_is_left_in_the_moment_of_a_cancel_goes_to_the_next(clock: Clock) -> None:
    shared = turns(clock, places=1)
    async with shared.take("mallory"):
        gone, bob = Visit(shared, "alice"), Visit(shared, "bob")
        await settled()
        gone.task.cancel()  # it hears of it after the place is free
    assert await served(bob) == [True]
    await bob.end()
    assert gone.task.cancelled()
    assert shared.statistics().in_use == shared.statistics().waiting == 0


async def test_a_job_without_a_worker_is_told_what_it_waits_for(clock: Clock) -> None:
    shared = turns(clock, places=2, per_user=1)
    async with AsyncExitStack() as stack:
        for user in ("alice", "bob"):
            await stack.enter_async_context(shared.take(user, Use(job_id=f"of {user}", kind="batch_report")))
        clock.now += 4
        again = asyncio.create_task(shared.enter("alice", Use(job_id="another", kind="batch_report")))
        carol = asyncio.create_task(shared.enter("carol", Use(job_id="import", kind="data_import")))
        await settled()
        waiting = shared.jobs_waiting()
        assert waiting["import"] == Waiting(
            reason=WaitingFor.WORKER, kind="batch_report", count=1, is_own=False, seconds=2.0
        )
        assert (waiting["another"].is_own, waiting["another"].kind) == (True, "batch_report")
        assert shared.jobs_served() == {"of alice", "of bob"}
        again.cancel()
    (await carol)()
    assert shared.jobs_waiting() == {}


async def test_an_error_gives_the_place_back(clock: Clock) -> None:
    shared = turns(clock, places=1)
    with pytest.raises(ZeroDivisionError):
        async with shared.take("alice"):
            raise ZeroDivisionError
    async with shared.take("bob"):
        assert shared.statistics().in_use == 1
