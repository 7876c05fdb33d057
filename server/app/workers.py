"""The worker processes that heavy work runs in: those of jobs, and those that people wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.jobs.shared_workers import SharedWorkers
from server.jobs.turns import Turns
from server.jobs.workers import WorkerPool, processor_count
from server.settings import Settings
from server.tracing import Tracing

_LEAST_INTERACTIVE = 4  # one user may occupy two; two users leave one for a third
_EXPORT_PATIENCE_SECONDS = 300.0  # who exports a million rows has some; a browser waits as long for its first byte
PRELOADED = (  # slow to import: once, not per process
    "server.datasets.conversion",
    "server.datasets.correcting",
    "server.datasets.differences",
    "server.datasets.export",
    "server.datasets.previewing",
    "server.datasets.profile",
    "server.datasets.reject_files",
    "server.datasets.rows",
    "server.help.reading",
    "server.reports.chart_picture",
    "server.reports.choices",
    "server.reports.combining",
    "server.reports.first_page",
    "server.reports.laying_out",
    "server.reports.ordering",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """No process starts before there is work for it."""

    jobs: SharedWorkers
    interactive: SharedWorkers  # for previews and queries: no page waits behind an import
    exports: SharedWorkers  # of their own: one may take minutes, and neither a page nor a job should wait for it
    heavy_slots: int  # how many heavy jobs run at once


def build_workers(settings: Settings, *, tracing: Tracing) -> WorkerParts:
    heavy_slots = settings.workers or processor_count()
    return WorkerParts(
        jobs=_job_workers(settings, heavy_slots, tracing=tracing),
        interactive=_shared_workers(
            settings,
            size=settings.interactive_workers or max(_LEAST_INTERACTIVE, processor_count()),
            per_user=settings.interactive_workers_per_user,
            # Behind the server itself: what it answers to others must not wait for this.
            niceness=settings.worker_niceness // 2,
            patience_seconds=settings.interactive_wait_seconds,
            tracing=tracing,
        ),
        exports=_shared_workers(
            settings,
            size=settings.export_workers,
            per_user=1,
            niceness=settings.worker_niceness,
            patience_seconds=_EXPORT_PATIENCE_SECONDS,
            tracing=tracing,
        ),
        heavy_slots=heavy_slots,
    )


def _job_workers(settings: Settings, heavy_slots: int, *, tracing: Tracing) -> SharedWorkers:
    """One user's jobs have as many as may run of them at once. There are more for others, started when they are needed.

    Jobs that keep their worker may have one more than that in all (`engines/memory_queue.py`): another is always left
    for those that give theirs back, where a turn comes soon. And one is only for what is short.
    """
    shared, quick = heavy_slots + 2, 1
    return SharedWorkers(
        _pool(settings, size=shared + quick, niceness=settings.worker_niceness),
        Turns(places=shared, per_user=heavy_slots),
        quick=Turns(places=quick, per_user=quick),
        tracing=tracing,
    )


def _pool(settings: Settings, *, size: int, niceness: int) -> WorkerPool:
    return WorkerPool(
        size=size,
        memory_mib=settings.worker_memory_mib,
        niceness=niceness,
        preload=PRELOADED,
        silence_seconds=settings.worker_silence_seconds,
    )


def _shared_workers(
    settings: Settings, *, size: int, per_user: int, niceness: int, patience_seconds: float, tracing: Tracing
) -> SharedWorkers:
    """Processes for what people wait for, and the turns they take at them."""
    turns = Turns(
        places=size,
        per_user=per_user,
        waiting_per_user=settings.interactive_waiting_per_user,
        patience_seconds=patience_seconds,
    )
    return SharedWorkers(_pool(settings, size=size, niceness=niceness), turns, tracing=tracing)


@asynccontextmanager
async def open_workers(workers: WorkerParts) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await asyncio.gather(workers.jobs.close(), workers.interactive.close(), workers.exports.close())
