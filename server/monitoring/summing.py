"""From what was counted since the start to what happened within a time, and from short times to longer ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from server.metrics import HistogramCounts
from server.monitoring.metrics import BY_NAME, METRICS, MetricKind, OverNodes, Readings

MetricSample = dict[str, Any]
"""Values by the metric's name. A level is [least, most, sum, count], a count a number, a delay its counts by bound."""


class CountedSince:
    """What happened between two readings of one process. Its counts begin at 0, so nothing is lost before the first."""

    def __init__(self) -> None:
        self._before: dict[str, Any] = {}

    def since_last(self, readings: Readings) -> MetricSample:
        sample: MetricSample = {}
        for metric in METRICS:
            value = metric.read(readings)
            if value is None:
                continue
            if metric.kind is MetricKind.LEVEL:
                sample[metric.name] = [value, value, value, 1]
            elif metric.kind is MetricKind.COUNT:
                # Never below nothing: what is counted by another process begins anew when that does.
                sample[metric.name] = max(0, value - self._before.get(metric.name, 0))
                self._before[metric.name] = value
            else:
                sample[metric.name] = self._more(metric.name, value)
        return sample

    def _more(self, name: str, value: HistogramCounts) -> list[int]:
        before = self._before.get(name, (0,) * len(value.counts))
        self._before[name] = value.counts
        return [now - then for now, then in zip(value.counts, before, strict=True)]


def together(samples: Iterable[Mapping[str, Any]]) -> MetricSample:
    """One sample for the time of all of them; a metric that no version knows any more is left out."""
    summed: MetricSample = {}
    for sample in samples:
        for name, value in sample.items():
            if name in BY_NAME:
                summed[name] = _added(BY_NAME[name].kind, summed[name], value) if name in summed else value
    return summed


def of_all_nodes(samples: Sequence[Mapping[str, Any]], *, moments: int) -> MetricSample:
    """One for the whole from those of its nodes in the same time, in which each was looked at so often at most.

    What a node had that another took over from, such as under a new name, is not counted as if both had been there.
    """
    whole = together(samples)
    for name in whole:
        if BY_NAME[name].kind is MetricKind.LEVEL:
            levels = [sample[name] for sample in samples if name in sample]
            whole[name] = _level_of_all(levels, BY_NAME[name].over_nodes, moments)
    return whole


def _level_of_all(levels: Sequence[Any], over_nodes: OverNodes, moments: int) -> list[Any]:
    if over_nodes is not OverNodes.SUM:
        choose = max if over_nodes is OverNodes.MOST else min
        _, _, total, count = choose(levels, key=lambda each: each[2] / each[3])
        return [min(each[0] for each in levels), max(each[1] for each in levels), total, count]
    times = sum(each[3] for each in levels)
    total, most = sum(each[2] for each in levels), sum(each[1] for each in levels)
    if times <= moments:  # one after the other
        most = max(each[1] for each in levels)
    count = max(min(moments, times), max(each[3] for each in levels))
    return [min(each[0] for each in levels), most, total, count]


def _added(kind: MetricKind, one: Any, other: Any) -> Any:
    if kind is MetricKind.LEVEL:
        return [min(one[0], other[0]), max(one[1], other[1]), one[2] + other[2], one[3] + other[3]]
    if kind is MetricKind.COUNT:
        return one + other
    if len(one) != len(other):  # of a version with other bounds: these cannot be added
        return other
    return [first + second for first, second in zip(one, other, strict=True)]
