"""The nodes of the whole, one by one: which are up, which went away, and how each did when it last said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from server.monitoring.samples import StoredSample, summed
from server.monitoring.summing import MetricSample
from server.monitoring.uptime import Run, RunEnding, last_runs

_FORGOTTEN = timedelta(days=1)  # a node that does not come back, or has another name by now


class NodeStanding(StrEnum):
    LOST = "lost"  # nothing is heard of it, and it did not say that it stops
    UP = "up"
    STOPPED = "stopped"  # in order


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeen:
    """Figures are of its last twenty seconds, or of its last hour where they say so; None where nothing is known."""

    name: str
    role: str
    version: str
    standing: NodeStanding
    started_at: datetime
    seen_at: datetime
    connections: int | None
    jobs_running: int | None
    memory_bytes: int | None
    loop_lag_ms: float | None  # the longest of the hour
    words_lost: int  # in the hour: what others were not told
    lines_lost: int  # in the hour: how often its line to the others broke
    reaches_files: bool | None  # None also where files lie on its own disk
    hears_others: bool | None  # None also where it has nothing to hear them by


def nodes_seen(
    runs: Sequence[Run], last: Sequence[StoredSample], hour: Mapping[str, MetricSample], now: datetime
) -> tuple[NodeSeen, ...]:
    """Those of the last day, what needs a look first. `last` is in order of time, `hour` what each node counted."""
    known = [
        _seen(run, [each for each in last if each.node == run.node], hour.get(run.node, {}), now)
        for run in last_runs(runs).values()
        if now - run.seen_at <= _FORGOTTEN and run.ending is not RunEnding.RESTORED
    ]
    order = list(NodeStanding)
    return tuple(sorted(known, key=lambda node: (order.index(node.standing), node.name)))


def _seen(run: Run, last: Sequence[StoredSample], hour: MetricSample, now: datetime) -> NodeSeen:
    newest = summed(last[-1:]) if run.is_alive(now) else {}
    files_away, others_away = _most(newest, "files_away"), _most(newest, "broker_away")
    return NodeSeen(
        name=run.node,
        role=run.role,
        version=run.version,
        standing=_standing(run, now),
        started_at=run.started_at,
        seen_at=run.seen_at,
        connections=_most(newest, "connections"),
        jobs_running=_most(newest, "jobs_running"),
        memory_bytes=_most(newest, "memory"),
        loop_lag_ms=_most(hour, "loop_lag"),
        words_lost=hour.get("broker_words_lost", 0),
        lines_lost=hour.get("broker_lines_lost", 0),
        reaches_files=None if files_away is None else not files_away,
        hears_others=None if others_away is None else not others_away,
    )


def _standing(run: Run, now: datetime) -> NodeStanding:
    if run.is_alive(now):
        return NodeStanding.UP
    return NodeStanding.STOPPED if run.ending is RunEnding.STOPPED else NodeStanding.LOST


def _most(sample: MetricSample, level: str) -> Any:
    return sample[level][1] if level in sample else None
