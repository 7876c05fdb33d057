"""The job machinery: the kinds there are, what runs them, and what listens to jobs that run elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.app.live import Live
from server.app.resources import meanwhile
from server.app.storage import Storage
from server.app.workers import Workers
from server.jobs import external as external_jobs
from server.jobs.demonstration import demonstrate
from server.jobs.external import ExternalJobs
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.life import JobLife
from server.jobs.runner import JobRunner
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    kinds: JobKinds
    table: JobTable
    store: JobStore
    runner: JobRunner
    external: ExternalJobs


def build_jobs(
    settings: Settings,
    *,
    storage: Storage,
    workers: Workers,
    table: JobTable,
    store: JobStore,
    live: Live,
    kinds: Iterable[JobKind],
) -> Jobs:
    """`kinds` are those that the parts of the house bring along."""
    known = JobKinds([*_OWN_KINDS, *kinds])
    saver = ProgressSaver(store=store, table=table)
    life = JobLife(
        database=storage.database,
        table=table,
        store=store,
        saver=saver,
        on_life_change=live.announcing.on_life_change,
        growth=storage.growth,
    )
    runner = JobRunner(
        life=life,
        kinds=known,
        workers=workers.jobs,
        heavy_slots=workers.heavy_slots,
        max_attempts=settings.job_attempts,
        drain_seconds=settings.drain_seconds,
        notify=live.notices.notify,
        room=storage.room,
        quotas=storage.quotas,
        jobs_per_user=settings.jobs_per_user,
    )
    external = ExternalJobs(life=life, silence_seconds=settings.external_job_silence_seconds)
    return Jobs(kinds=known, table=table, store=store, runner=runner, external=external)


_OWN_KINDS = (
    JobKind(name="demonstration", unit="steps", function=demonstrate, heavy=False),
    external_jobs.KIND,
)


@asynccontextmanager
async def open_jobs(jobs: Jobs, *, hurry: asyncio.Event) -> AsyncIterator[None]:
    """Takes up what earlier processes left. At the end, jobs get some time to finish, unless there is a `hurry`."""
    await jobs.runner.open()
    try:
        await jobs.external.open()
        async with meanwhile(jobs.external.watch()):
            yield
    finally:
        jobs.external.close()  # before the runner's end, which stores what was last said
        await jobs.runner.drain(hurry)
