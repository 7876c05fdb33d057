"""Worker processes that users take turns at: for their jobs, and for what somebody waits for at this moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from server.errors import WorkTooLarge
from server.jobs.at_work import AtWork, WorkUnderWay
from server.jobs.turns import Turns, Use
from server.jobs.waiting import Waiting
from server.jobs.worker_process import OnReport, WorkerFunction
from server.jobs.workers import WorkerPool
from server.metrics import Histogram, HistogramCounts
from server.tracing import NO_TRACING, Tracing

WORK_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
SHORT_SECONDS = 15.0  # what was thought to be short and takes longer is not: it begins anew among the others
_NO_JOB = Use()
Leave = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedWorkersStatistics:
    """`expected_seconds` is how long somebody who comes now would wait."""

    size: int
    busy: int
    started: int
    died: int
    waiting: int
    expected_seconds: float
    at_work: list[WorkUnderWay]


class SharedWorkers:
    """Nothing that a user wrote is read or computed in the server itself: it is handed in here.

    `quick` are places, with processes of their own in the pool, that only short work may take.
    """

    def __init__(
        self,
        pool: WorkerPool,
        turns: Turns,
        *,
        quick: Turns | None = None,
        short_seconds: float = SHORT_SECONDS,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._pool = pool
        self._tracing = tracing
        self._turns = turns
        self._quick = quick
        self._short_seconds = short_seconds
        self._took = Histogram(WORK_BOUNDS)
        self._at_work = AtWork()

    def took(self) -> HistogramCounts:
        """How long what was asked for took, with the wait for a turn: what people wait for at a page."""
        return self._took.counts()

    async def run(
        self,
        user_id: str,
        function: WorkerFunction,
        argument: Any,
        *,
        on_report: OnReport | None = None,
        timeout_seconds: float | None = None,
        use: Use = _NO_JOB,
        is_short: bool = False,
    ) -> Any:
        """See `WorkerPool.run` and `Turns.take`; the time limit counts from when it is the user's turn."""
        began = time.monotonic()
        name = str(getattr(function, "name", None) or getattr(function, "__name__", "work"))
        try:
            with self._tracing.step(f"worker {name}") as step:
                step.tell(function=name)
                return await self._run(
                    user_id,
                    name,
                    function,
                    argument,
                    on_report=on_report,
                    timeout_seconds=timeout_seconds,
                    use=use,
                    is_short=is_short,
                )
        finally:
            self._took.observe(time.monotonic() - began)

    async def _run(
        self,
        user_id: str,
        name: str,
        function: WorkerFunction,
        argument: Any,
        *,
        on_report: OnReport | None,
        timeout_seconds: float | None,
        use: Use,
        is_short: bool,
    ) -> Any:
        async def work(seconds: float | None) -> Any:
            with self._at_work.doing(name, user_id=user_id, job_id=use.job_id):
                return await self._pool.run(function, argument, on_report=on_report, timeout_seconds=seconds)

        if is_short and self._quick is not None:
            async with _first_turn(self._turns, self._quick, user_id, use) as turns:
                is_quick = turns is self._quick
                try:
                    return await work(self._short_seconds if is_quick else timeout_seconds)
                except WorkTooLarge as error:
                    if not is_quick or error.specific_code != "timed_out":
                        raise
        async with self._turns.take(user_id, use):
            return await work(timeout_seconds)

    def jobs_waiting(self) -> Mapping[str, Waiting]:
        """Jobs that are under way and have no worker at this moment."""
        all_turns = [self._turns] if self._quick is None else [self._quick, self._turns]
        waiting: dict[str, Waiting] = {}
        served: set[str] = set()
        for turns in all_turns:
            waiting |= turns.jobs_waiting()
            served |= turns.jobs_served()
        return {job_id: found for job_id, found in waiting.items() if job_id not in served}

    def statistics(self) -> SharedWorkersStatistics:
        workers, turns = self._pool.statistics(), self._turns.statistics()
        return SharedWorkersStatistics(
            size=workers.size,
            busy=workers.busy,
            started=workers.started,
            died=workers.died,
            waiting=turns.waiting,
            expected_seconds=turns.expected_seconds,
            at_work=self._at_work.now(),
        )

    async def close(self) -> None:
        await self._pool.close()


@asynccontextmanager
async def _first_turn(one: Turns, other: Turns, user_id: str, use: Use) -> AsyncIterator[Turns]:
    """A place at whichever has one first."""
    entries = {asyncio.create_task(turns.enter(user_id, use)): turns for turns in (one, other)}
    won: asyncio.Task[Leave] | None = None
    try:
        await asyncio.wait(entries, return_when=asyncio.FIRST_COMPLETED)
        won = next(task for task in entries if task.done())
    finally:
        for task in entries:
            if task is not won:
                task.add_done_callback(_leave_again)  # it may have come in this very moment
                task.cancel()
    leave = won.result()
    try:
        yield entries[won]
    finally:
        leave()


def _leave_again(entry: asyncio.Task[Leave]) -> None:
    if not entry.cancelled() and entry.exception() is None:
        entry.result()()
