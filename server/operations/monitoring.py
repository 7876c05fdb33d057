"""What administrators can ask of the server's past and present: figures over time, availability, and what is wrong."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server import __version__
from server.alerts.alert import Alert, AlertRule
from server.alerts.store import all_rules, past_alerts
from server.alerts.subject import WHOLE
from server.alerts.windows import MaintenanceWindow, spans_of, windows_since
from server.auth.networks import is_among
from server.auth.permissions import Principal
from server.care.nightly import backup_state
from server.clock import utc_now
from server.errors import FieldError, InvalidInput, NotSignedIn
from server.monitoring.exposition import exposition
from server.monitoring.nodes_seen import NodeSeen, nodes_seen
from server.monitoring.outlook import free_room, full_at
from server.monitoring.samples import STEP_SECONDS, SampleStore, StoredSample, summed, summed_by_node
from server.monitoring.series import CURVES, MetricSeries, series_of, series_of_all
from server.monitoring.summing import MetricSample
from server.monitoring.uptime import Availability, Run, UptimeSpan, availability, runs_since
from server.operations.present import WATCHED_AS, Concern, Present
from server.storage.database import Database

LEAST_POINTS, MOST_POINTS = 50, 1_500
MOST_METRICS = 20
_DAYS = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}
_HOUR_SECONDS = 3_600
_MOST_ALERTS = 100


class LinesOf(StrEnum):
    """For each metric a line of every node, or one of all of them together."""

    NODES = "nodes"  # each
    WHOLE = "whole"  # all of them together


class LookBack(StrEnum):
    """How far back a chart goes."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    QUARTER = "90d"

    @property
    def seconds(self) -> int:
        return {"1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "90d": 90 * 86_400}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricHistory:
    """Points are `step_seconds` apart; a node that is new, or was not up, has none where it was not."""

    begin: datetime
    end: datetime
    step_seconds: int
    series: Sequence[MetricSeries]
    nodes: Sequence[str]  # of which anything is known
    runs: Sequence[Run]  # that lived meanwhile, and the last before them: starts, stops and versions
    maintenance: Sequence[UptimeSpan]
    alerts: Sequence[Alert]  # that fired meanwhile, the newest first


async def nothing_in_vain(_connection: AsyncConnection) -> Mapping[str, int]:
    """Of a server that runs all its jobs itself."""
    return {}


class MonitoringOperations:
    def __init__(
        self,
        *,
        database: Database,
        store: SampleStore,
        readings: Callable[[], Awaitable[dict[str, Any]]],
        metrics_addresses: Collection[str] = (),
        certificate_end: Callable[[datetime], datetime | None] = lambda _: None,
        refused_origins: Callable[[], Sequence[str]] = tuple,
        waiting_in_vain: Callable[[AsyncConnection], Awaitable[Mapping[str, int]]] = nothing_in_vain,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._readings = readings
        self._metrics_addresses = metrics_addresses
        self._certificate_end = certificate_end
        self._refused_origins = refused_origins
        self._waiting_in_vain = waiting_in_vain
        self._clock = clock

    async def history(
        self,
        principal: Principal,
        span: LookBack,
        metrics: Sequence[str],
        *,
        most_points: int = MOST_POINTS,
        lines_of: LinesOf = LinesOf.NODES,
        node: str = "",
    ) -> MetricHistory:
        """Of all nodes, or of one. Raises `InvalidInput` that names what there is for a metric that there is not."""
        principal.require_admin()
        _require_known(metrics)
        tier = self._store.tier_for(span.seconds, most_points=MOST_POINTS)
        step_seconds = tier.step_seconds * math.ceil(span.seconds / tier.step_seconds / most_points)
        end = _step_of(self._clock())
        begin = end - span.seconds
        begin -= begin % step_seconds
        async with self._database.read() as connection:
            stored = await self._store.between(connection, tier.step_seconds, begin, end)
            runs = await runs_since(connection, _moment(begin))
            windows = await windows_since(connection, _moment(begin))
            alerts = await past_alerts(connection, limit=_MOST_ALERTS, since=_moment(begin))
        wanted = [each for each in stored if not node or each.node == node]
        draw = series_of if lines_of is LinesOf.NODES else series_of_all
        return MetricHistory(
            begin=_moment(begin),
            end=_moment(end),
            step_seconds=step_seconds,
            series=await asyncio.to_thread(draw, wanted, metrics, begin=begin, end=end, step_seconds=step_seconds),
            nodes=sorted({each.node for each in stored}),
            runs=[run for run in runs if not node or run.node == node],
            maintenance=spans_of(windows, _moment(begin), _moment(end)),
            alerts=[alert for alert in alerts if not node or alert.node in (WHOLE, node)],
        )

    async def availability(self, principal: Principal) -> dict[str, Availability]:
        """Over 24 hours, 7, 30 and 90 days."""
        principal.require_admin()
        now = self._clock()
        async with self._database.read() as connection:
            return _uptimes(await _known_runs(connection, now), await _known_windows(connection, now), now)

    async def nodes(self, principal: Principal) -> tuple[NodeSeen, ...]:
        """Those of the last day, what needs a look first."""
        principal.require_admin()
        now = self._clock()
        end = _step_of(now)
        async with self._database.read() as connection:
            last = await self._store.between(connection, STEP_SECONDS, end - 2 * STEP_SECONDS, end)
            hour = await self._store.between(connection, 60, end - _HOUR_SECONDS, end)
            runs = await _known_runs(connection, now)
        return await asyncio.to_thread(lambda: nodes_seen(runs, last, summed_by_node(hour), now))

    async def present(self, principal: Principal) -> Present:
        """What is worth a look every few seconds."""
        principal.require_admin()
        now = self._clock()
        end = _step_of(now)
        async with self._database.read() as connection:
            last = await self._store.between(connection, STEP_SECONDS, end - 2 * STEP_SECONDS, end)
            hour = await self._store.between(connection, 60, end - _HOUR_SECONDS, end)
            day = await self._store.between(connection, 600, end - 24 * _HOUR_SECONDS, end)
            week = await self._store.between(connection, _HOUR_SECONDS, end - 7 * 24 * _HOUR_SECONDS, end)
            runs, windows = await _known_runs(connection, now), await _known_windows(connection, now)
            alerts = await past_alerts(connection, limit=_MOST_ALERTS, since=now)
            rules = await all_rules(connection)
            backup = await backup_state(connection)
            waiting_in_vain = await self._waiting_in_vain(connection)
        up = {run.node for run in runs if run.is_alive(now)}
        of_last, of_hour, of_day, by_node, disk_full_at = await asyncio.to_thread(
            lambda: (summed(last), summed(hour), summed(day), summed_by_node(hour), full_at(free_room(_of(week, up))))
        )
        lag_at = _most_lag(by_node)
        seconds = STEP_SECONDS * len({each.at for each in last})
        return Present(
            limits=_limits(rules),
            connections_refused=of_day.get("handshakes_refused", 0),
            messages_per_second_in=_value("messages_received", of_last, seconds),
            messages_per_second_out=_value("messages_sent", of_last, seconds),
            connection_failure_rate=_value("connection_failure_rate", of_day, 1),
            delivery_p50_ms=_in_ms(_value("delivery_p50", of_hour, 1)),
            delivery_p95_ms=_in_ms(_value("delivery_p95", of_hour, 1)),
            delivery_p99_ms=_in_ms(_value("delivery_p99", of_hour, 1)),
            workers_died=of_hour.get("workers_died", 0),
            workers_died_at_one=max((found.get("workers_died", 0) for found in by_node.values()), default=0),
            loop_lag_ms=of_hour["loop_lag"][1] if "loop_lag" in of_hour else None,
            loop_lag_at=lag_at if len(up) > 1 else "",
            is_lag_of_worker=any(run.node == lag_at and not run.serves_people for run in runs),
            jobs_failed=of_day.get("jobs_failed", 0),
            disk_full_at=disk_full_at,
            backup=backup,
            sampled_at=_moment(last[-1].at + STEP_SECONDS) if last else None,
            availability=_uptimes(runs, windows, now),
            firing=tuple(alert for alert in alerts if alert.is_firing),
            is_maintained=any(window.is_under_way(now) for window in windows),
            certificate_ends_at=await asyncio.to_thread(self._certificate_end, now),
            refused_origins=tuple(self._refused_origins()),
            as_of=now,
            nodes=nodes_seen(runs, last, by_node, now),
            waiting_in_vain=waiting_in_vain,
        )

    async def exposition(self, principal: Principal | None, *, address: str) -> bytes:
        """This node's figures in the text format of Prometheus.

        For administrators, and for whoever asks from an address that the settings allow.
        """
        if not is_among(address, self._metrics_addresses):
            if principal is None:
                raise NotSignedIn
            principal.require_admin()
        return await asyncio.to_thread(exposition, await self._readings(), version=__version__)


async def _known_runs(connection: AsyncConnection, now: datetime) -> Sequence[Run]:
    """All that any of the times may ask of."""
    return await runs_since(connection, now - timedelta(days=max(_DAYS.values())))


async def _known_windows(connection: AsyncConnection, now: datetime) -> Sequence[MaintenanceWindow]:
    return await windows_since(connection, now - timedelta(days=max(_DAYS.values())))


def _uptimes(runs: Sequence[Run], windows: Sequence[MaintenanceWindow], now: datetime) -> dict[str, Availability]:
    planned = spans_of(windows, now - timedelta(days=max(_DAYS.values())), now)
    return {name: availability(runs, now - timedelta(days=days), now, planned) for name, days in _DAYS.items()}


def _limits(rules: Sequence[AlertRule]) -> dict[Concern, float]:
    """Of the rules that are there by themselves, as they were changed."""
    by_id = {rule.id: rule.threshold for rule in rules}
    return {concern: by_id[subject] for concern, subject in WATCHED_AS.items()}


def _require_known(metrics: Sequence[str]) -> None:
    if len(metrics) > MOST_METRICS:
        message = "Ask for at most {limit} metrics at once."
        raise InvalidInput(errors=[FieldError(field="metrics", message=message, parameters={"limit": MOST_METRICS})])
    unknown = [name for name in metrics if name not in CURVES]
    if unknown:
        problem = FieldError(
            field="metrics",
            message="There is no metric “{name}”; there are {known}.",
            parameters={"name": unknown[0][:100], "known": ", ".join(CURVES)},
        )
        raise InvalidInput(errors=[problem])


def _value(name: str, sample: MetricSample, seconds: int) -> float | None:
    found = CURVES[name].value_of(sample, seconds) if sample else None
    return found[0] if found else None


def _of(stored: Sequence[StoredSample], nodes: Collection[str]) -> list[StoredSample]:
    """What is known of nodes that are up: a disk of one that is gone fills no more. Of all where none is."""
    return [each for each in stored if not nodes or each.node in nodes]


def _most_lag(by_node: Mapping[str, MetricSample]) -> str:
    """The node whose event loop stood still for the longest."""
    known = [(lag[1], node) for node, found in by_node.items() if (lag := found.get("loop_lag"))]
    return max(known, default=(0, ""))[1]


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1_000, 2)


def _step_of(now: datetime) -> int:
    """When the step under way began, which is no step yet."""
    return int(now.timestamp()) // STEP_SECONDS * STEP_SECONDS


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
