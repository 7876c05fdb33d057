"""What there is: every part of the house, without any web application around it."""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from server.app.accounts import AuthParts, build_auth, open_accounts
from server.app.alerts import AlertParts, build_alerts, open_alerts
from server.app.belonging import BelongingParts, build_belonging, open_belonging
from server.app.channels import build_notice_mails, build_push
from server.app.chores import ChoreParts, build_chores, open_chores
from server.app.datasets import DatasetParts, build_datasets
from server.app.deliveries import build_deliveries
from server.app.engines import may_be_many
from server.app.jobs import KINDS, JobParts, build_jobs, open_jobs
from server.app.live import LiveParts, RealtimeParts, build_live, build_realtime, open_live
from server.app.monitoring import MonitoringParts, build_monitoring
from server.app.operations import build_operations
from server.app.reports import ReportParts, build_reports, open_reports
from server.app.resources import meanwhile
from server.app.retention import build_retention
from server.app.storage import StorageParts, build_storage, open_history, open_storage
from server.app.telemetry import TelemetryParts, build_telemetry, open_telemetry
from server.app.uploads import UploadParts, build_uploads, open_uploads
from server.app.workers import WorkerParts, build_workers, open_workers
from server.auth.passwords import Passwords
from server.base_path import BasePath
from server.jobs.kinds import JobKinds
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.live.jobs_watched import JobsElsewhere, JobsHere, LiveJobs
from server.metrics import LoopLag
from server.operations.offered import Operations
from server.places import LOCALES
from server.settings import Settings
from server.storage.privacy import make_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Made by `build_parts`, usable as long as `open` lasts.

    Nothing below gets hold of this: each object was handed what it needs when it was made. It is for whoever drives
    the house from outside: the web application, a worker, the command line, tests.
    """

    settings: Settings
    languages: Languages
    storage: StorageParts
    belonging: BelongingParts
    auth: AuthParts
    workers: WorkerParts
    realtime: RealtimeParts
    live: LiveParts
    watched_jobs: LiveJobs
    jobs: JobParts
    uploads: UploadParts
    datasets: DatasetParts
    reports: ReportParts
    operations: Operations
    chores: ChoreParts
    loop_lag: LoopLag
    statistics: dict[str, Callable[[], object]]  # a part's `statistics` by its name; what is built on top adds its own
    counts: dict[str, Callable[[], object]]  # the same, of those that are told by their history alone
    monitoring: MonitoringParts
    telemetry: TelemetryParts
    alerts: AlertParts
    hurry: asyncio.Event  # set when whoever stops the server has no more patience

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Parts]:
        """Opens what must be, in this order; it is closed in the reverse one, whatever fails meanwhile."""
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            await enter(meanwhile(self.loop_lag.watch()))
            await enter(open_telemetry(self.telemetry))
            is_cut = await enter(open_storage(self.settings, self.storage))
            await enter(open_belonging(self.belonging))  # first: who is no part of it changes nothing
            await enter(open_history(self.realtime.history, is_cut=is_cut))
            await enter(open_accounts(self.settings, self.auth.credentials, self.operations.first_run))
            await enter(open_uploads(self.uploads.sweep))
            await enter(open_reports(self.reports))
            await enter(open_workers(self.workers))
            await enter(open_live(self.settings, self.realtime, self.live, self.watched_jobs))
            await enter(open_chores(self.chores))
            await enter(meanwhile(self.operations.recently_seen.run()))
            await enter(open_jobs(self.jobs, hurry=self.hurry))  # last: everything that jobs use is open
            await enter(meanwhile(self.operations.schedules.scheduler.run()))
            await enter(meanwhile(self.operations.deliveries.sending.run()))
            if (bouncing := self.operations.deliveries.bouncing) is not None:
                await enter(meanwhile(bouncing.run()))
            await enter(open_alerts(self.settings, self.alerts))
            await enter(meanwhile(self.telemetry.figures_of(self.monitoring.sampler)))
            yield self


def _watched(settings: Settings, store: JobStore, realtime: RealtimeParts) -> tuple[LiveJobs, JobTable]:
    if not may_be_many(settings):
        return JobsHere(), JobTable()
    elsewhere = JobsElsewhere(store=store, is_told=lambda: realtime.broker.statistics().is_whole)
    realtime.topics.when_left(elsewhere.forget)
    return elsewhere, elsewhere.table


def build_parts(settings: Settings, *, passwords: Passwords | None = None) -> Parts:
    """Every object is made here and handed what it needs; nothing is opened yet.

    `passwords` may hash more cheaply than those of a real server, for tests that make users by the hundred.
    """
    make_directory(settings.data)  # for the secret key, which is made once
    languages = Languages.load(LOCALES)
    telemetry = build_telemetry(settings)
    storage = build_storage(settings, wrap=telemetry.traced)
    auth = build_auth(settings, database=storage.database, languages=languages, passwords=passwords or Passwords())
    workers = build_workers(settings, tracing=telemetry.tracing)
    realtime = build_realtime(settings, database=storage.database)
    push = build_push(settings, languages=languages, storage=storage, auth=auth, realtime=realtime)
    store, kinds = JobStore(storage.database), JobKinds(KINDS)
    watched, table = _watched(settings, store, realtime)
    live = build_live(
        realtime,
        database=storage.database,
        languages=languages,
        table=table,
        store=store,
        kinds=kinds,
        endings=auth.credentials.endings,
        base_path=BasePath(settings.base_path),
        mails=build_notice_mails(settings, languages=languages, auth=auth),
        pushes=push.notices,
    )
    uploads = build_uploads(settings, storage=storage, realtime=realtime, live=live)
    datasets = build_datasets(settings, storage=storage, uploads=uploads, live=live)
    reports = build_reports(settings, storage=storage, workers=workers, uploads=uploads, datasets=datasets, live=live)
    for kind in (*uploads.job_kinds, *datasets.job_kinds, reports.job_kind):
        kinds.add(kind)
    jobs = build_jobs(
        settings,
        storage=storage,
        workers=workers,
        table=table,
        store=store,
        live=live,
        kinds=kinds,
        tracing=telemetry.tracing,
    )
    retention = build_retention(settings, storage=storage, uploads=uploads, reports=reports)
    loop_lag = LoopLag()
    statistics: dict[str, Callable[[], object]] = {
        "event_loop": loop_lag.statistics,
        "storage": storage.room.statistics,
        "jobs": jobs.runner.statistics,
        "external_jobs": jobs.external.statistics,
        "workers": workers.jobs.statistics,
        "interactive": workers.interactive.statistics,
        "exports": workers.exports.statistics,
        "connections": realtime.manager.statistics,
        "broker": realtime.broker.statistics,
    }
    counts: dict[str, Callable[[], object]] = {
        "traffic": realtime.manager.traffic.statistics,
        "job_tallies": jobs.counting.statistics,
        "stored_bytes": storage.stored_bytes.statistics,
        "files_away": storage.files.is_away,
        "queries_took": workers.interactive.took,
        "pushes": push.carrier.statistics,
    }
    monitoring = build_monitoring(settings, storage=storage, sources=ChainMap(statistics, counts))
    alerts = build_alerts(
        settings,
        languages=languages,
        storage=storage,
        auth=auth,
        workers=workers,
        realtime=realtime,
        live=live,
        jobs=jobs,
        monitoring=monitoring,
        push=push,
    )
    operations = build_operations(
        settings,
        languages=languages,
        storage=storage,
        auth=auth,
        workers=workers,
        realtime=realtime,
        live=live,
        jobs=jobs,
        uploads=uploads,
        datasets=datasets,
        reports=reports,
        retention=retention,
        statistics=statistics,
        monitoring=monitoring,
        alerts=alerts,
        push=push,
        deliveries=build_deliveries(
            settings,
            languages=languages,
            storage=storage,
            auth=auth,
            live=live,
            reports=reports,
            workers=workers,
            datasets=datasets,
        ),
    )
    counts["deliveries"] = lambda: dict(operations.deliveries.sending.counts)
    counts["peers"] = operations.peers.statistics
    counts["schedules"] = operations.schedules.scheduler.statistics
    return Parts(
        settings=settings,
        languages=languages,
        storage=storage,
        belonging=build_belonging(settings, storage=storage, realtime=realtime),
        auth=auth,
        workers=workers,
        realtime=realtime,
        live=live,
        watched_jobs=watched,
        jobs=jobs,
        uploads=uploads,
        datasets=datasets,
        reports=reports,
        operations=operations,
        chores=build_chores(
            settings,
            storage=storage,
            realtime=realtime,
            live=live,
            retention=retention,
            statistics=statistics,
        ),
        loop_lag=loop_lag,
        statistics=statistics,
        counts=counts,
        monitoring=monitoring,
        telemetry=telemetry,
        alerts=alerts,
        hurry=asyncio.Event(),
    )
