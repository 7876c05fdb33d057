"""The job machinery: the kinds there are, what runs them, and what listens to jobs that run elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from server.app import engines
from server.app.live import LiveParts
from server.app.monitoring import node_name
from server.app.resources import meanwhile
from server.app.storage import StorageParts
from server.app.workers import WorkerParts
from server.jobs import demonstration, external_kind
from server.jobs.attempts import Attempts
from server.jobs.away import Patience
from server.jobs.external import ExternalJobs
from server.jobs.external_alone import ScriptsAlone
from server.jobs.external_among_nodes import ScriptsAmongNodes
from server.jobs.external_shared import SharedScripts
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.life import REVISIONS_LOST, JobLife
from server.jobs.retry import Retries
from server.jobs.runner import JobRunner
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
    is_shared, node = engines.may_be_many(settings), node_name(settings)
    away_seconds = 3_600 * settings.job_away_hours
    queue = engines.queue_for(settings, storage.database, node=node)(
        kinds=kinds,
        heavy_slots=workers.heavy_slots,
        max_attempts=settings.job_attempts,
        patience=Patience(seconds=away_seconds, files_away=storage.files.is_away),
    )
    if is_shared:
        table.waits_by(queue.jobs_waiting)
    retries = Retries(most=settings.job_retries, first_seconds=settings.job_retry_seconds, away_seconds=away_seconds)
    life = JobLife(
        database=storage.database,
        table=table,
        store=store,
        saver=saver,
        on_life_change=live.announcing.on_life_change,
        enqueue=queue.put,
        growth=storage.growth,
        revisions_unseen=REVISIONS_LOST if is_shared else 0,
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
        unfinished=store.count_unfinished if is_shared else None,
        tracing=tracing,
    )
    return JobParts(
        kinds=kinds,
        table=table,
        store=store,
        runner=runner,
        standing=Standing(life=life, waits=(queue.jobs_waiting, workers.jobs.jobs_waiting)),
        external=_external(life, settings, engines.scripts_for(settings, storage.database, node=node)),
        stillness=life.stillness,
        counting=counting,
    )


def _external(life: JobLife, settings: Settings, shared: SharedScripts | None) -> ExternalJobs:
    silence_seconds = settings.external_job_silence_seconds
    if shared is None:
        return ScriptsAlone(life=life, silence_seconds=silence_seconds)
    return ScriptsAmongNodes(life=life, shared=shared, silence_seconds=silence_seconds)


@asynccontextmanager
async def open_jobs(jobs: JobParts, *, hurry: asyncio.Event) -> AsyncIterator[None]:
    """Takes up what earlier processes left. At the end, jobs get some time to finish, unless there is a `hurry`."""
    await jobs.runner.open()
    try:
        await jobs.external.open()
        async with AsyncExitStack() as stack:
            for watch in (jobs.standing.watch(), jobs.stillness.watch(), jobs.external.watch()):
                await stack.enter_async_context(meanwhile(watch))
            yield
    finally:
        jobs.external.close()  # before the runner's end, which stores what was last said
        await jobs.runner.drain(hurry)
