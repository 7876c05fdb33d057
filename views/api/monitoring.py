"""`/admin/monitoring`, `/admin/nodes` and `/admin/statistics`: how the server did over time, and how it does."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from server.care.nightly import BackupState
from server.http.endpoint import Call, Endpoint, NoQuery
from server.monitoring.nodes_seen import NodeStanding
from server.monitoring.series import CURVES
from server.monitoring.uptime import Availability
from server.operations.monitoring import (
    LEAST_POINTS,
    MOST_METRICS,
    MOST_POINTS,
    LinesOf,
    LookBack,
    MetricHistory,
)
from server.operations.present import Present
from views.api.alerts import AlertInfo, alert_info

_DEFAULT = "connections,messages_sent,messages_received,delivery_p99,loop_lag,jobs_running,jobs_waiting,reports"
# Said in the document; what is wrong with them, the operation says.
_NAMES = "^({0})(,({0})){{0,{1}}}$".format("|".join(CURVES), MOST_METRICS - 1)


class MonitoringQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`metrics` are names, comma-separated; the error for a wrong one lists all there are. `of=whole` puts the nodes
    together, as `node` each metric of one alone."""

    range: LookBack = LookBack.HOUR
    points: Annotated[int, Meta(ge=LEAST_POINTS, le=MOST_POINTS)] = MOST_POINTS  # at most so many of each
    metrics: Annotated[str, Meta(max_length=2_000, extra_json_schema={"pattern": _NAMES})] = _DEFAULT
    of: LinesOf = LinesOf.NODES
    node: Annotated[str, msgspec.Meta(max_length=100)] = ""


class MetricLine(msgspec.Struct, frozen=True, kw_only=True):
    """Points are `[time, value, most]`: seconds since 1970, the average, the most at any moment; null where unknown.
    `node` is empty where all are together: what is counted is added, of delays of the server and of room on a disk the
    worst is taken, shares and percentiles are those of all."""

    metric: str
    node: str
    unit: str
    points: list[tuple[int, float | None, float | None]]


class ServerRun(msgspec.Struct, frozen=True, kw_only=True):
    """`ending` is `stopped` (in order), `silent` (it froze, and went on), `clock_set` (it went on at another time),
    `restored` (it went on after the backup that was restored), null while it lives or when it crashed. A node of the
    `role` `worker` serves nobody, and does not count for availability."""

    node: str
    version: str
    role: str
    started_at: datetime
    seen_at: datetime
    ending: str | None


class MonitoringAnswer(msgspec.Struct, frozen=True, kw_only=True):
    begin: datetime
    end: datetime
    step_seconds: int
    series: list[MetricLine]
    nodes: list[str]  # of which anything is known, also those that are gone
    runs: list[ServerRun]
    maintenance: list[tuple[datetime, datetime]]
    alerts: list[AlertInfo]  # that fired meanwhile


async def get_monitoring(call: Call[None, MonitoringQuery]) -> MonitoringAnswer:
    names = call.query.metrics.split(",")
    found = await call.operations.monitoring.history(
        call.principal,
        call.query.range,
        names,
        most_points=call.query.points,
        lines_of=call.query.of,
        node=call.query.node,
    )
    return monitoring_answer(found)


def monitoring_answer(found: MetricHistory) -> MonitoringAnswer:
    return MonitoringAnswer(
        begin=found.begin,
        end=found.end,
        step_seconds=found.step_seconds,
        series=[
            MetricLine(metric=each.metric, node=each.node, unit=each.unit, points=each.points) for each in found.series
        ],
        nodes=list(found.nodes),
        runs=[
            ServerRun(
                node=run.node,
                version=run.version,
                role=run.role,
                started_at=run.started_at,
                seen_at=run.seen_at,
                ending=run.ending.value if run.ending else None,
            )
            for run in found.runs
        ],
        maintenance=list(found.maintenance),
        alerts=[alert_info(alert) for alert in found.alerts],
    )


