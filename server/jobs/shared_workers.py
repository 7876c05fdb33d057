"""Worker processes that users take turns at: for their jobs, and for what somebody waits for at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.jobs.turns import Turns
from server.jobs.workers import OnReport, WorkerFunction, WorkerPool


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedWorkersStatistics:
    """`expected_seconds` is how long somebody who comes now would wait."""

    size: int
    busy: int
    started: int
    died: int
    waiting: int
    expected_seconds: float


class SharedWorkers:
    """Nothing that a user wrote is read or computed in the server itself: it is handed in here."""

    def __init__(self, pool: WorkerPool, turns: Turns) -> None:
        self._pool = pool
        self._turns = turns

    async def run(
        self,
        user_id: str,
        function: WorkerFunction,
        argument: Any,
        *,
        on_report: OnReport | None = None,
        timeout_seconds: float | None = None,
    ) -> Any:
        """See `WorkerPool.run` and `Turns.take`; the time limit counts from when it is the user's turn."""
        async with self._turns.take(user_id):
            return await self._pool.run(function, argument, on_report=on_report, timeout_seconds=timeout_seconds)

    def statistics(self) -> SharedWorkersStatistics:
        workers, turns = self._pool.statistics(), self._turns.statistics()
        return SharedWorkersStatistics(
            size=workers.size,
            busy=workers.busy,
            started=workers.started,
            died=workers.died,
            waiting=turns.waiting,
            expected_seconds=turns.expected_seconds,
        )

    async def close(self) -> None:
        await self._pool.close()
