"""The job machinery: the kinds there are, what runs them, and what listens to jobs that run elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from server.app import engines
from server.app.live import LiveParts
from server.app.resources import meanwhile
from server.app.storage import StorageParts
from server.app.workers import WorkerParts
from server.jobs import demonstration, external_kind
from server.jobs.attempts import Attempts
from server.jobs.external import ExternalJobs
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.life import JobLife
from server.jobs.retry import Retries
from server.jobs.runner import JobRunner
from server.jobs.running_alone import RunsAlone
from server.jobs.saver import ProgressSaver
from server.jobs.standing import Standing
from server.jobs.stillness import Stillness
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.jobs.tallies import JobCounting
from server.settings import Settings
from server.tracing import Tracing

KINDS: tuple[JobKind, ...] = (demonstration.kind(), external_kind.KIND)
"""Those that need no other part of the house: each is its module and its place here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobParts:
    kinds: JobKinds
    table: JobTable
    store: JobStore
    runner: JobRunner
    standing: Standing
    external: ExternalJobs
    stillness: Stillness
    counting: JobCounting
    runs_alone: RunsAlone
    runs_here: bool


def build_jobs(
    settings: Settings,
    *,
    storage: StorageParts,
    workers: WorkerParts,
    table: JobTable,
    store: JobStore,
    live: LiveParts,
    kinds: JobKinds,
    tracing: Tracing,
) -> JobParts:
    counting = JobCounting()
    table.listen(counting.changed)
    saver = ProgressSaver(store=store, table=table)
    queue = engines.queue_for(settings)(
        kinds=kinds, heavy_slots=workers.heavy_slots, max_attempts=settings.job_attempts
    )
    retries = Retries(most=settings.job_retries, first_seconds=settings.job_retry_seconds)
    life = JobLife(
        database=storage.database,
        table=table,
        store=store,
        saver=saver,
        on_life_change=live.announcing.on_life_change,
        enqueue=queue.put,
        growth=storage.growth,
    )
    runner = JobRunner(
        life=life,
        kinds=kinds,
        queue=queue,
        attempts=Attempts(life=life, kinds=kinds, workers=workers.jobs, retries=retries, tracing=tracing),
        drain_seconds=settings.drain_seconds,
        room=storage.room,
        quotas=storage.quotas,
        jobs_per_user=settings.jobs_per_user,
        unfinished=store.count_unfinished if settings.role == "web" else None,
        tracing=tracing,
    )
    return JobParts(
        kinds=kinds,
        table=table,
        store=store,
        runner=runner,
        standing=Standing(life=life, waits=(queue.jobs_waiting, workers.jobs.jobs_waiting)),
        external=ExternalJobs(life=life, silence_seconds=settings.external_job_silence_seconds),
        stillness=life.stillness,
        counting=counting,
        runs_alone=engines.runner_for(settings),
        runs_here=settings.role == "all",
    )


@asynccontextmanager
async def open_jobs(jobs: JobParts, *, hurry: asyncio.Event) -> AsyncIterator[None]:
    """Takes up what earlier processes left. At the end, jobs get some time to finish, unless there is a `hurry`.

    Raises `ConfigurationError` when another node runs them.
    """
    async with jobs.runs_alone.held(_stop_this_process), _open_jobs(jobs, hurry=hurry):
        yield


def _stop_this_process() -> None:
    """What it runs is run elsewhere, too: the sooner it ends the better. Its supervisor starts it anew."""
    os.kill(os.getpid(), signal.SIGTERM)


@asynccontextmanager
async def _open_jobs(jobs: JobParts, *, hurry: asyncio.Event) -> AsyncIterator[None]:
    await jobs.runner.open()
    try:
        watches = [jobs.standing.watch(), jobs.stillness.watch()]
        if jobs.runs_here:
            await jobs.external.open()
            watches.append(jobs.external.watch())
        async with AsyncExitStack() as stack:
            for watch in watches:
                await stack.enter_async_context(meanwhile(watch))
            yield
    finally:
        jobs.external.close()  # before the runner's end, which stores what was last said
        await jobs.runner.drain(hurry)
