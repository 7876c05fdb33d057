"""What each of our processes does, whatever it is for: begin, be told to stop, say how it is."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvloop
from sqlalchemy import select

from server import logs
from server.app.parts import Parts, build_parts
from server.errors import Unavailable
from server.garbage import tune_garbage_collector
from server.settings import Settings
from server.storage.one_server import require_whole
from server.storage.privacy import require_writable

_LOG = logging.getLogger("jindu")
_SWITCH_SECONDS = 0.001  # how long a thread that draws a page may keep the event loop waiting for the interpreter
_THREADS = 32  # they wait for the disk, most of the time; pages must not wait for them


def prepare(settings: Settings) -> None:
    """First of all: from here on there is a log."""
    logs.configure(settings.log_level, logs.formatter(settings.log_format))
    sys.setswitchinterval(_SWITCH_SECONDS)


def run(work: Coroutine[Any, Any, None]) -> None:
    """All that the process does, on an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def made_parts(settings: Settings) -> Parts:
    """Not open yet. Raises `ConfigurationError` or `OSError` when the data cannot be used."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="blocking"))
    is_new = not settings.data.exists()
    require_writable(settings.data)
    require_whole(settings.data)
    parts = build_parts(settings)
    if is_new:
        _LOG.info("made the data directory %s", settings.data.resolve())
    return parts


def told_to_stop(hurry: asyncio.Event) -> asyncio.Event:
    """Set by SIGINT or SIGTERM: the first begins an orderly stop, a second one makes it wait for nothing."""
    tune_garbage_collector()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, _stop, stop, hurry)
    return stop


def _stop(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    if stop.is_set():
        _LOG.info("stopping at once")
        hurry.set()
    stop.set()


async def database_answers(parts: Parts) -> bool:
    """Comes back only when it does, if with an error."""
    try:
        async with parts.storage.database.read() as connection:
            await connection.execute(select(1))
    except Unavailable:
        return False
    return True
