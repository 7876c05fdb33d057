"""One process that accepts requests: event loop, listening socket, start, and an orderly stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import uvloop
from aiohttp import web

from server import logs
from server.app.parts import Parts, build_parts
from server.app.resources import meanwhile
from server.app.web import build_app
from server.base_path import BasePath
from server.garbage import collect_when_quiet, tune_garbage_collector
from server.http import descriptors
from server.http.listener import listen, url_of
from server.http.parts import PARTS
from server.http.readiness import ServerPhase
from server.settings import Settings
from server.storage.one_server import held, require_whole

_LOG = logging.getLogger("jindu")
_SWITCH_SECONDS = 0.001  # how long a thread that draws a page may keep the event loop waiting for the interpreter
_THREADS = 32  # they wait for the disk, most of the time; pages must not wait for them
_SHUTDOWN_SECONDS = 5.0  # what open requests get to finish once the server is told to stop


def serve(settings: Settings, log_format: logging.Formatter) -> None:
    """Run until SIGINT or SIGTERM; raises `ConfigurationError` or `OSError` when it cannot start."""
    logs.configure(settings.log_level, log_format)
    sys.setswitchinterval(_SWITCH_SECONDS)
    descriptors.raise_limit()
    descriptors.warn_if_few(live_connections=settings.max_connections, reserve=settings.reserved_descriptors)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="blocking"))
    is_new = not settings.data.exists()
    require_whole(settings.data)
    parts = build_parts(settings)
    if is_new:
        _LOG.info("made the data directory %s", settings.data.resolve())
    app = build_app(parts)
    tune_garbage_collector()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, _stop, stop, parts.hurry)
    with held(settings.data):
        await _serve_until(stop, parts, app)


async def _serve_until(stop: asyncio.Event, parts: Parts, app: web.Application) -> None:
    settings = parts.settings
    connected, sampling = parts.realtime.manager.active_connections, parts.monitoring.sampler.running()
    async with (
        parts.open(),
        meanwhile(collect_when_quiet(lambda: len(connected))),
        _listening(app) as addresses,
        sampling,
    ):
        _LOG.info("ready on %s", " and ".join(url_of(*address) for address in addresses))
        _show_setup_link(parts.operations.first_run.code, settings, addresses[0])
        await stop.wait()
        app[PARTS].readiness.phase = ServerPhase.DRAINING
        await _give_notice(parts.hurry, settings.drain_notice_seconds)


@contextlib.asynccontextmanager
async def _listening(app: web.Application) -> AsyncIterator[list[tuple[str, int]]]:
    """Yields each host and port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    try:
        await runner.setup()
        await listen(runner)
        yield addresses_of(runner)
    finally:
        await runner.cleanup()


def _stop(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    """The first signal begins an orderly stop, a second one makes it wait for nothing."""
    if stop.is_set():
        _LOG.info("stopping at once")
        hurry.set()
    stop.set()


async def _give_notice(hurry: asyncio.Event, seconds: float) -> None:
    """`/readyz` says it before the port closes, so that a load balancer has looked elsewhere by then."""
    _LOG.info("stopping")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await hurry.wait()


def _show_setup_link(code: str | None, settings: Settings, address: tuple[str, int]) -> None:
    """To the console of whoever started us, not to the log: who has the link becomes administrator."""
    if code is None:
        return
    host = "localhost" if address[0] in ("0.0.0.0", "127.0.0.1", "::", "::1") else address[0]  # noqa: S104
    base = BasePath(settings.base_path).address(settings.public_url or url_of(host, address[1]))
    sys.stdout.write(f"\nThis server is new. Open this link once to set it up:\n\n    {base}/setup?code={code}\n\n")
    sys.stdout.flush()


def addresses_of(runner: web.AppRunner) -> list[tuple[str, int]]:
    """Hosts and port that it really listens on (port 0 takes a free one)."""
    return [(host, port) for host, port, *_ in runner.addresses]
