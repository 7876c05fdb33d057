"""Watches from a thread whether a server holds its event loop: everybody who is connected waits as long."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

LIMIT_SECONDS = 0.05
_LOOK_SECONDS = 0.005
_ROOT = Path(__file__).parent.parent
_OURS = tuple(str(_ROOT / part) + "/" for part in ("server", "views"))
_TESTS = str(_ROOT / "tests") + "/"


class LoopWatchdog:
    """Measures processor time of the loop's thread, not time on the wall: other work on the machine must not count.

    What the tests themselves do on the loop does not count either, nor what the garbage collector takes, which a
    server that runs on its own has tuned.
    """

    def __init__(self, limit_seconds: float = LIMIT_SECONDS) -> None:
        self.found: list[str] = []
        self._limit_seconds = limit_seconds
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._clock = time.pthread_getcpuclockid(self._thread)
        self._collecting_seconds = 0.0
        self._collection_began = 0.0
        self._end = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)

    @contextmanager
    def watching(self) -> Iterator[LoopWatchdog]:
        gc.callbacks.append(self._collected)
        self._watcher.start()
        try:
            yield self
        finally:
            self._end.set()
            gc.callbacks.remove(self._collected)

    def _watch(self) -> None:
        while not self._end.wait(_LOOK_SECONDS):
            turned = threading.Event()
            began = self._busy_seconds()
            try:
                self._loop.call_soon_threadsafe(turned.set)
            except RuntimeError:  # the loop is closed
                return
            held_by = ""
            while not turned.wait(_LOOK_SECONDS) and not self._end.is_set():
                if not held_by and self._busy_seconds() - began > self._limit_seconds:
                    held_by = _where(sys._current_frames().get(self._thread))
            held_seconds = self._busy_seconds() - began  # by now without what the garbage collector took meanwhile
            if held_by and held_seconds > self._limit_seconds:
                self.found.append(f"{held_seconds * 1000:.0f} ms or less, in\n{held_by}")

    def _busy_seconds(self) -> float:
        return time.clock_gettime(self._clock) - self._collecting_seconds

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
    is_a_tests = any(step.filename.startswith(_TESTS) for step in stack)
    return "".join(traceback.format_list(stack[-12:])) if is_ours and not is_a_tests else ""
