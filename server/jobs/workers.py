"""A pool of worker processes for work that would stop the event loop: limited, killable, replaced when they die."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from server.errors import Unavailable, WorkerDied, WorkerFrozen, WorkTooLarge
from server.jobs import kept_memory, worker_main
from server.jobs.watch import LOOK_SECONDS, CallWatch, Finding
from server.jobs.worker_process import CallEnd, HandOver, NotBegunError, OnReport, Worker, WorkerFunction

_LOG = logging.getLogger("jindu.workers")

_CALLS_PER_WORKER = 500  # libraries that leak a little never get to leak much
_RECYCLE_SHARE = 0.5  # of the memory limit: a worker still this large after a call is replaced
SILENCE_SECONDS = 120.0  # without a sign of life: longer than a disk that is only slow keeps a process waiting
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

    def __init__(
        self,
        *,
        size: int,
        memory_mib: int,
        niceness: int = 10,
        preload: Sequence[str] = (),
        silence_seconds: float = SILENCE_SECONDS,
        look_seconds: float = LOOK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size = size
        self._silence_seconds = silence_seconds
        self._look_seconds = look_seconds
        self._clock = clock
        self._memory_mib = memory_mib
        self._niceness = niceness
        self._processes = multiprocessing.get_context("forkserver")
        if preload:
            self._processes.set_forkserver_preload([kept_memory.__name__, *preload])
        self._slots = asyncio.Semaphore(size)
        self._starting = asyncio.Lock()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
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
        it dies by itself and `WorkerFrozen` when it shows no sign of life, `WorkTooLarge` with the code
        `out_of_memory` or `timed_out`.
        """
        async with self._slots:
            for _ in range(_IDLE_DEATHS):
                try:
                    return await self._run_once(function, argument, on_report, timeout_seconds)
                except NotBegunError:
                    continue  # it died while it was idle: nothing was done yet, so the next one may
        raise WorkerDied

    async def _run_once(
        self, function: WorkerFunction, argument: Any, on_report: OnReport | None, timeout_seconds: float | None
    ) -> Any:
        worker = await self._take()
        self._busy.add(worker)
        reusable = False
        try:
            answer = await self._call(worker, function, argument, on_report, self._watch(timeout_seconds))
            reusable = not self._is_worn(worker, answer)
            return answer.value(self._memory_mib)
        except EOFError as end:
            self._died += 1
            _LOG.warning("worker died", extra={"action": "worker_died", "pid": worker.pid})
            if isinstance(end, NotBegunError):
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

    async def _take(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive():
                return worker
            await self._in_thread(worker.bury)
        return await self._start()

    async def _start(self) -> Worker:
        async with self._starting:
            if self._closed:
                raise Unavailable
            start = asyncio.ensure_future(self._in_thread(self._start_blocking))
            try:
                worker: Worker = await asyncio.shield(start)
            except asyncio.CancelledError:
                start.add_done_callback(self._adopt)
                raise
            self._started += 1
            return worker

    def _adopt(self, start: asyncio.Future[Any]) -> None:
        # Whoever wanted this process was cancelled meanwhile; the next one may have it.
        if not start.cancelled() and start.exception() is None:
            self._put_back(start.result(), len(self._idle) + len(self._busy) < self._size)

    def _start_blocking(self) -> Worker:
        here, there = self._processes.Pipe()
        process = self._processes.Process(
            target=worker_main.main, args=(there, self._memory_mib, self._niceness), name="jindu-worker", daemon=True
        )
        process.start()
        there.close()
        return Worker(process, here)

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _watch(self, limit_seconds: float | None) -> CallWatch:
        return CallWatch(
            limit_seconds=limit_seconds,
            silence_seconds=self._silence_seconds,
            look_seconds=self._look_seconds,
            clock=self._clock,
        )

    async def _call(
        self, worker: Worker, function: WorkerFunction, argument: Any, on_report: OnReport | None, watch: CallWatch
    ) -> CallEnd:
        def heard(value: Any) -> None:
            watch.heard()
            if on_report is not None:
                on_report(value)

        hand_over = HandOver(asyncio.get_running_loop(), heard)
        reading = self._in_thread(worker.call, function, argument, hand_over)
        try:
            while not (await asyncio.wait({reading}, timeout=watch.look_seconds))[0]:
                self._end_what_is_hopeless(worker, watch)
            answer: CallEnd = reading.result()
            return answer
        finally:
            hand_over.stop()
            if not reading.done():
                worker.kill()  # only this ends the thread that reads
                reading.add_done_callback(_retrieved)

    def _end_what_is_hopeless(self, worker: Worker, watch: CallWatch) -> None:
        match watch.look(worker.signs()):
            case Finding.TOO_LONG:
                raise WorkTooLarge(
                    "This took longer than the allowed {seconds} seconds and was stopped; ask for less.",
                    code="timed_out",
                    seconds=watch.limit_seconds,
                )
            case Finding.FROZEN:
                self._died += 1
                _LOG.warning("worker is frozen", extra={"action": "worker_frozen", "pid": worker.pid})
                raise WorkerFrozen(seconds=round(self._silence_seconds))

    def _is_worn(self, worker: Worker, answer: CallEnd) -> bool:
        """Whoever met a limit or fell over something may have left anything behind: the next call gets a fresh one."""
        is_well = answer.kind in ("result", "error")
        return not is_well or worker.calls >= _CALLS_PER_WORKER or answer.held_mib > self._memory_mib * _RECYCLE_SHARE

    def _put_back(self, worker: Worker, reusable: bool) -> None:
        if reusable and not self._closed:
            self._idle.append(worker)
            return
        worker.kill()
        if self._closed:
            return
        self._keep(asyncio.get_running_loop().create_task(self._replace(worker)))

    async def _replace(self, worker: Worker) -> None:
        await self._in_thread(worker.bury)
        if len(self._idle) + len(self._busy) < self._size and not self._closed:
            self._put_back(await self._start(), True)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._refills.add(task)
        task.add_done_callback(self._refills.discard)


def _retrieved(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()  # known already: we killed the process ourselves


def processor_count() -> int:
    """Cores this process may use, not those the machine has."""
    return len(os.sched_getaffinity(0))
