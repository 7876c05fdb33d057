"""The wiring: which parts the server is made of, in the order in which they start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from socket import gethostname
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp_session import session_middleware

from server.auth.audit import Audit
from server.auth.authenticator import Authenticator
from server.auth.credentials import Credentials
from server.auth.secret_key import load_key
from server.auth.throttle import LoginThrottle
from server.clock import utc_now
from server.datasets.catalog import Catalog
from server.datasets.importing import DataImport
from server.datasets.query import QueryLimits
from server.datasets.schema import FileLimits
from server.http import keys
from server.http.cors import add_cors_headers, preflight_middleware
from server.http.endpoint import Endpoint, add_endpoints
from server.http.forms import form_middleware
from server.http.openapi import ApiDocument
from server.http.problems import mark_prepared, problem_middleware
from server.http.readiness import Phase, Readiness
from server.http.response_headers import add_headers
from server.http.same_origin import same_origin_middleware
from server.http.sessions import SessionCookies, identity_middleware
from server.jobs.demonstration import demonstrate
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.runner import JobRunner
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.jobs.workers import WorkerPool, processor_count
from server.languages import Languages
from server.live import Live
from server.metrics import LoopLag
from server.operations.accounts import AccountOperations
from server.operations.admin import AdminOperations
from server.operations.batches import KIND as BATCH_REPORT
from server.operations.batches import BatchOperations
from server.operations.datasets import DatasetOperations
from server.operations.events import EventOperations
from server.operations.first_run import FirstRun
from server.operations.imports import ImportOperations
from server.operations.jobs import JobOperations
from server.operations.notifications import NotificationOperations
from server.operations.queries import QueryOperations
from server.operations.samples import SampleOperations
from server.operations.templates import TemplateOperations
from server.operations.uploads import UploadLimits, UploadOperations
from server.realtime.commands import Commands
from server.realtime.history import History
from server.realtime.joining import Joiner
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from server.realtime.upkeep import Upkeep
from server.reports.batch import BatchReports
from server.reports.batch_store import BatchStore
from server.reports.images import ImageLibrary
from server.reports.template_store import TemplateStore
from server.settings import Settings
from server.storage.blobs import Blobs
from server.storage.database import Database
from server.transports import websocket
from server.transports.websocket import WebSocketTransport
from server.uploads.arrivals import Arrivals
from server.uploads.expiry import ExpirySweep
from server.uploads.files import UploadStore
from server.uploads.receiving import Receiver
from server.uploads.upload import DataUpload
from views.api import ENDPOINTS
from views.api.uploads import add_tus_headers
from views.context import setup_templates
from views.errors import error_page
from views.routes import PAGES

WORKER_PRELOAD = ("server.datasets.conversion", "server.reports.rendering")  # slow to import: once, not per process
ROOT = Path(__file__).parent.parent
_LOG = logging.getLogger("jindu")
_SWEEP_SECONDS = 60.0  # how late an expired session's sockets may be closed


def build_app(settings: Settings) -> web.Application:
    """An application that is ready to start: every object is made here and handed what it needs.

    Nothing is opened yet. Each resource opens and closes in one `cleanup_ctx`, in the order they stand here.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    app = web.Application(middlewares=_middlewares(settings))
    app.on_response_prepare.extend((mark_prepared, add_headers, add_cors_headers))
    app[keys.READINESS] = Readiness()
    app[keys.SETTINGS] = settings
    app[keys.LANGUAGES] = Languages.load(ROOT / "locales")
    endpoints: list[Endpoint] = []
    app[keys.ENDPOINTS], app[keys.API_DOCUMENT] = endpoints, ApiDocument(endpoints)

    app[keys.LOOP_LAG] = LoopLag()
    statistics: dict[str, Callable[[], object]] = {"event_loop": app[keys.LOOP_LAG].statistics}
    app[keys.STATISTICS] = statistics
    app.cleanup_ctx.append(_resource(lambda: _meanwhile(app[keys.LOOP_LAG].watch())))

    # storage
    database = Database.open(settings.database_url)
    app[keys.DATABASE] = database
    app[keys.BLOBS] = Blobs(settings.data / "blobs")
    app.cleanup_ctx.append(_resource(lambda: _open_storage(app)))

    # accounts
    add_accounts(app)

    # jobs and live
    add_jobs(app)
    app[keys.NOTIFICATIONS] = NotificationOperations(database=database, languages=app[keys.LANGUAGES])

    # uploads
    add_uploads(app)

    # datasets
    add_datasets(app)

    # reports
    add_reports(app)
    app[keys.SAMPLES] = SampleOperations(
        uploads=app[keys.UPLOADS], templates=app[keys.TEMPLATES], sample=ROOT / "examples" / "orders.csv"
    )

    # http
    add_live_connections(app)
    setup_templates(app)
    add_endpoints(app, ENDPOINTS)
    app.router.add_routes(PAGES)
    app.router.add_static("/static", ROOT / "static", name="static")
    app.cleanup_ctx.append(_resource(lambda: _open_jobs(app)))  # once everything that jobs use is open
    app.cleanup_ctx.append(_resource(lambda: _be_ready(app[keys.READINESS])))  # last: everything else is open
    return app