class NodeLine(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is `up`, `stopped` (in order) or `lost` (nothing is heard of it). Levels are of the last ten seconds,
    null of a node that is not up; `loop_lag_ms` is the longest of the last hour, in which `words_lost` were not told to
    other nodes and the line to them broke `lines_lost` times. `reaches_files` is null where files lie on its own disk,
    `hears_others` where it is set up to be alone."""

    node: str
    role: str
    version: str
    state: NodeStanding
    started_at: datetime
    seen_at: datetime
    connections: int | None
    jobs_running: int | None
    memory_bytes: int | None
    loop_lag_ms: float | None
    words_lost: int
    lines_lost: int
    reaches_files: bool | None
    hears_others: bool | None


class NodeLines(msgspec.Struct, frozen=True, kw_only=True):
    items: list[NodeLine]  # lost ones first, then by name; those that stopped at the end


async def list_nodes(call: Call[None, NoQuery]) -> NodeLines:
    return NodeLines(
        items=[
            NodeLine(
                node=each.name,
                role=each.role,
                version=each.version,
                state=each.standing,
                started_at=each.started_at,
                seen_at=each.seen_at,
                connections=each.connections,
                jobs_running=each.jobs_running,
                memory_bytes=each.memory_bytes,
                loop_lag_ms=each.loop_lag_ms,
                words_lost=each.words_lost,
                lines_lost=each.lines_lost,
                reaches_files=each.reaches_files,
                hears_others=each.hears_others,
            )
            for each in await call.operations.monitoring.nodes(call.principal)
        ]
    )


async def get_statistics(call: Call[None, NoQuery]) -> dict[str, Any]:
    statistics = await call.operations.admin.statistics(call.principal)
    return statistics | _present(await call.operations.monitoring.present(call.principal))


def _present(found: Present) -> dict[str, Any]:
    return {
        "messages_per_second": {"in": found.messages_per_second_in, "out": found.messages_per_second_out},
        "connection_failure_rate": found.connection_failure_rate,
        "delivery_ms": {"p50": found.delivery_p50_ms, "p95": found.delivery_p95_ms, "p99": found.delivery_p99_ms},
        "availability": {name: _uptime(uptime) for name, uptime in found.availability.items()},
        "nodes": found.up,
        "workers_died": found.workers_died,
        "disk_full_at": found.disk_full_at,
        "backup": None if found.backup is None else _backup(found.backup),
        "certificate_ends_at": found.certificate_ends_at,
        "refused_origins": found.refused_origins,
        "concerns": found.concerns,
        "waiting_in_vain": dict(found.waiting_in_vain),
        "firing": [alert_info(alert) for alert in found.firing],
        "maintenance": found.is_maintained,
    }


def _backup(found: BackupState) -> dict[str, Any]:
    newest, proven = found.newest, found.proven
    return {
        "began_at": newest.began_at,
        "problem": newest.problem,
        "file": newest.file,
        "bytes": newest.bytes,
        "proven_at": None if proven is None else proven.proven_at,
        "proven_file": None if proven is None else proven.file,
    }


def _uptime(found: Availability) -> dict[str, Any]:
    return {
        "share": found.share,
        "known_since": found.known_since,
        "whole": found.is_whole,
        "known_seconds": found.known_seconds,
        "down_seconds": found.down_seconds,
        "planned_seconds": found.planned_seconds,
        "gaps": [{"begin": gap.begin, "end": gap.end, "kind": gap.kind} for gap in found.gaps],
    }


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/admin/monitoring",
        name="api_monitoring",
        handler=get_monitoring,
        summary="Figures over time",
        access="admin",
        query=MonitoringQuery,
        answer=MonitoringAnswer,
    ),
    Endpoint(
        method="GET",
        path="/admin/nodes",
        name="api_nodes",
        handler=list_nodes,
        summary="The nodes of the last day",
        access="admin",
        answer=NodeLines,
    ),
    Endpoint(
        method="GET",
        path="/admin/statistics",
        name="api_statistics",
        handler=get_statistics,
        summary="Figures of every part, and how the whole does",
        access="admin",
        answer=dict[str, Any],
    ),
]
