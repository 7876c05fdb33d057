"""What the parts of a server say, as far as the figures are read from it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from server.jobs.shared_workers import WORK_BOUNDS
from server.jobs.tallies import JobCounting
from server.metrics import Histogram, LagStatistics
from server.monitoring.processes import ProcessReading
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager

PROCESS = ProcessReading(
    memory_bytes=200,
    cpu_seconds=3.0,
    worker_memory_bytes=900,
    worker_cpu_seconds=5.0,
    workers=2,
    machine_memory_bytes=10_000,
)


class Parts:
    """`manager.traffic` and the other counters can be counted up; the rest stands still."""

    def __init__(self) -> None:
        self.manager = ConnectionManager(LiveLimits())
        self.counting = JobCounting()
        self.connections_open: int | None = None
        pool = SimpleNamespace(busy=1, died=0)
        self.sources: dict[str, Any] = {
            "connections": self._connections,
            "traffic": self.manager.traffic.statistics,
            "deliveries": lambda: {"sent": 3, "failed": 1, "perhaps_sent": 0},
            "schedules": lambda: {"started": 2, "failed": 1, "skipped": 0, "missed": 0},
            "job_tallies": self.counting.statistics,
            "event_loop": lambda: LagStatistics(p50_ms=0.1, p99_ms=2.0, max_ms=4.0),
            "jobs": lambda: SimpleNamespace(running=1, queued=2),
            "external_jobs": lambda: SimpleNamespace(running=0),
            "stored_bytes": lambda: {"datasets": 300, "uploads": 200, "reports": 100, "database": 50},
            "queries_took": Histogram(WORK_BOUNDS).counts,
            "peers": dict,
            "pushes": dict,
            "storage": lambda: SimpleNamespace(free_bytes=600, total_bytes=1_000),
            **dict.fromkeys(("workers", "interactive", "exports"), lambda: pool),
        }

    def readings(self) -> dict[str, Any]:
        return {name: read() for name, read in self.sources.items()} | {"process": PROCESS}

    def _connections(self) -> Any:
        found = self.manager.statistics()
        if self.connections_open is None:
            return found
        return SimpleNamespace(
            connections=self.connections_open,
            users=1,
            subscriptions=0,
            unsent_bytes=0,
            refused=0,
            conflated=0,
            closed={},
            by_transport={},
        )
