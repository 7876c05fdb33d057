"""What the runner needs of a queue: it says which of the queued jobs begins next, here or on any other node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from server.jobs.job import Job
from server.jobs.life import JobLife
from server.jobs.waiting import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatistics:
    waiting: int
    heavy_slots: int  # of heavy jobs, so many of one owner run at once


class JobQueue(Protocol):
    """Rows are the truth: whatever a queue remembers besides is lost without harm when its process dies.

    Light jobs begin at once. Heavy ones wait in the line of their lane (`lanes.py`), and no line waits for another. In
    each, owners take turns: whoever has the fewest jobs running is next, and in between whoever waited longest for a
    turn. One owner's jobs begin by their priority, those of the same one in the order in which they were put. None
    begins before its `not_before`.
    """

    async def open(self, life: JobLife, stop: Callable[[str], None]) -> None:
        """Hand out jobs from now on, those of processes that are no more among them.

        `stop` is called with the id of a job that was handed out and must end: somebody cancelled it, or it is no
        longer ours.
        """
        ...

    async def put(self, connection: AsyncConnection, job: Job) -> Callable[[], None]:
        """In the transaction that stores `job` as queued; the result is called right after the commit."""
        ...

    async def next(self) -> Job | None:
        """The job whose turn it is: running, in a new attempt, stored and told. None once the queue is closed.

        It counts as running here until `done`.
        """
        ...

    def done(self, job: Job) -> None:
        """The attempt is over, and its place is free."""
        ...

    async def cancel(self, job: Job) -> None:
        """Its row says that it is cancelled, or should be: it waits no more, and where it runs, `stop` is called."""
        ...

    async def close(self) -> None:
        """Hand out no more; what is just being handed out is, before this returns. What waits stays in its rows."""
        ...

    async def end(self) -> None:
        """After `close`, once nothing that was handed out runs any more."""
        ...

    def jobs_waiting(self) -> Mapping[str, Waiting]:
        """Place, reason and estimate of what waits here, by the job's id."""
        ...

    def statistics(self) -> QueueStatistics: ...
