"""What a subject of rules is: something that is measured, of the whole or of each node, from figures of a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from server.monitoring.summing import MetricSample

GONE = "node_gone"  # the one thing that is known of a node that is not there


class Cause(StrEnum):
    """What goes wrong together is told together."""

    LIVE = "live"
    JOBS = "jobs"
    MACHINE = "machine"
    NODES = "nodes"
    SERVER = "server"
    UPKEEP = "upkeep"


class AlertUnit(StrEnum):
    SHARE = "share"
    SECONDS = "seconds"
    DAYS = "days"
    COUNT = "count"
    MILLISECONDS = "milliseconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFigures:
    """Of one node in the last five minutes and hour. `unheard_seconds` is since its last sign of life; the other two
    are for how long it has been without the others, or without the store of files."""

    five_minutes: MetricSample
    hour: MetricSample
    disk_full_at: datetime | None = None
    is_disk_known: bool = False
    unheard_seconds: float | None = None
    deaf_seconds: float | None = None
    without_files_seconds: float | None = None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Sums over all nodes of the last five minutes and hour, each node's own, and what else is known beside them.

    `gone` are nodes that should be there and are not: of them nothing is known but since when.
    """

    five_minutes: MetricSample
    hour: MetricSample
    nodes: Mapping[str, NodeFigures] = field(default_factory=dict)
    gone: Mapping[str, NodeFigures] = field(default_factory=dict)
    availability_24h: float | None = None
    idle_seconds: float | None = None  # since there was a node that runs jobs
    longest_waiting_seconds: float = 0.0
    script_silences: Mapping[str, float] = field(default_factory=dict)  # by the title of its jobs
    known: Mapping[str, float] = field(default_factory=dict)  # what other parts say: backups
    now: datetime


MeasureSubject = Callable[[Measurements, str], float | None]
MeasureNode = Callable[[NodeFigures], float | None]

WHOLE = ""
"""Stands where a node's name would, of what is measured of all together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSubject:
    """`label` is what it is called, `is_low_bad` that less is worse. What is watched by itself `is_default`."""

    name: str
    label: str
    cause: Cause
    unit: AlertUnit
    threshold: float
    seconds: float  # for which it has to be so
    measure: MeasureSubject | None = None
    measure_node: MeasureNode | None = None
    is_low_bad: bool = False
    is_default: bool = True
    needs_target: bool = False
    least: float = 0.0  # that a threshold may be
    most: float = 1e9

    def values(self, found: Measurements, target: str) -> dict[str, float | None]:
        """By node, or of the whole. A node that is not among them is not watched any more."""
        if self.measure_node is not None:
            nodes = {**found.nodes, **found.gone} if self.name == GONE else found.nodes
            return {node: self.measure_node(figures) for node, figures in nodes.items()}
        return {WHOLE: self.measure(found, target) if self.measure is not None else None}

    def is_broken(self, value: float, threshold: float) -> bool:
        return value < threshold if self.is_low_bad else value > threshold

    def is_well(self, value: float, threshold: float) -> bool:
        """By a tenth on the right side: what stands at the threshold is neither, and stays what it was."""
        if self.is_low_bad:
            aim = 1 - (1 - threshold) * 0.9 if self.unit is AlertUnit.SHARE and threshold >= 0.5 else threshold * 1.1
            return value >= aim
        return value <= threshold * 0.9

    def worse(self, one: float, other: float) -> float:
        return min(one, other) if self.is_low_bad else max(one, other)