def _middlewares(settings: Settings) -> list[Middleware]:
    """From the outside in: name the request and answer errors; browsers' questions; who asks; from where."""
    cookies = SessionCookies(load_key(settings.secret_key, settings.data), days=settings.session_days)
    return [
        problem_middleware(error_page),
        preflight_middleware(),
        session_middleware(cookies),
        identity_middleware(),
        same_origin_middleware(),
        form_middleware(),
    ]


def add_accounts(app: web.Application) -> None:
    """Users, sessions, tokens, and the first administrator."""
    settings, database = app[keys.SETTINGS], app[keys.DATABASE]
    credentials = Credentials.over(database, session_days=settings.session_days)
    accounts = AccountOperations(
        database=database,
        credentials=credentials,
        throttle=LoginThrottle(settings.login_attempts),
        languages=app[keys.LANGUAGES],
    )
    app[keys.CREDENTIALS] = credentials
    app[keys.AUTHENTICATOR] = Authenticator(credentials.sessions, credentials.tokens, app[keys.LANGUAGES])
    app[keys.ACCOUNTS] = accounts
    app[keys.FIRST_RUN] = FirstRun(database=database, users=credentials.users, accounts=accounts)
    statistics = app[keys.STATISTICS]
    app[keys.ADMIN] = AdminOperations(
        database=database,
        credentials=credentials,
        audit=Audit(database),
        settings=settings,
        parts=statistics,
    )
    app.cleanup_ctx.append(_resource(lambda: _open_accounts(app)))


def add_jobs(app: web.Application) -> None:
    """The job machinery, its worker processes, and the live layer that jobs speak through; kinds are added later."""
    settings, database = app[keys.SETTINGS], app[keys.DATABASE]
    heavy_slots = settings.workers or processor_count()
    table, store, history = JobTable(), JobStore(database), History(database)
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
    app[keys.STATISTICS].update(jobs=runner.statistics, workers=workers.statistics, interactive=interactive.statistics)


def add_reports(app: web.Application) -> None:
    """Report templates, batches of reports, and the job that makes them."""
    settings, database, blobs = app[keys.SETTINGS], app[keys.DATABASE], app[keys.BLOBS]
    limits = QueryLimits(seconds=settings.query_seconds, rows=settings.query_rows)
    templates, batches, audit = TemplateStore(database), BatchStore(database), Audit(database)
    job = BatchReports(
        database=database,
        store=batches,
        blobs=blobs,
        announce=app[keys.LIVE].publish,
        limits=limits,
        parallel=settings.workers or processor_count(),
        max_reports=settings.max_reports_per_batch,
    )
    app[keys.JOB_KINDS].add(JobKind(name=BATCH_REPORT, unit="reports", function=job.process_batch_reports))
    images = ImageLibrary(app[keys.UPLOAD_STORE], blobs)
    app[keys.TEMPLATES] = TemplateOperations(
        database=database,
        store=templates,
        catalog=app[keys.CATALOG],
        interactive=app[keys.INTERACTIVE],
        blobs=blobs,
        images=images,
        audit=audit,
        limits=limits,
        samples=ROOT / "examples" / "templates",
    )
    app[keys.BATCHES] = BatchOperations(
        database=database,
        store=batches,
        templates=templates,
        catalog=app[keys.CATALOG],
        runner=app[keys.RUNNER],
        jobs=app[keys.JOB_TABLE],
        job_store=app[keys.JOB_STORE],
        interactive=app[keys.INTERACTIVE],
        blobs=blobs,
        images=images,
        audit=audit,
        limits=limits,
        max_reports=settings.max_reports_per_batch,
    )


