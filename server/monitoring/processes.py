"""How much memory and processor time the server and its workers take."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessReading:
    """Processor time since the start of each; that of workers that have ended goes with them."""

    memory_bytes: int
    cpu_seconds: float
    worker_memory_bytes: int
    worker_cpu_seconds: float
    workers: int
    machine_memory_bytes: int


def read_processes() -> ProcessReading:
    """To be called in a thread: it looks at every process of the machine to find our workers."""
    own = psutil.Process(os.getpid())
    memory_bytes, cpu_seconds, count = 0, 0.0, 0
    for worker in own.children(recursive=True):
        try:
            with worker.oneshot():
                memory_bytes += worker.memory_info().rss
                cpu_seconds += _cpu_seconds(worker)
                count += 1
        except psutil.NoSuchProcess:
            continue  # it has just ended
    return ProcessReading(
        memory_bytes=own.memory_info().rss,
        cpu_seconds=_cpu_seconds(own),
        worker_memory_bytes=memory_bytes,
        worker_cpu_seconds=cpu_seconds,
        workers=count,
        machine_memory_bytes=int(psutil.virtual_memory().total),
    )


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
