"""The wiring: which parts the server is made of, in the order in which they start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from aiohttp import web

from server.http import keys
from server.http.endpoint import add_endpoints
from server.languages import Languages
from server.metrics import LoopLag
from server.settings import Settings
from server.storage.blobs import Blobs
from server.storage.database import Database
from views.api import ENDPOINTS
from views.context import setup_templates
from views.routes import PAGES

ROOT = Path(__file__).parent.parent


def build_app(settings: Settings) -> web.Application:
    """An application that is ready to start: every object is made here and handed what it needs.

    Nothing is opened yet. Each resource opens and closes in one `cleanup_ctx`, in the order they stand here.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    app = web.Application()
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

    # jobs and live

    # uploads

    # datasets

    # reports

    # http
    setup_templates(app)
    add_endpoints(app, ENDPOINTS)
    app.router.add_routes(PAGES)
    app.router.add_static("/static", ROOT / "static", name="static")
    return app


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
