"""A pool of worker processes for work that would stop the event loop: limited, killable, replaced when they die."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from server.errors import Unavailable, WorkerDied, WorkTooLarge
from server.jobs import worker_main

_LOG = logging.getLogger("jindu.workers")

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


_CALLS_PER_WORKER = 500  # libraries that leak a little never get to leak much
_RECYCLE_SHARE = 0.5  # of the memory limit: a worker still this large after a call is replaced
_EXIT_SECONDS = 2.0  # a killed process is gone long before; this only bounds a broken kernel
_IDLE_DEATHS = 3  # so many workers found dead one after the other: something is wrong with the machine


@dataclass(frozen=True, slots=True)
class WorkerPoolStatistics:
    size: int
    idle: int
    busy: int
    started: int
    died: int


class WorkerPool:
    """At most `size` processes, started on demand and reused.

    They are made by *forkserver*: a fork of a process that runs uvloop can take the whole server down. Each lowers
    its priority and limits its own memory, so that pages stay quick and a bomb hurts only itself.
    """

    def __init__(self, *, size: int, memory_mib: int, niceness: int = 10, preload: Sequence[str] = ()) -> None:
        self._size = size
        self._memory_mib = memory_mib
        self._niceness = niceness
        self._processes = multiprocessing.get_context("forkserver")
        if preload:
            self._processes.set_forkserver_preload(list(preload))
        self._slots = asyncio.Semaphore(size)
        self._starting = asyncio.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._refills: set[asyncio.Task[None]] = set()
        # One thread a worker reads its pipe; two more so that starting and burying never wait for a reader.
        self._threads = ThreadPoolExecutor(size + 2, thread_name_prefix="worker-pipe")
        self._closed = False
        self._started = 0
        self._died = 0

    async def run(
        self,
        function: WorkerFunction,
        argument: Any,
        *,
        on_report: OnReport | None = None,
        timeout_seconds: float | None = None,
    ) -> Any:
        """`function(argument, report)` in a worker; each `report(value)` there is `on_report(value)` here.

        A `JinduError` raised there is raised here. Cancelling and timeouts kill the process. Raises `WorkerDied` when
        it dies by itself, `WorkTooLarge` with the code `out_of_memory` or `timed_out`.
        """
        async with self._slots:
            for _ in range(_IDLE_DEATHS):
                try:
                    return await self._run_once(function, argument, on_report, timeout_seconds)
                except _NotBegunError:
                    continue  # it died while it was idle: nothing was done yet, so the next one may
        raise WorkerDied

    async def _run_once(
        self, function: WorkerFunction, argument: Any, on_report: OnReport | None, timeout_seconds: float | None
    ) -> Any:
        worker = await self._take()
        self._busy.add(worker)
        reusable = False
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await self._call(worker, function, argument, on_report)
            reusable = not self._is_worn(worker, answer)
            return answer.value(self._memory_mib)
        except TimeoutError:
            raise WorkTooLarge(
                "This took longer than the allowed {seconds} seconds and was stopped; ask for less.",
                code="timed_out",
                seconds=timeout_seconds,
            ) from None
        except EOFError as end:
            self._died += 1
            _LOG.warning("worker died", extra={"action": "worker_died", "pid": worker.pid})
            if isinstance(end, _NotBegunError):
                raise
            raise WorkerDied from None
        finally:
            self._busy.discard(worker)
            self._put_back(worker, reusable)

    def statistics(self) -> WorkerPoolStatistics:
        return WorkerPoolStatistics(self._size, len(self._idle), len(self._busy), self._started, self._died)

    async def close(self) -> None:
        """End every process, busy ones too."""
        self._closed = True
        for task in self._refills:
            task.cancel()
        await asyncio.gather(*self._refills, return_exceptions=True)
        workers = [*self._idle, *self._busy]
        self._idle.clear()
        for worker in workers:
            worker.kill()
        await asyncio.gather(*(asyncio.to_thread(worker.bury) for worker in workers))
        self._threads.shutdown(wait=False)

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive():
                return worker
            await self._in_thread(worker.bury)
        return await self._start()

    async def _start(self) -> _Worker:
        async with self._starting:
            if self._closed:
                raise Unavailable
            start = asyncio.ensure_future(self._in_thread(self._start_blocking))
            try:
                worker: _Worker = await asyncio.shield(start)
            except asyncio.CancelledError:
                start.add_done_callback(self._adopt)
                raise
            self._started += 1
            return worker

    def _adopt(self, start: asyncio.Future[Any]) -> None:
        # Whoever wanted this process was cancelled meanwhile; the next one may have it.
        if not start.cancelled() and start.exception() is None:
            self._put_back(start.result(), len(self._idle) + len(self._busy) < self._size)

    def _start_blocking(self) -> _Worker:
        here, there = self._processes.Pipe()
        process = self._processes.Process(
            target=worker_main.main, args=(there, self._memory_mib, self._niceness), name="jindu-worker", daemon=True
        )
        process.start()
        there.close()
        return _Worker(process, here)

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def _call(
        self, worker: _Worker, function: WorkerFunction, argument: Any, on_report: OnReport | None
    ) -> _Answer:
        hand_over = _HandOver(asyncio.get_running_loop(), on_report)
        reading = self._in_thread(worker.call, function, argument, hand_over)
        try:
            answer: _Answer = await asyncio.shield(reading)
            return answer
        finally:
            hand_over.stop()
            if not reading.done():
                worker.kill()  # only this ends the thread that reads
                reading.add_done_callback(_retrieved)

    def _is_worn(self, worker: _Worker, answer: _Answer) -> bool:
        """Whoever met a limit or fell over something may have left anything behind: the next call gets a fresh one."""
        is_well = answer.kind in ("result", "error")
        return not is_well or worker.calls >= _CALLS_PER_WORKER or answer.held_mib > self._memory_mib * _RECYCLE_SHARE

    def _put_back(self, worker: _Worker, reusable: bool) -> None:
        if reusable and not self._closed:
            self._idle.append(worker)
            return
        worker.kill()
        if self._closed:
            return
        self._keep(asyncio.get_running_loop().create_task(self._replace(worker)))

    async def _replace(self, worker: _Worker) -> None:
        await self._in_thread(worker.bury)
        if len(self._idle) + len(self._busy) < self._size and not self._closed:
            self._put_back(await self._start(), True)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._refills.add(task)
        task.add_done_callback(self._refills.discard)


@dataclass(frozen=True, slots=True)
class _Answer:
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


class _NotBegunError(EOFError):
    """The process was gone before it took the call."""


class _Worker:
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

    def call(self, function: WorkerFunction, argument: Any, hand_over: _HandOver) -> _Answer:
        """Raises `EOFError` when the process dies in the middle, `_NotBegunError` when it was dead before."""
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
                        return _Answer(kind, content, held_mib)
            except (OSError, EOFError) as error:
                raise (EOFError if has_begun else _NotBegunError) from error

    def kill(self) -> None:
        with contextlib.suppress(ValueError):  # buried already
            self._process.kill()

    def bury(self) -> None:
        self._process.join(_EXIT_SECONDS)
        with self._in_call:  # never close a pipe under the thread that reads it
            self._pipe.close()
            with contextlib.suppress(ValueError):
                self._process.close()


class _HandOver:
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


def _retrieved(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()  # known already: we killed the process ourselves


def processor_count() -> int:
    """Cores this process may use, not those the machine has."""
    return len(os.sched_getaffinity(0))
