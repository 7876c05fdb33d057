"""The wiring: which parts the server is made of, in the order in which they start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp_session import session_middleware
from cryptography.fernet import Fernet

from server.app.accounts import add_accounts
from server.app.datasets import add_datasets
from server.app.jobs import add_jobs, open_jobs
from server.app.live import add_live_connections
from server.app.places import ROOT
from server.app.reports import add_reports
from server.app.resources import meanwhile, resource
from server.app.storage import add_room_watch, add_storage
from server.app.uploads import add_uploads
from server.auth.devices import Devices
from server.auth.passwords import Passwords
from server.auth.secret_key import load_key
from server.http import keys
from server.http.answers_under_way import AnswersUnderWay
from server.http.cors import add_cors_headers, preflight_middleware
from server.http.endpoint import Endpoint, add_endpoints
from server.http.forms import form_middleware
from server.http.open_sockets import OpenSockets, SocketLimits
from server.http.openapi import ApiDocument
from server.http.problems import mark_prepared, problem_middleware
from server.http.readiness import Phase, Readiness
from server.http.response_headers import add_headers
from server.http.same_origin import same_origin_middleware
from server.http.sessions import SessionCookies, identity_middleware
from server.languages import Languages
from server.metrics import LoopLag
from server.settings import Settings
from server.storage.privacy import make_directory
from views.api import ENDPOINTS
from views.context import setup_templates
from views.errors import error_page
from views.routes import PAGES


def build_app(settings: Settings, *, passwords: Passwords | None = None) -> web.Application:
    """An application that is ready to start: every object is made here and handed what it needs.

    Nothing is opened yet. Each resource opens and closes in one `cleanup_ctx`, in the order they stand here.
    `passwords` may hash more cheaply than those of a real server, for tests that make users by the hundred.
    """
    make_directory(settings.data)
    key = load_key(settings.secret_key, settings.data)
    app = web.Application(middlewares=_middlewares(settings, key))
    app.on_response_prepare.extend((mark_prepared, add_headers, add_cors_headers))
    app[keys.READINESS] = Readiness()
    app[keys.SETTINGS] = settings
    app[keys.LANGUAGES] = Languages.load(ROOT / "locales")
    endpoints: list[Endpoint] = []
    app[keys.ENDPOINTS], app[keys.API_DOCUMENT] = endpoints, ApiDocument(endpoints)

    app[keys.ANSWERS] = AnswersUnderWay(settings.max_answers_per_user)
    app[keys.LOOP_LAG] = LoopLag()
    statistics: dict[str, Callable[[], object]] = {"event_loop": app[keys.LOOP_LAG].statistics}
    app[keys.STATISTICS] = statistics
    app.cleanup_ctx.append(resource(lambda: meanwhile(app[keys.LOOP_LAG].watch())))
    app[keys.OPEN_SOCKETS] = OpenSockets(SocketLimits.from_settings(settings))
    statistics["sockets"] = app[keys.OPEN_SOCKETS].statistics

    add_storage(app)
    app[keys.DEVICES] = Devices(key)
    add_accounts(app, passwords or Passwords())
    add_jobs(app)
    add_uploads(app)
    add_datasets(app)
    add_reports(app)
    add_live_connections(app)

    setup_templates(app)
    add_endpoints(app, ENDPOINTS)
    app.router.add_routes(PAGES)
    app.router.add_static("/static", ROOT / "static", name="static")
    add_room_watch(app)
    app.cleanup_ctx.append(resource(lambda: open_jobs(app)))  # once everything that jobs use is open
    app.cleanup_ctx.append(resource(lambda: _be_ready(app[keys.READINESS])))  # last: everything else is open
    return app


def _middlewares(settings: Settings, key: Fernet) -> list[Middleware]:
    """From the outside in: name the request and answer errors; browsers' questions; who asks; from where."""
    cookies = SessionCookies(key, days=settings.session_days)
    return [
        problem_middleware(error_page),
        preflight_middleware(),
        session_middleware(cookies),
        identity_middleware(),
        same_origin_middleware(),
        form_middleware(),
    ]


@asynccontextmanager
async def _be_ready(readiness: Readiness) -> AsyncIterator[None]:
    readiness.phase = Phase.READY
    yield
    readiness.phase = Phase.DRAINING