def add_live_connections(app: web.Application) -> None:
    """How clients reach the live layer."""
    manager, history, live, languages = (
        app[keys.CONNECTIONS],
        app[keys.HISTORY],
        app[keys.LIVE],
        app[keys.LANGUAGES],
    )
    transport = WebSocketTransport(
        manager=manager,
        joiner=Joiner(manager=manager, history=history, languages=languages, render=live.render, node=gethostname()),
        commands=Commands(
            manager=manager,
            history=history,
            languages=languages,
            authorise=live.authorise,
            snapshot=live.snapshot,
            render=live.render,
        ),
        languages=languages,
        authenticate=lambda token, address: app[keys.AUTHENTICATOR].by_token(token, address=address),
    )
    app[keys.CREDENTIALS].endings.on_end(live.credential_ended)
    app[keys.STATISTICS]["connections"] = manager.statistics
    statistics = app[keys.STATISTICS]
    upkeep = Upkeep(manager=manager, history=history, publish=live.publish, parts=statistics)
    app.router.add_get(websocket.PATH, transport.handle, name="websocket")
    app.on_shutdown.append(lambda _app: transport.drain())
    app.cleanup_ctx.append(_resource(lambda: _meanwhile(upkeep.run())))


def add_datasets(app: web.Application) -> None:
    """The catalogue of datasets, and what people do with it: import, look, query, export."""
    settings, database, blobs = app[keys.SETTINGS], app[keys.DATABASE], app[keys.BLOBS]
    catalog = Catalog(database, blobs, announce=app[keys.LIVE].publish)
    # Exports of their own: one may take minutes, and neither a page nor a job should wait for it.
    exports = WorkerPool(size=1, memory_mib=settings.worker_memory_mib, preload=WORKER_PRELOAD)
    limits = QueryLimits(seconds=settings.query_seconds, rows=settings.query_rows)
    audit, interactive = Audit(database), app[keys.INTERACTIVE]
    data_import = DataImport(
        uploads=app[keys.UPLOAD_STORE],
        catalog=catalog,
        blobs=blobs,
        database=database,
        limits=FileLimits.from_settings(settings),
    )
    app[keys.JOB_KINDS].add(JobKind(name="data_import", unit="rows", function=data_import.process_data_import))
    app[keys.CATALOG] = catalog
    app[keys.DATASETS] = DatasetOperations(
        database=database,
        catalog=catalog,
        interactive=interactive,
        exports=exports,
        blobs=blobs,
        audit=audit,
        limits=limits,
    )
    app[keys.IMPORTS] = ImportOperations(
        runner=app[keys.RUNNER],
        jobs=app[keys.JOBS],
        uploads=app[keys.UPLOAD_STORE],
        catalog=catalog,
        interactive=interactive,
        blobs=blobs,
        audit=audit,
        limits=FileLimits.from_settings(settings),
        reject_limit=settings.reject_limit,
    )
    app[keys.QUERIES] = QueryOperations(catalog=catalog, interactive=interactive, limits=limits)
    app[keys.STATISTICS]["exports"] = exports.statistics
    app.cleanup_ctx.append(_resource(lambda: _open_exports(exports)))


