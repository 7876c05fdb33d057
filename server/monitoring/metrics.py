"""Which figures are kept over time, and where each is read.

A metric is one line here. It is read from the `statistics()` of the server's parts, by name, all taken at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from server.jobs.shared_workers import WORK_BOUNDS
from server.jobs.tallies import JOB_BOUNDS
from server.metrics import HistogramCounts
from server.realtime.traffic import DELIVERY_BOUNDS

Readings = Mapping[str, Any]


class OverNodes(StrEnum):
    """What a level of the whole is, from those of its nodes."""

    SUM = "sum"
    MOST = "most"  # each says the same of all, or the worst one counts
    LEAST = "least"


class MetricKind(StrEnum):
    LEVEL = "level"  # how much there is at a moment: kept as least, most, sum and count
    COUNT = "count"  # how often something happened since the start: kept as how often within the time
    DELAY = "delay"  # how often something took how long since the start: kept likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`read` gives a number, for a delay `HistogramCounts`; None when there is none at the moment."""

    name: str
    kind: MetricKind
    unit: str
    read: Callable[[Readings], Any]
    bounds: tuple[float, ...] = ()  # of a delay, in seconds
    over_nodes: OverNodes = OverNodes.SUM  # of a level


def _level(
    name: str, unit: str, read: Callable[[Readings], float | None], over_nodes: OverNodes = OverNodes.SUM
) -> Metric:
    return Metric(name=name, kind=MetricKind.LEVEL, unit=unit, read=read, over_nodes=over_nodes)


def _count(name: str, unit: str, read: Callable[[Readings], float | None]) -> Metric:
    return Metric(name=name, kind=MetricKind.COUNT, unit=unit, read=read)


def _delay(name: str, bounds: tuple[float, ...], read: Callable[[Readings], HistogramCounts]) -> Metric:
    return Metric(name=name, kind=MetricKind.DELAY, unit="seconds", read=read, bounds=bounds)


def _of_process(name: str) -> Callable[[Readings], Any]:
    """A server that stops does not look at its processes once more."""
    return lambda readings: getattr(readings["process"], name, None)


def _ended(readings: Readings, *states: str) -> int:
    return sum(ended.get(state, 0) for ended in readings["job_tallies"].ended.values() for state in states)


def _answers(readings: Readings, fits: Callable[[str, str, int], bool]) -> int:
    if "requests" not in readings:  # a process without a web application
        return 0
    return sum(times for answered, times in readings["requests"].by_route.items() if fits(*answered))


def running_jobs(readings: Readings) -> int:
    """Those of scripts too: people see them in the same list."""
    running: int = readings["jobs"].running + readings["external_jobs"].running
    return running


def _is_refused_sign_in(method: str, route: str, status: int) -> bool:
    return method == "POST" and route in ("/login", "/api/v1/login", "/api/v1/tokens") and status in (401, 422, 429)


