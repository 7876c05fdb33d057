"""How the whole system does at the moment, and which of it somebody should look at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from server.alerts.alert import Alert
from server.alerts.subjects import LEAST_REFUSED
from server.care.nightly import BackupState
from server.monitoring.nodes_seen import NodeSeen, NodeStanding
from server.monitoring.uptime import Availability

_DAY_SECONDS = 86_400.0


class Concern(StrEnum):
    """What is not as it should be."""

    AVAILABILITY = "availability"
    HANDSHAKES = "handshakes"
    WORKERS = "workers"
    DISK = "disk"
    LAG = "lag"
    BACKUP = "backup"
    KINDS = "kinds"
    FILES = "files"
    NODES = "nodes"
    CERTIFICATE = "certificate"
    ORIGINS = "origins"


WATCHED_AS = {
    Concern.AVAILABILITY: "availability_24h",
    Concern.HANDSHAKES: "connection_failure_rate",
    Concern.WORKERS: "workers_died",
    Concern.DISK: "disk_days",
    Concern.LAG: "loop_lag",
    Concern.BACKUP: "backup_age",
    Concern.FILES: "files_away",
    Concern.NODES: "node_deaf",
    Concern.CERTIFICATE: "certificate_days",
}
"""Subjects of the alert rules whose thresholds say when it is one: what an administrator changes there counts here."""


_SAID_BY = {Concern.KINDS: "jobs_idle"}
"""Subjects of alerts that say it as well, and have other thresholds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """How the whole system does, over all nodes. Figures are None while nothing is known."""

    limits: Mapping[Concern, float]  # as the rules of the alerts say, also those that are off
    messages_per_second_in: float | None
    messages_per_second_out: float | None
    connections_refused: int  # in the last 24 hours
    connection_failure_rate: float | None  # of the last 24 hours, from 0 to 1
    delivery_p50_ms: float | None  # of the last hour
    delivery_p95_ms: float | None
    delivery_p99_ms: float | None
    workers_died: int  # in the last hour
    workers_died_at_one: int  # of them at the node where most did
    loop_lag_ms: float | None  # the longest in the last hour
    loop_lag_at: str  # the node where that was
    is_lag_of_worker: bool  # which serves nobody
    jobs_failed: int  # in the last 24 hours
    disk_full_at: datetime | None  # if it goes on like in the last week; None when not within a year
    backup: BackupState | None  # of those that the server makes by itself
    sampled_at: datetime | None  # when the last figures were kept
    availability: dict[str, Availability]
    firing: tuple[Alert, ...]
    is_maintained: bool  # whether a maintenance window is under way
    certificate_ends_at: datetime | None  # the server's own, if that is soon
    refused_origins: tuple[str, ...]  # of the last day, that may be our own
    as_of: datetime
    nodes: tuple[NodeSeen, ...]  # of the last day
    waiting_in_vain: Mapping[str, int]  # jobs, by kinds that no node runs

    @property
    def up(self) -> list[str]:
        return [node.name for node in self.nodes if node.standing is NodeStanding.UP]

    @property
    def without_files(self) -> list[str]:
        """Those that did not reach the store of files a moment ago."""
        return [node.name for node in self.nodes if node.reaches_files is False]

    @property
    def without_others(self) -> list[str]:
        return [node.name for node in self.nodes if node.hears_others is False] if len(self.up) > 1 else []

    @property
    def versions(self) -> list[str]:
        """Of the nodes that are up: several while one after the other is upgraded."""
        return sorted({node.version for node in self.nodes if node.standing is NodeStanding.UP})

    @property
    def concerns(self) -> list[Concern]:
        """What somebody should look at, the worst first; what an alert says already is not said once more."""
        said = {alert.subject.name for alert in self.firing}
        return [
            each
            for each, is_so in self._found().items()
            if is_so and not said & {WATCHED_AS.get(each), _SAID_BY.get(each)}
        ]

    def _found(self) -> dict[Concern, bool]:
        share, limits = self.availability["30d"].share, self.limits
        return {
            Concern.AVAILABILITY: share is not None and share < limits[Concern.AVAILABILITY],
            Concern.HANDSHAKES: self.connections_refused >= LEAST_REFUSED
            and (self.connection_failure_rate or 0) > limits[Concern.HANDSHAKES],
            Concern.WORKERS: self.workers_died_at_one > limits[Concern.WORKERS],
            Concern.DISK: self._days_until(self.disk_full_at) < limits[Concern.DISK],
            Concern.LAG: (self.loop_lag_ms or 0) > limits[Concern.LAG],
            Concern.BACKUP: self._is_backup_worrying(),
            Concern.KINDS: bool(self.waiting_in_vain),
            Concern.FILES: bool(self.without_files),
            Concern.NODES: bool(self.without_others),
            Concern.CERTIFICATE: self.certificate_ends_at is not None,  # by how long it was good in all
            Concern.ORIGINS: bool(self.refused_origins),
        }

    def _days_until(self, moment: datetime | None) -> float:
        return math.inf if moment is None else (moment - self.as_of).total_seconds() / _DAY_SECONDS

    def _is_backup_worrying(self) -> bool:
        """Also one that failed, however young the last good one is."""
        late = timedelta(seconds=self.limits[Concern.BACKUP])
        return self.backup is not None and self.backup.is_worrying(self.as_of, late=late)