def _live_limits(settings: Settings) -> LiveLimits:
    return LiveLimits(
        connections=settings.max_connections,
        connections_per_user=settings.max_connections_per_user,
        connections_per_address=settings.max_connections_per_address,
        unauthenticated=settings.max_unauthenticated_connections,
        message_bytes=settings.max_message_bytes,
        messages_per_second=settings.messages_per_second,
        message_burst=settings.message_burst,
        unsent_bytes=settings.max_unsent_bytes,
        ping_interval_seconds=settings.ping_interval_seconds,
        pong_timeout_seconds=settings.pong_timeout_seconds,
        auth_deadline_seconds=settings.auth_deadline_seconds,
    )


def add_uploads(app: web.Application) -> None:
    """Files on their way in, the job that follows each, and the sweep of those that nobody finishes."""
    settings, database = app[keys.SETTINGS], app[keys.DATABASE]
    store, arrivals = UploadStore(database, settings.data / "uploads"), Arrivals()
    limits = UploadLimits(
        max_bytes=settings.max_upload_bytes,
        min_free_bytes=settings.min_free_bytes,
        expiry=timedelta(hours=settings.upload_expiry_hours),
    )
    receiver = Receiver(
        store=store,
        arrivals=arrivals,
        clock=utc_now,
        expiry=limits.expiry,
        min_free_bytes=limits.min_free_bytes,
    )
    upload = DataUpload(database=database, store=store, receiver=receiver, arrivals=arrivals, clock=utc_now)
    app[keys.JOB_KINDS].add(
        JobKind(
            name="file_upload",
            unit="bytes",
            function=upload.upload_data_file,
            heavy=False,
            counts_interruptions=False,
            can_retry=False,  # the bytes are in the browser, not here
        )
    )
    app[keys.UPLOAD_STORE] = store
    app[keys.UPLOADS] = UploadOperations(
        database=database,
        store=store,
        receiver=receiver,
        runner=app[keys.RUNNER],
        audit=Audit(database),
        limits=limits,
    )
    sweep = ExpirySweep(store=store, receiver=receiver, clock=utc_now)
    app.on_response_prepare.append(add_tus_headers)
    app.cleanup_ctx.append(_resource(lambda: _open_uploads(sweep)))


def _resource(
    opened: Callable[[], AbstractAsyncContextManager[None]],
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A context manager as aiohttp's `cleanup_ctx` wants it: a generator that yields once."""

    async def run(_app: web.Application) -> AsyncIterator[None]:
        async with opened():
            yield

    return run


@asynccontextmanager
async def _open_storage(app: web.Application) -> AsyncIterator[None]:
    await app[keys.DATABASE].migrate()
    await asyncio.to_thread(app[keys.BLOBS].clear_partials)
    yield
    await app[keys.DATABASE].close()


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """`work` beside the block. It is over when the block ends: a transaction must be, before the database closes."""
    task = asyncio.create_task(work)
    yield
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def _open_exports(exports: WorkerPool) -> AsyncIterator[None]:
    yield
    await exports.close()


@asynccontextmanager
async def _open_jobs(app: web.Application) -> AsyncIterator[None]:
    await app[keys.RUNNER].open()
    yield
    await app[keys.RUNNER].drain()
    await app[keys.LIVE].close()
    await asyncio.gather(app[keys.WORKERS].close(), app[keys.INTERACTIVE].close())


@asynccontextmanager
async def _open_uploads(sweep: ExpirySweep) -> AsyncIterator[None]:
    await sweep.open()
    async with _meanwhile(sweep.watch()):
        yield


@asynccontextmanager
async def _open_accounts(app: web.Application) -> AsyncIterator[None]:
    settings = app[keys.SETTINGS]
    await app[keys.FIRST_RUN].prepare(admin_user=settings.admin_user, admin_password=settings.admin_password)
    async with _meanwhile(_end_expired_credentials(app[keys.CREDENTIALS])):
        yield


async def _end_expired_credentials(credentials: Credentials) -> None:
    while True:
        try:
            await credentials.end_expired()
        except Exception:
            _LOG.exception("could not end what expired", extra={"action": "end_expired"})
        await asyncio.sleep(_SWEEP_SECONDS)


@asynccontextmanager
async def _be_ready(readiness: Readiness) -> AsyncIterator[None]:
    readiness.phase = Phase.READY
    yield
    readiness.phase = Phase.DRAINING
