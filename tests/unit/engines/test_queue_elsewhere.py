"""The queue of a node that runs no jobs: nothing comes from it, and it is waited for the end of what is cancelled."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from server.clock import utc_now
from server.engines.queue_elsewhere import QueueElsewhere
from server.errors import NotFound
from server.jobs.job import Job, State

JOB = Job(id="j", kind="k", owner_id="alice", title="t", unit="rows", created_at=utc_now(), revision=1)


async def opened(*answers: Job | Exception) -> QueueElsewhere:
    left = list(answers)

    async def find(job_id: str) -> Job:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    queue, life = QueueElsewhere(), SimpleNamespace(find=find)
    stand_in: Any = life
    await queue.open(stand_in, lambda job_id: None)
    return queue


async def test_nothing_comes_from_it_until_it_is_closed() -> None:
    queue = await opened()
    next_one = asyncio.create_task(queue.next())
    await asyncio.sleep(0)
    assert not next_one.done()
    await queue.close()
    assert await next_one is None
    assert (queue.jobs_waiting(), queue.statistics().waiting) == ({}, 0)


async def test_whoever_cancels_waits_until_it_is_over_or_gone() -> None:
    await (await opened(JOB, JOB.evolve(state=State.CANCELLED))).cancel(JOB)
    await (await opened(JOB, NotFound())).cancel(JOB)
