"""The wiring: which parts the server is made of, in the order in which they start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp_session import session_middleware

from server.auth.audit import Audit
from server.auth.authenticator import Authenticator
from server.auth.credentials import Credentials
from server.auth.secret_key import load_key
from server.auth.throttle import LoginThrottle
from server.http import keys
from server.http.cors import add_cors_headers, preflight_middleware
from server.http.endpoint import add_endpoints
from server.http.problems import mark_prepared, problem_middleware
from server.http.readiness import Phase, Readiness
from server.http.response_headers import add_headers
from server.http.same_origin import same_origin_middleware
from server.http.sessions import SessionCookies, identity_middleware
from server.languages import Languages
from server.metrics import LoopLag
from server.operations.accounts import AccountOperations
from server.operations.admin import AdminOperations
from server.operations.first_run import FirstRun
from server.operations.notifications import NotificationOperations
from server.settings import Settings
from server.storage.blobs import Blobs
from server.storage.database import Database
from views.api import ENDPOINTS
from views.context import setup_templates
from views.errors import error_page
from views.routes import PAGES

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
    app[keys.ENDPOINTS] = []

    app[keys.LOOP_LAG] = LoopLag()
    app.cleanup_ctx.append(_resource(lambda: _watch_lag(app[keys.LOOP_LAG])))

    # storage
    database = Database.open(settings.database_url)
    app[keys.DATABASE] = database
    app[keys.BLOBS] = Blobs(settings.data / "blobs")
    app.cleanup_ctx.append(_resource(lambda: _open_storage(app)))

    # accounts
    add_accounts(app)

    # jobs and live
    app[keys.NOTIFICATIONS] = NotificationOperations(database=database)

    # uploads

    # datasets

    # reports

    # http
    setup_templates(app)
    add_endpoints(app, ENDPOINTS)
    app.router.add_routes(PAGES)
    app.router.add_static("/static", ROOT / "static", name="static")
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
    app[keys.ADMIN] = AdminOperations(
        database=database,
        credentials=credentials,
        audit=Audit(database),
        settings=settings,
        parts={"event_loop": app[keys.LOOP_LAG].statistics},
    )
    app.cleanup_ctx.append(_resource(lambda: _open_accounts(app)))


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
async def _watch_lag(lag: LoopLag) -> AsyncIterator[None]:
    watching = asyncio.create_task(lag.watch())
    yield
    watching.cancel()


@asynccontextmanager
async def _open_accounts(app: web.Application) -> AsyncIterator[None]:
    settings = app[keys.SETTINGS]
    await app[keys.FIRST_RUN].prepare(admin_user=settings.admin_user, admin_password=settings.admin_password)
    sweeping = asyncio.create_task(_end_expired_credentials(app[keys.CREDENTIALS]))
    yield
    sweeping.cancel()


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
