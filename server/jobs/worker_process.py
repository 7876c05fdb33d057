"""One worker process as the server sees it: what is asked of it, what it answers, and whether it still lives."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from server.errors import WorkTooLarge
from server.jobs.watch import Signs

WorkerFunction = Callable[[Any, Callable[[Any], None]], Any]
"""A module-level `def f(argument, report)`; what goes in and out is pickled."""
OnReport = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class ByName:
    """A worker's function that is not imported here, nor are the libraries it needs: workers look it up."""

    module: str
    name: str

    def __call__(self, argument: Any, report: OnReport) -> Any:
        return getattr(import_module(self.module), self.name)(argument, report)


_EXIT_SECONDS = 2.0  # a killed process is gone long before; this only bounds a broken kernel
_STATE, _USER_TICKS, _SYSTEM_TICKS = 0, 11, 12  # of /proc/PID/stat, counted after the name of the program


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended in the worker: `kind` is `result`, `error` (its exception) or `trace` (an unexpected one)."""

    kind: str
    content: Any
    held_mib: float

    def value(self, memory_mib: int) -> Any:
        if self.kind == "result":
            return self.content
        if self.kind == "error":
            raise self.content
        if self.kind == "memory":
            raise WorkTooLarge(
                "This needs more than the {limit} MiB of memory that one worker may use; ask for less, split the file, "
                "or let an administrator raise worker_memory_mib.",
                code="out_of_memory",
                limit=memory_mib,
            )
        raise WorkerCrash(self.content)


class WorkerCrash(RuntimeError):
    """Unexpected exception in a worker process; its text is the traceback there."""


class NotBegunError(EOFError):
    """The process was gone before it took the call."""


class Worker:
    """One process and our end of its pipe. `call` and `bury` block: they belong into a thread."""

    def __init__(self, process: Any, pipe: Connection) -> None:
        self._process = process
        self._pipe = pipe
        self.pid: int = process.pid
        self.calls = 0
        self._in_call = threading.Lock()

    def is_alive(self) -> bool:
        """Of an idle one: it has nothing to say, so a readable pipe is a closed one, long before the exit is known."""
        return not self._pipe.poll() and bool(self._process.is_alive())

    def signs(self) -> Signs | None:
        """Of life; None when it is gone."""
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            return None
        ticks = int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
        return Signs(ticks, is_runnable=fields[_STATE] == b"R")

    def call(self, function: WorkerFunction, argument: Any, hand_over: HandOver) -> CallEnd:
        """Raises `EOFError` when the process dies in the middle, `NotBegunError` when it was dead before."""
        self.calls += 1
        request = pickle.dumps((function, argument), protocol=pickle.HIGHEST_PROTOCOL)
        has_begun = False
        with self._in_call:
            try:
                self._pipe.send_bytes(request)
                while True:
                    kind, content, held_mib = self._pipe.recv()
                    if kind == "begun":
                        has_begun = True
                    elif kind == "report":
                        hand_over(content)
                    else:
                        return CallEnd(kind, content, held_mib)
            except (OSError, EOFError) as error:
                raise (EOFError if has_begun else NotBegunError) from error

    def kill(self) -> None:
        with contextlib.suppress(ValueError):  # buried already
            self._process.kill()

    def bury(self) -> None:
        self._process.join(_EXIT_SECONDS)
        with self._in_call:  # never close a pipe under the thread that reads it
            self._pipe.close()
            with contextlib.suppress(ValueError):
                self._process.close()


class HandOver:
    """Brings reports from a pipe's thread to the event loop, one at a time.

    Waiting for each to arrive is what keeps a flood from stalling the loop: the pipe fills up and the worker waits.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_report: OnReport | None) -> None:
        self._loop = loop
        self._on_report = on_report
        self._arrived = threading.Semaphore(0)

    def __call__(self, value: Any) -> None:
        if self._on_report is None:
            return
        self._loop.call_soon_threadsafe(self._deliver, value)
        self._arrived.acquire()

    def stop(self) -> None:
        """Nothing is delivered from now on; a waiting thread goes on."""
        self._on_report = None
        self._arrived.release()

    def _deliver(self, value: Any) -> None:
        try:
            if self._on_report is not None:
                self._on_report(value)
        finally:
            self._arrived.release()