METRICS: tuple[Metric, ...] = (
    _level("connections", "connections", lambda r: r["connections"].connections),
    _level("users_connected", "users", lambda r: r["connections"].users),
    _level("subscriptions", "subscriptions", lambda r: r["connections"].subscriptions),
    _level("unsent_bytes", "bytes", lambda r: r["connections"].unsent_bytes),
    _count("handshakes_accepted", "handshakes", lambda r: sum(r["traffic"].accepted.values())),
    _count("handshakes_refused", "handshakes", lambda r: sum(r["traffic"].refused.values())),
    _count("messages_sent", "messages", lambda r: sum(r["traffic"].sent.values())),
    _count("messages_received", "messages", lambda r: sum(r["traffic"].received.values())),
    _count("bytes_sent", "bytes", lambda r: r["traffic"].sent_bytes),
    _count("bytes_received", "bytes", lambda r: r["traffic"].received_bytes),
    _count("errors_told", "messages", lambda r: sum(r["traffic"].errors.values())),
    _count("messages_refused", "messages", lambda r: r["connections"].refused),
    _count("messages_merged", "messages", lambda r: r["connections"].conflated),
    _count("slow_consumers", "connections", lambda r: r["connections"].closed.get("slow_consumer", 0)),
    _count("recoveries_whole", "recoveries", lambda r: r["traffic"].recoveries_whole),
    _count("recoveries_refused", "recoveries", lambda r: r["traffic"].recoveries_refused),
    _level("broker_away", "nodes", lambda r: None if "broker" not in r else int(not r["broker"].is_whole)),
    _level("files_away", "nodes", lambda r: int(r["files_away"]) if "files_away" in r else None),
    _count("broker_words_lost", "messages", lambda r: r["broker"].not_sent if "broker" in r else 0),
    _count("broker_lines_lost", "connections", lambda r: r["broker"].lines_lost if "broker" in r else 0),
    _delay("delivery", DELIVERY_BOUNDS, lambda r: r["traffic"].delivery),
    _level("loop_lag", "milliseconds", lambda r: r["event_loop"].max_ms, OverNodes.MOST),
    _level("memory", "bytes", _of_process("memory_bytes")),
    _level("worker_memory", "bytes", _of_process("worker_memory_bytes")),
    _level("machine_memory", "bytes", _of_process("machine_memory_bytes"), OverNodes.MOST),
    _count("cpu", "seconds", _of_process("cpu_seconds")),
    _count("worker_cpu", "seconds", _of_process("worker_cpu_seconds")),
    _level("jobs_running", "jobs", running_jobs),
    _level("jobs_waiting", "jobs", lambda r: r["jobs"].queued, OverNodes.MOST),  # of all nodes, as each sees it
    _count("jobs_started", "jobs", lambda r: sum(r["job_tallies"].started.values())),
    _count("jobs_ended", "jobs", lambda r: _ended(r, "succeeded", "failed", "cancelled")),
    _count("jobs_failed", "jobs", lambda r: _ended(r, "failed")),
    _delay("job_waiting", JOB_BOUNDS, lambda r: r["job_tallies"].waited),
    _count("rows", "rows", lambda r: r["job_tallies"].moved.get("rows", 0)),
    _count("uploaded_bytes", "bytes", lambda r: r["job_tallies"].moved.get("bytes", 0)),
    _count("reports", "reports", lambda r: r["job_tallies"].moved.get("reports", 0)),
    _level("workers_busy", "workers", lambda r: r["workers"].busy),
    _count("workers_died", "workers", lambda r: sum(r[pool].died for pool in ("workers", "interactive", "exports"))),
    _count("requests", "requests", lambda r: _answers(r, lambda *_: True)),
    _count("requests_failed", "requests", lambda r: _answers(r, lambda _method, _route, status: status >= 500)),
    _count("sign_ins_refused", "sign-ins", lambda r: _answers(r, _is_refused_sign_in)),
    _delay("queries", WORK_BOUNDS, lambda r: r["queries_took"]),
    _count("pushes_sent", "notifications", lambda r: r["pushes"].get("sent", 0)),
    _count("peer_offers", "transfers", lambda r: r["peers"].get("offered", 0)),
    _count("peer_accepted", "transfers", lambda r: r["peers"].get("accepted", 0)),
    _count("pushes_failed", "notifications", lambda r: r["pushes"].get("failed", 0)),
    _level("connections_websocket", "connections", lambda r: r["connections"].by_transport.get("websocket", 0)),
    _level("connections_events", "connections", lambda r: r["connections"].by_transport.get("events", 0)),
    _level("connections_graphql", "connections", lambda r: r["connections"].by_transport.get("graphql", 0)),
    _level("connections_grpc", "connections", lambda r: r["connections"].by_transport.get("grpc", 0)),
    _level("dataset_bytes", "bytes", lambda r: r["stored_bytes"].get("datasets"), OverNodes.MOST),
    _level("upload_bytes", "bytes", lambda r: r["stored_bytes"].get("uploads"), OverNodes.MOST),
    _level("report_bytes", "bytes", lambda r: r["stored_bytes"].get("reports"), OverNodes.MOST),
    _level("database_bytes", "bytes", lambda r: r["stored_bytes"].get("database"), OverNodes.MOST),
    _level("disk_free", "bytes", lambda r: r["storage"].free_bytes, OverNodes.LEAST),
    _level("disk_total", "bytes", lambda r: r["storage"].total_bytes, OverNodes.LEAST),
    _level("certificate_days", "days", lambda r: r.get("certificate_days"), OverNodes.LEAST),
    _level("keeps_backups", "nodes", lambda r: r.get("keeps_backups")),
)
BY_NAME = {metric.name: metric for metric in METRICS}
