"""The job machinery, and the worker processes that heavy work runs in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from server.app.live import LIVE, REALTIME, build_live, build_realtime
from server.app.resources import meanwhile
from server.http import keys
from server.jobs import external as external_jobs
from server.jobs.demonstration import demonstrate
from server.jobs.external import ExternalJobs
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.life import JobLife
from server.jobs.runner import JobRunner
from server.jobs.saver import ProgressSaver
from server.jobs.shared_workers import SharedWorkers
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.jobs.turns import Turns
from server.jobs.workers import WorkerPool, processor_count
from server.operations.connections import ConnectionOperations
from server.operations.events import EventOperations
from server.operations.external_jobs import ExternalJobOperations
from server.operations.jobs import JobOperations
from server.operations.notifications import NotificationOperations
from server.settings import Settings

_LEAST_INTERACTIVE = 4  # one user may occupy two; two users leave one for a third
WORKER_PRELOAD = ("server.datasets.conversion", "server.reports.rendering")  # slow to import: once, not per process


def add_jobs(app: web.Application) -> None:
    """The job machinery, its worker processes, and the live layer that jobs speak through; kinds are added later."""
    settings, database = app[keys.SETTINGS], app[keys.DATABASE]
    heavy_slots = settings.workers or processor_count()
    table, store = JobTable(), JobStore(database)
    realtime = build_realtime(settings, database=database)
    live = build_live(
        realtime,
        database=database,
        languages=app[keys.LANGUAGES],
        table=table,
        store=store,
        endings=app[keys.CREDENTIALS].endings,
    )
    app[REALTIME], app[LIVE] = realtime, live
    workers = job_workers(settings, heavy_slots)
    interactive = shared_workers(
        settings,
        size=settings.interactive_workers or max(_LEAST_INTERACTIVE, processor_count()),
        per_user=settings.interactive_workers_per_user,
        niceness=5,  # behind the server itself: what it answers to others must not wait for this
    )
    kinds = JobKinds(
        [JobKind(name="demonstration", unit="steps", function=demonstrate, heavy=False), external_jobs.KIND]
    )
    saver = ProgressSaver(store=store, table=table)
    life = JobLife(
        database=database, table=table, store=store, saver=saver, on_life_change=live.announcing.on_life_change
    )
    external = ExternalJobs(life=life, silence_seconds=settings.external_job_silence_seconds)
    runner = JobRunner(
        life=life,
        kinds=kinds,
        workers=workers,
        heavy_slots=heavy_slots,
        max_attempts=settings.job_attempts,
        drain_seconds=settings.drain_seconds,
        notify=live.notices.notify,
        room=app[keys.ROOM],
        quotas=app[keys.QUOTAS],
        jobs_per_user=settings.jobs_per_user,
    )
    app[keys.JOB_KINDS], app[keys.JOB_TABLE], app[keys.JOB_STORE], app[keys.RUNNER] = kinds, table, store, runner
    app[keys.EXTERNAL] = external
    app[keys.WORKERS], app[keys.INTERACTIVE] = workers, interactive
    manager, announcing, notices = realtime.manager, live.announcing, live.notices
    app[keys.CONNECTIONS], app[keys.HISTORY] = manager, realtime.history
    app[keys.ANNOUNCING], app[keys.NOTICES], app[keys.JOB_MESSAGES] = announcing, notices, live.job_messages
    app[keys.JOBS] = JobOperations(database=database, runner=runner, external=external, table=table, store=store)
    app[keys.EXTERNAL_JOBS] = ExternalJobOperations(
        external=external,
        table=table,
        store=store,
        jobs_per_user=settings.external_jobs_per_user,
        updates_per_second=settings.external_updates_per_second,
    )
    app[keys.EVENTS] = EventOperations(database=database, manager=manager, announcing=announcing, notices=notices)
    app[keys.NOTIFICATIONS] = NotificationOperations(database=database, languages=app[keys.LANGUAGES], notices=notices)
    app[keys.PRESENCE] = ConnectionOperations(
        database=database, manager=manager, announcing=announcing, notices=notices
    )
    app[keys.STATISTICS].update(jobs=runner.statistics, external_jobs=external.statistics)
    app[keys.STATISTICS].update(workers=workers.statistics, interactive=interactive.statistics)


def job_workers(settings: Settings, heavy_slots: int) -> SharedWorkers:
    """One process more than one user's jobs may occupy: it is for somebody who has none."""
    pool = WorkerPool(size=heavy_slots + 1, memory_mib=settings.worker_memory_mib, preload=WORKER_PRELOAD)
    return SharedWorkers(pool, Turns(places=heavy_slots + 1, per_user=heavy_slots))


def shared_workers(
    settings: Settings, *, size: int, per_user: int, niceness: int, patience_seconds: float | None = None
) -> SharedWorkers:
    """Processes for what people wait for, and the turns they take at them."""
    pool = WorkerPool(size=size, memory_mib=settings.worker_memory_mib, niceness=niceness, preload=WORKER_PRELOAD)
    turns = Turns(
        places=size,
        per_user=per_user,
        waiting_per_user=settings.interactive_waiting_per_user,
        patience_seconds=patience_seconds or settings.interactive_wait_seconds,
    )
    return SharedWorkers(pool, turns)


@asynccontextmanager
async def open_jobs(app: web.Application) -> AsyncIterator[None]:
    runner, external = app[keys.RUNNER], app[keys.EXTERNAL]
    await runner.open()
    await external.open()
    async with meanwhile(external.watch()):
        yield
    external.close()  # before the runner's end, which stores what was last said
    await runner.drain(app[keys.READINESS].hurry)
    await asyncio.gather(app[keys.WORKERS].close(), app[keys.INTERACTIVE].close())
