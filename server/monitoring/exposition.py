"""This node's figures as Prometheus reads them, by its naming conventions: base units, `_total` for what only rises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric as Family

from server.metrics import HistogramCounts
from server.monitoring.metrics import Readings, running_jobs

_POOLS = ("workers", "interactive", "exports")


def exposition(readings: Readings, *, version: str) -> bytes:
    """The text format. Every label has few values: no user, job or address is among them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(readings, version))
    return generate_latest(registry)


class _Collected:
    def __init__(self, readings: Readings, version: str) -> None:
        self._readings = readings
        self._version = version

    def collect(self) -> Iterable[Family]:
        info = InfoMetricFamily("jindu_build", "Which program this is.")
        info.add_metric([], {"version": self._version})
        yield info
        yield from families(self._readings)


def families(readings: Readings) -> Iterable[Family]:
    """All figures, for whichever way they go out."""
    yield from _live(readings)
    yield from _jobs(readings)
    yield from _http(readings)
    yield from _machine(readings)


def _live(readings: Readings) -> Iterable[Family]:
    connections, traffic = readings["connections"], readings["traffic"]
    yield _gauge("jindu_connections", "Live connections that are open.", connections.connections)
    by_transport = connections.by_transport
    yield _gauge_by(
        "jindu_connections_by_transport", "Live connections by what carries them.", by_transport, "transport"
    )
    yield _gauge("jindu_connected_users", "Users with at least one live connection.", connections.users)
    yield _gauge("jindu_subscriptions", "Event names subscribed, over all connections.", connections.subscriptions)
    yield _gauge("jindu_unsent_bytes", "Bytes that wait for slow connections.", connections.unsent_bytes)
    yield _counter("jindu_handshakes_accepted", "Live connections that were let in.", traffic.accepted, "transport")
    yield _counter("jindu_handshakes_refused", "Live connections that were refused.", traffic.refused, "reason")
    yield _counter("jindu_connections_closed", "Live connections the server closed.", connections.closed, "reason")
    if (broker := readings.get("broker")) is not None:
        yield _gauge("jindu_reaches_nodes", "Whether what is told here is heard at other nodes.", int(broker.is_whole))
        yield _counter("jindu_broker_words_lost", "Messages that did not leave for other nodes.", broker.not_sent)
        yield _counter("jindu_broker_words_unknown", "Messages of other nodes in no known form.", broker.not_understood)
        yield _counter("jindu_broker_lines_lost", "Times that the line to other nodes broke.", broker.lines_lost)
        yield _gauge(
            "jindu_broker_round_seconds", "How long a word of this node took to come back.", broker.round_seconds
        )
    yield _counter("jindu_messages_sent", "Messages handed to connections.", traffic.sent, "type")
    yield _counter("jindu_messages_received", "Commands of clients.", traffic.received, "type")
    yield _counter("jindu_messages_refused", "Messages that came in faster than allowed.", connections.refused)
    yield _counter("jindu_messages_merged", "Progress that newer progress replaced.", connections.conflated)
    yield _counter("jindu_errors_sent", "Errors told to clients.", traffic.errors, "code")
    yield _counter("jindu_sent_bytes", "Bytes of messages sent.", traffic.sent_bytes)
    yield _counter("jindu_received_bytes", "Bytes of messages received.", traffic.received_bytes)
    outcomes = {"whole": traffic.recoveries_whole, "refused": traffic.recoveries_refused}
    yield _counter("jindu_recoveries", "Clients that came back for what they missed.", outcomes, "outcome")
    yield _counter("jindu_pushes", "Notifications for browsers that no page shows.", readings["pushes"], "outcome")
    yield _counter("jindu_transfers", "Files offered from browser to browser.", readings["peers"], "outcome")
    yield _histogram("jindu_delivery_seconds", "From publication to the socket's write.", {"": traffic.delivery})


