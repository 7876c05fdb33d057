"""One process that runs jobs and serves nobody: it takes them from the queue that it shares, and gives them back."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from server.app import process
from server.app.lacks import lacks_of
from server.app.parts import Parts
from server.app.resources import meanwhile
from server.errors import ConfigurationError, JinduError, Unavailable
from server.garbage import collect_when_quiet
from server.http import descriptors
from server.http.listening_sockets import UNIX, hosts_of, url_of
from server.http.readiness import SAID_OF, Lack, Readiness, ServerPhase
from server.service_manager import ServiceManager
from server.settings import Settings
from server.storage.database_watch import DatabaseWatch
from server.storage.one_server import held

_LOG = logging.getLogger("jindu")
_CLOSING_SECONDS = 20.0  # more than jobs take that are stopped, the database and worker processes together
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NOT_STORED = {"Cache-Control": "no-store"}


def work(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM; raises `ConfigurationError` or `OSError` when it cannot start."""
    process.prepare(settings)
    descriptors.raise_limit()
    process.run(_work(settings, ServiceManager(os.environ)))


async def _work(settings: Settings, manager: ServiceManager) -> None:
    parts = process.made_parts(settings)
    _require_known_kinds(parts)
    if not settings.storage_url:
        _LOG.warning(
            "files are in this worker's own data directory: it cannot read what was uploaded at another node, unless "
            "storage_url names a store that all have",
            extra={"action": "start"},
        )
    stop, readiness = process.told_to_stop(parts.hurry), Readiness()
    with held(settings.data):
        async with AsyncExitStack() as stack:
            urls = await stack.enter_async_context(_answering(parts, readiness))  # first: it answers while it drains
            async with manager.waiting_for_start():
                await stack.enter_async_context(parts.open())
            await stack.enter_async_context(meanwhile(collect_when_quiet(lambda: 0)))
            await stack.enter_async_context(parts.monitoring.sampler.running())
            readiness.phase = ServerPhase.READY
            where = " and ".join(urls) or "no port"
            _LOG.info("ready on %s to run %s", where, ", ".join(settings.worker_kinds) or "all kinds of jobs")
            manager.ready(f"ready on {where}")
            async with meanwhile(manager.keep_watchdog(lambda: _how_it_is(parts))):
                await stop.wait()
            readiness.phase = ServerPhase.DRAINING
            _LOG.info("stopping")
            manager.stopping("stopping: jobs end or go to others", within_seconds=_stop_seconds(settings))


def _require_known_kinds(parts: Parts) -> None:
    known = parts.jobs.kinds.run_by_us()
    if unknown := set(parts.settings.worker_kinds) - known:
        raise ConfigurationError(
            "worker_kinds names {kind}, which is no kind of job; there are {known}.",
            kind=min(unknown),
            known=", ".join(sorted(known)),
        )


def _stop_seconds(settings: Settings) -> float:
    return settings.drain_seconds + _CLOSING_SECONDS


async def _how_it_is(parts: Parts) -> str:
    """A database that is away is no reason to start anew."""
    running = parts.jobs.runner.statistics().running
    return f"{running} jobs" if await process.database_answers(parts) else f"the database is away; {running} jobs"


# its small port


@asynccontextmanager
async def _answering(parts: Parts, readiness: Readiness) -> AsyncIterator[list[str]]:
    """Yields where."""
    port = parts.settings.worker_port
    if not port:
        yield []
        return
    app = web.Application()
    database = DatabaseWatch(parts.storage.database)
    answers = _Answers(parts, readiness, database)
    app.router.add_get("/healthz", answers.healthz)
    app.router.add_get("/readyz", answers.readyz)
    app.router.add_get("/metrics", answers.metrics)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    hosts = [host for host in hosts_of(parts.settings.host) if not host.startswith(UNIX)] or ["127.0.0.1"]
    try:
        await runner.setup()
        for host in hosts:
            await web.TCPSite(runner, host, port).start()
        yield [url_of(host, port) for host in hosts]
    finally:
        await runner.cleanup()
        await database.close()


class _Answers:
    """For supervisors and whoever counts; nobody signs in here."""

    def __init__(self, parts: Parts, readiness: Readiness, database: DatabaseWatch) -> None:
        self._parts = parts
        self._readiness = readiness
        self._database = database

    async def healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"}, headers=_NOT_STORED)

    async def readyz(self, _request: web.Request) -> web.Response:
        """As of a node that serves people: 503 while it can take no jobs; short of Valkey or files it is degraded."""
        statistics, lacks = self._parts.jobs.runner.statistics(), lacks_of(self._parts)
        body: dict[str, object] = {"running": statistics.running, "waiting": statistics.queued}
        try:
            await self._require_ready()
        except Unavailable as error:
            told = {"type": "about:blank", "title": HTTPStatus(error.status).phrase}
            body |= {**told, "status": error.status, "detail": error.text, "code": error.code}
            return web.json_response(
                body,
                status=error.status,
                headers=_NOT_STORED | {"Retry-After": str(math.ceil(error.retry_after_seconds))},
                content_type="application/problem+json",
            )
        body["status"] = "degraded" if lacks else self._readiness.phase
        if self._parts.settings.broker_url:
            body["nodes"] = "degraded" if Lack.NODES in lacks else "ok"
        if Lack.FILES in lacks:
            body["files"] = "away"
        if lacks:
            body["detail"] = SAID_OF[Lack.FILES if Lack.FILES in lacks else Lack.NODES]
        return web.json_response(body, headers=_NOT_STORED)

    async def _require_ready(self) -> None:
        await self._readiness.require(self._database)
        if not self._parts.jobs.runner.is_taking_jobs:
            raise Unavailable

    async def metrics(self, request: web.Request) -> web.Response:
        """For addresses that `metrics_addresses` names."""
        monitoring = self._parts.operations.monitoring
        try:
            body = await monitoring.exposition(None, address=request.remote or "")
        except JinduError as error:
            return web.json_response({"detail": error.text}, status=403, headers=_NOT_STORED)
        return web.Response(body=body, headers={"Content-Type": _METRICS_TYPE, **_NOT_STORED})
