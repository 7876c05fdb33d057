"""The job machinery, and the worker processes that heavy work runs in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from server.http import keys
from server.jobs.demonstration import demonstrate
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.runner import JobRunner
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.jobs.workers import WorkerPool, processor_count
from server.live import Live
from server.operations.connections import ConnectionOperations
from server.operations.events import EventOperations
from server.operations.jobs import JobOperations
from server.operations.notifications import NotificationOperations
from server.realtime.history import History
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from server.settings import Settings

WORKER_PRELOAD = ("server.datasets.conversion", "server.reports.rendering")  # slow to import: once, not per process


def add_jobs(app: web.Application) -> None:
    """The job machinery, its worker processes, and the live layer that jobs speak through; kinds are added later."""
    settings, database = app[keys.SETTINGS], app[keys.DATABASE]
    heavy_slots = settings.workers or processor_count()
    table, store = JobTable(), JobStore(database)
    history = History(database, keep_messages=settings.history_messages, keep_days=settings.history_days)
    manager = ConnectionManager(_live_limits(settings))
    live = Live(
        manager=manager, history=history, database=database, table=table, store=store, languages=app[keys.LANGUAGES]
    )
    memory_mib = settings.worker_memory_mib
    workers = WorkerPool(size=heavy_slots, memory_mib=memory_mib, preload=WORKER_PRELOAD)
    interactive = WorkerPool(size=1, memory_mib=memory_mib, niceness=0, preload=WORKER_PRELOAD)
    kinds = JobKinds([JobKind(name="demonstration", unit="steps", function=demonstrate, heavy=False)])
    runner = JobRunner(
        database=database,
        kinds=kinds,
        table=table,
        store=store,
        workers=workers,
        heavy_slots=heavy_slots,
        max_attempts=settings.job_attempts,
        drain_seconds=settings.drain_seconds,
        notify=live.notify,
        on_life_change=live.on_life_change,
    )
    app[keys.JOB_KINDS], app[keys.JOB_TABLE], app[keys.JOB_STORE], app[keys.RUNNER] = kinds, table, store, runner
    app[keys.WORKERS], app[keys.INTERACTIVE] = workers, interactive
    app[keys.CONNECTIONS], app[keys.HISTORY], app[keys.LIVE] = manager, history, live
    app[keys.JOBS] = JobOperations(database=database, runner=runner, table=table, store=store)
    app[keys.EVENTS] = EventOperations(database=database, live=live)
    app[keys.NOTIFICATIONS] = NotificationOperations(database=database, languages=app[keys.LANGUAGES], live=live)
    app[keys.PRESENCE] = ConnectionOperations(database=database, manager=manager, live=live)
    app[keys.STATISTICS].update(jobs=runner.statistics, workers=workers.statistics, interactive=interactive.statistics)


def _live_limits(settings: Settings) -> LiveLimits:
    return LiveLimits(
        connections=settings.max_connections,
        connections_per_user=settings.max_connections_per_user,
        connections_per_address=settings.max_connections_per_address,
        unauthenticated=settings.max_unauthenticated_connections,
        unauthenticated_per_address=settings.max_unauthenticated_connections_per_address,
        message_bytes=settings.max_message_bytes,
        messages_per_second=settings.messages_per_second,
        message_burst=settings.message_burst,
        unsent_bytes=settings.max_unsent_bytes,
        subscriptions=settings.max_subscriptions,
        event_name_length=settings.max_event_name_length,
        ping_interval_seconds=settings.ping_interval_seconds,
        pong_timeout_seconds=settings.pong_timeout_seconds,
        auth_deadline_seconds=settings.auth_deadline_seconds,
    )


@asynccontextmanager
async def open_jobs(app: web.Application) -> AsyncIterator[None]:
    await app[keys.RUNNER].open()
    yield
    await app[keys.RUNNER].drain(app[keys.READINESS].hurry)
    await app[keys.LIVE].close()
    await asyncio.gather(app[keys.WORKERS].close(), app[keys.INTERACTIVE].close())
