"""One process that accepts requests: event loop, listening socket, start, and an orderly stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from server.app import process
from server.app.parts import Parts
from server.app.resources import meanwhile
from server.app.web import build_app
from server.base_path import BasePath
from server.errors import ConfigurationError
from server.garbage import collect_when_quiet
from server.http import descriptors
from server.http.front_door import FrontDoor, certificate_of
from server.http.listening_sockets import UNIX, inherited_sockets
from server.http.parts import PARTS
from server.http.readiness import ServerPhase
from server.service_manager import ServiceManager
from server.settings import Settings
from server.storage.one_server import held

_LOG = logging.getLogger("jindu")
_SHUTDOWN_SECONDS = 5.0  # what open requests get to finish once the server is told to stop
_CLOSING_SECONDS = 15.0  # more than closing the database and worker processes takes
_EVERYWHERE = ("0.0.0.0", "127.0.0.1", "::", "::1")  # noqa: S104


def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM; raises `ConfigurationError` or `OSError` when it cannot start."""
    if settings.role == "worker":
        raise ConfigurationError("role is worker, which serves nobody: start it as `jindu worker`.")
    process.prepare(settings)
    descriptors.raise_limit()
    descriptors.warn_if_few(live_connections=settings.max_connections, reserve=settings.reserved_descriptors)
    manager, inherited = ServiceManager(os.environ), inherited_sockets(os.environ)
    process.run(_serve(settings, manager, inherited))


async def _serve(settings: Settings, manager: ServiceManager, inherited: Sequence[socket.socket]) -> None:
    certificate_of(settings)  # what is wrong with it is said before tables are changed
    parts = process.made_parts(settings)
    app = build_app(parts)
    with held(settings.data):
        await _serve_until(process.told_to_stop(parts.hurry), parts, app, manager, inherited)


async def _serve_until(
    stop: asyncio.Event,
    parts: Parts,
    app: web.Application,
    manager: ServiceManager,
    inherited: Sequence[socket.socket],
) -> None:
    settings = parts.settings
    connected, sampling = parts.realtime.manager.active_connections, parts.monitoring.sampler.running()
    async with contextlib.AsyncExitStack() as stack:
        async with manager.waiting_for_start():
            await stack.enter_async_context(parts.open())
        await stack.enter_async_context(meanwhile(collect_when_quiet(lambda: len(connected))))
        urls = await stack.enter_async_context(_listening(app, inherited))
        await stack.enter_async_context(sampling)
        where = " and ".join(urls)
        _LOG.info("ready on %s", where)
        manager.ready(f"ready on {where}")
        _show_setup_link(parts.operations.first_run.code, settings, urls[0])
        async with meanwhile(manager.keep_watchdog(lambda: _how_it_is(parts))):
            await stop.wait()
        manager.stopping("stopping: clients are told when to come back", within_seconds=_stop_seconds(parts))
        app[PARTS].readiness.phase = ServerPhase.DRAINING
        await _give_notice(parts.hurry, settings.drain_notice_seconds)


@contextlib.asynccontextmanager
async def _listening(app: web.Application, inherited: Sequence[socket.socket]) -> AsyncIterator[list[str]]:
    """Yields where."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    door = FrontDoor(runner, inherited=inherited)
    try:
        await runner.setup()
        await door.open()
        yield door.urls
    finally:
        await door.close()


async def _how_it_is(parts: Parts) -> str:
    """A database that is away is no reason to start anew."""
    count = len(parts.realtime.manager.active_connections)
    if await process.database_answers(parts):
        return f"{count} live connections"
    return f"the database is away; {count} live connections"


def _stop_seconds(parts: Parts) -> float:
    """The most that an orderly stop takes, as docs/operations.md tells."""
    settings = parts.settings
    clients = len(parts.realtime.manager.active_connections)
    leaving = math.ceil(clients / max(settings.reconnects_per_second, 1.0))
    return settings.drain_notice_seconds + leaving + settings.drain_seconds + _SHUTDOWN_SECONDS + _CLOSING_SECONDS


async def _give_notice(hurry: asyncio.Event, seconds: float) -> None:
    """`/readyz` says it before the port closes, so that a load balancer has looked elsewhere by then."""
    _LOG.info("stopping")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await hurry.wait()


def _show_setup_link(code: str | None, settings: Settings, url: str) -> None:
    """To the console of whoever started us, not to the log: who has the link becomes administrator."""
    if code is None:
        return
    base = BasePath(settings.base_path).address(settings.public_url or _reachable(url))
    sys.stdout.write(f"\nThis server is new. Open this link once to set it up:\n\n    {base}/setup?code={code}\n\n")
    sys.stdout.flush()


def _reachable(url: str) -> str:
    """In a browser on this machine; of a Unix socket only the proxy knows."""
    if url.startswith(UNIX):
        return "http://localhost"
    scheme, _, place = url.partition("://")
    host, _, port = place.rpartition(":")
    return f"{scheme}://localhost:{port}" if host.strip("[]") in _EVERYWHERE else url
