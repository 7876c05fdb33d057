"""Watches whether a server holds its event loop: everybody who is connected waits as long."""

from __future__ import annotations

import asyncio
import gc
import math
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

# Far above the 20 ms that a server may take: a virtual machine counts as the thread's own time what its host gave to
# others, tens of milliseconds now and then.
LIMIT_SECONDS = 0.1
_LOOK_SECONDS = 0.025  # twice between what is suspicious and what is too long; each look costs the tests time
# To ask for processor time costs more than most callbacks take: what was asked so short a time ago will do.
_STALE_SECONDS = 0.002
_ROOT = Path(__file__).parent.parent
_OURS = tuple(str(_ROOT / part) + "/" for part in ("server", "views"))
_TESTS = str(_ROOT / "tests") + "/"


class LoopWatchdog:
    """Measures processor time of the loop's thread, not time on the wall: other work on the machine must not count.

    Each callback of the loop is measured as it runs. A thread looks meanwhile where it is, which a call into C hides:
    of that, the coroutine is told. What the tests themselves do on the loop does not count, nor what the garbage
    collector takes, which a server that runs on its own has tuned.
    """

    def __init__(self, limit_seconds: float = LIMIT_SECONDS) -> None:
        self.found: list[str] = []
        self._limit_seconds = limit_seconds
        self._thread = threading.get_ident()
        self._collecting_seconds = 0.0
        self._collection_began = 0.0
        self._began: float | None = None  # processor time at the beginning of the callback that runs
        self._seen = ""
        self._end = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)

    @contextmanager
    def watching(self) -> Iterator[LoopWatchdog]:
        run, read_at, began = asyncio.Handle._run, -math.inf, 0.0

        def measured(handle: asyncio.Handle) -> None:
            nonlocal read_at, began
            if threading.get_ident() != self._thread:
                return run(handle)
            if time.perf_counter() - read_at > _STALE_SECONDS:
                read_at, began = time.perf_counter(), self._busy_seconds()
            self._seen, self._began = "", began
            try:
                return run(handle)
            finally:
                self._began = None
                if time.perf_counter() - read_at > self._limit_seconds:  # it takes no more processor time than time
                    held_seconds = self._busy_seconds() - began
                    if held_seconds > self._limit_seconds:
                        self._note(handle, held_seconds)

        gc.callbacks.append(self._collected)
        self._watcher.start()
        try:
            with mock.patch.object(asyncio.Handle, "_run", measured):
                yield self
        finally:
            self._end.set()
            gc.callbacks.remove(self._collected)

    def _note(self, handle: asyncio.Handle, held_seconds: float) -> None:
        where = self._seen or _coroutine_of(handle)
        if where:
            self.found.append(f"{held_seconds * 1000:.0f} ms in\n{where}")

    def _watch(self) -> None:
        clock = time.pthread_getcpuclockid(self._thread)
        while not self._end.wait(_LOOK_SECONDS):
            began = self._began
            held_seconds = 0.0 if began is None else time.clock_gettime(clock) - self._collecting_seconds - began
            if held_seconds > self._limit_seconds / 2 and not self._seen:
                self._seen = _where(sys._current_frames().get(self._thread))

    def _busy_seconds(self) -> float:
        return time.thread_time() - self._collecting_seconds

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._collection_began = time.thread_time()
        else:
            self._collecting_seconds += time.thread_time() - self._collection_began


def _where(frame: FrameType | None) -> str:
    """The stack of the server's own work; empty when it is a test's."""
    stack = traceback.extract_stack(frame)
    is_ours = any(step.filename.startswith(_OURS) for step in stack)
    is_a_tests = any(step.filename.startswith(_TESTS) and step.filename != __file__ for step in stack)
    return "".join(traceback.format_list(stack[-12:])) if is_ours and not is_a_tests else ""


def _coroutine_of(handle: asyncio.Handle) -> str:
    """The server's coroutine or function that the loop had called; empty for those of tests and of their clients."""
    called: Any = getattr(handle, "_callback", None)
    task = getattr(called, "__self__", None)
    if isinstance(task, asyncio.Task):
        coroutine: Any = task.get_coro()
        file = str(getattr(getattr(coroutine, "cr_code", None), "co_filename", ""))
        is_servers = file.startswith(_OURS) or file.endswith("/aiohttp/web_protocol.py")
        return f"a call into C of {coroutine!r}" if is_servers else ""
    file = str(getattr(getattr(called, "__code__", None), "co_filename", ""))
    return f"a call into C of {called!r}" if file.startswith(_OURS) else ""
