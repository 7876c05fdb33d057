"""From what was counted since the start to what happened within a time, and from short times to longer ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from server.metrics import HistogramCounts
from server.monitoring.metrics import BY_NAME, METRICS, MetricKind, Readings

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


def _added(kind: MetricKind, one: Any, other: Any) -> Any:
    if kind is MetricKind.LEVEL:
        return [min(one[0], other[0]), max(one[1], other[1]), one[2] + other[2], one[3] + other[3]]
    if kind is MetricKind.COUNT:
        return one + other
    if len(one) != len(other):  # of a version with other bounds: these cannot be added
        return other
    return [first + second for first, second in zip(one, other, strict=True)]