def _jobs(readings: Readings) -> Iterable[Family]:
    jobs, tallies = readings["jobs"], readings["job_tallies"]
    yield _gauge("jindu_jobs_running", "Jobs that run.", running_jobs(readings))
    yield _gauge("jindu_jobs_waiting", "Jobs that wait for their turn.", jobs.queued)
    yield _counter("jindu_job_attempts", "Attempts that began.", tallies.started, "kind")
    ended = CounterMetricFamily("jindu_jobs_ended", "Jobs that ended.", labels=("kind", "state"))
    for kind, states in tallies.ended.items():
        for state, times in states.items():
            ended.add_metric((kind, state), times)
    yield ended
    yield _counter("jindu_job_units", "What jobs have moved, in their units.", tallies.moved, "unit")
    yield _histogram("jindu_job_wait_seconds", "From the queue to the start.", {"": tallies.waited})
    yield _histogram("jindu_job_duration_seconds", "From start to end.", tallies.took, "kind")
    yield _histogram(
        "jindu_query_seconds", "Previews and queries, with the wait for a turn.", {"": readings["queries_took"]}
    )
    yield _counter("jindu_schedule_runs", "Runs of schedules.", readings["schedules"], "state")
    yield _counter("jindu_deliveries", "Deliveries of reports.", readings["deliveries"], "state")
    for name, text in (("busy", "Worker processes at work."), ("size", "Worker processes there may be.")):
        yield _gauge_by(f"jindu_workers_{name}", text, {pool: getattr(readings[pool], name) for pool in _POOLS}, "pool")
    for name, text in (("started", "Worker processes started."), ("died", "Worker processes that died.")):
        yield _counter(f"jindu_workers_{name}", text, {pool: getattr(readings[pool], name) for pool in _POOLS}, "pool")


def _http(readings: Readings) -> Iterable[Family]:
    if "requests" not in readings:
        return
    requests = readings["requests"]
    answered = CounterMetricFamily("jindu_http_requests", "Requests answered.", labels=("method", "route", "status"))
    for (method, route, status), times in requests.by_route.items():
        answered.add_metric((method, route, str(status)), times)
    yield answered
    yield _histogram("jindu_http_request_duration_seconds", "From request to answer.", {"": requests.took})


def _machine(readings: Readings) -> Iterable[Family]:
    yield _gauge("jindu_event_loop_lag_seconds", "The longest in the last minute.", readings["event_loop"].max_ms / 1e3)
    yield _gauge("jindu_disk_free_bytes", "Room where the data is.", readings["storage"].free_bytes)
    yield _gauge("jindu_disk_size_bytes", "The whole disk where the data is.", readings["storage"].total_bytes)
    if "files_away" in readings:
        yield _gauge(
            "jindu_reaches_files", "Whether the store of files answers this node.", int(not readings["files_away"])
        )
    yield _gauge_by("jindu_stored_bytes", "What is stored, by kind.", readings["stored_bytes"], "kind")
    process = readings["process"]
    if process is not None:
        memory = {"server": process.memory_bytes, "workers": process.worker_memory_bytes}
        cpu = {"server": process.cpu_seconds, "workers": process.worker_cpu_seconds}
        yield _gauge_by("jindu_resident_memory_bytes", "Memory of the processes.", memory, "role")
        if connections := readings["connections"].connections:
            yield _gauge(
                "jindu_memory_per_connection_bytes",
                "Memory of the server with all that it holds, over the live connections: none costs more.",
                process.memory_bytes / connections,
            )
        yield _counter("jindu_cpu_seconds", "Processor time of the processes.", cpu, "role")


def _gauge(name: str, text: str, value: float) -> Family:
    return GaugeMetricFamily(name, text, value=value)


def _gauge_by(name: str, text: str, values: Mapping[str, float], label: str) -> Family:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _counter(name: str, text: str, value: float | Mapping[str, float], label: str = "") -> Family:
    if not isinstance(value, Mapping):
        return CounterMetricFamily(name, text, value=value)
    family = CounterMetricFamily(name, text, labels=(label,))
    for key, times in value.items():
        family.add_metric((key,), times)
    return family


def _histogram(name: str, text: str, by: Mapping[str, HistogramCounts], label: str = "") -> Family:
    family = HistogramMetricFamily(name, text, labels=(label,) if label else ())
    for key, found in by.items():
        limits = [*map(str, found.bounds), "+Inf"]
        buckets = list(zip(limits, accumulate(found.counts), strict=True))
        family.add_metric((key,) if label else (), buckets, found.sum)
    return family
