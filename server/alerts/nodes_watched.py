"""Which nodes there should be, and how each of them does: read from their beats and samples, wherever they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.alerts.subject import WHOLE, NodeFigures
from server.monitoring.outlook import free_room, full_at
from server.monitoring.samples import StoredSample, summed
from server.monitoring.uptime import Run, RunEnding, last_runs

_FORGOTTEN = timedelta(days=1)  # a node that does not come back, or has another name by now
_HEARD_SECONDS = 30.0  # three beats
_GONE_SECONDS = 600.0  # of one that is away for longer nothing else is told any more
_TOLD_SECONDS = 60  # an older sample does not say how a node is now
_IN_ORDER = (RunEnding.STOPPED, RunEnding.RESTORED)
_WENT_ON = (RunEnding.SILENT, RunEnding.CLOCK_SET)  # in the run that follows

NodesWatched = dict[str, NodeFigures]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSamples:
    """Of all nodes, in order of time: of five minutes, an hour, a week."""

    five_minutes: Sequence[StoredSample]
    hour: Sequence[StoredSample]
    week: Sequence[StoredSample]

    def of(self, node: str) -> NodeSamples:
        if node == WHOLE:
            return self
        return NodeSamples(
            five_minutes=[each for each in self.five_minutes if each.node == node],
            hour=[each for each in self.hour if each.node == node],
            week=[each for each in self.week if each.node == node],
        )


def watched_nodes(runs: Sequence[Run], now: datetime, *, is_alone: bool) -> Mapping[str, float]:
    """Nodes that did not stop in order, by how many seconds nothing was heard of each. One alone has no name."""
    if is_alone:
        return {WHOLE: 0.0}
    last = last_runs([run for run in runs if run.ending not in _WENT_ON])
    return {
        node: max(0.0, (now - run.seen_at).total_seconds())
        for node, run in last.items()
        if run.ending not in _IN_ORDER and now - run.seen_at <= _FORGOTTEN
    }


def nodes_of(samples: NodeSamples, expected: Mapping[str, float], now: datetime) -> tuple[NodesWatched, NodesWatched]:
    """Those that are there or were a moment ago, and those that are gone; to be called in a thread."""
    are_several = sum(seconds <= _HEARD_SECONDS for seconds in expected.values()) > 1
    nodes: NodesWatched = {}
    gone: NodesWatched = {}
    for node, unheard_seconds in expected.items():
        if unheard_seconds > _GONE_SECONDS:
            gone[node] = NodeFigures(five_minutes={}, hour={}, unheard_seconds=unheard_seconds, now=now)
        else:
            nodes[node] = _figures(samples.of(node), unheard_seconds, now, are_several=are_several)
    return nodes, gone


def idle_seconds(runs: Sequence[Run], now: datetime) -> float | None:
    """Since a node was there that runs jobs, or since any was if none ever did; None while there was no node at all."""
    seen = [run.seen_at for run in runs if run.runs_jobs] or [min(run.started_at for run in runs)] if runs else []
    return max(0.0, (now - max(seen)).total_seconds()) if seen else None


def _figures(samples: NodeSamples, unheard_seconds: float, now: datetime, *, are_several: bool) -> NodeFigures:
    return NodeFigures(
        five_minutes=summed(samples.five_minutes),
        hour=summed(samples.hour),
        disk_full_at=full_at(free_room(samples.week)),
        is_disk_known=bool(samples.week),
        unheard_seconds=unheard_seconds,
        deaf_seconds=_seconds_at(samples.five_minutes, "broker_away", now) if are_several else 0.0,
        without_files_seconds=_seconds_at(samples.five_minutes, "files_away", now),
        now=now,
    )


def _seconds_at(samples: Sequence[StoredSample], level: str, now: datetime) -> float | None:
    """For how long a level has been above 0 all the time; None while that is not known."""
    known = [(each.at, found[0]) for each in samples if (found := summed([each]).get(level))]
    if not known or now.timestamp() - known[-1][0] > _TOLD_SECONDS:
        return None
    well = [at for at, least in known if not least]
    return float(known[-1][0] - (well[-1] if well else known[0][0]))
