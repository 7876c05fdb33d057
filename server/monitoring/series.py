"""Samples as lines of a chart: a value at each step, and nothing where nothing is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from server.metrics import quantile_of
from server.monitoring.metrics import BY_NAME, Metric, MetricKind
from server.monitoring.samples import STEP_SECONDS, StoredSample
from server.monitoring.summing import MetricSample, of_all_nodes, together

MetricPoint = tuple[int, float | None, float | None]
"""When the step began, in seconds since 1970; the value, and the most at any moment of it. None: nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What can be drawn: `value_of` gives value and most from a sample that has lasted so many seconds."""

    name: str
    unit: str
    value_of: Callable[[Mapping[str, Any], int], tuple[float, float] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSeries:
    """`node` is empty for the whole."""

    metric: str
    node: str
    unit: str
    points: list[MetricPoint]


def _of_level(metric: Metric) -> Curve:
    def value_of(sample: Mapping[str, Any], _seconds: int) -> tuple[float, float] | None:
        if metric.name not in sample:
            return None
        _least, most, total, count = sample[metric.name]
        return total / count, most

    return Curve(name=metric.name, unit=metric.unit, value_of=value_of)


def _of_count(metric: Metric) -> Curve:
    def value_of(sample: Mapping[str, Any], seconds: int) -> tuple[float, float] | None:
        if metric.name not in sample:
            return None
        rate = sample[metric.name] / seconds
        return rate, rate

    return Curve(name=metric.name, unit=f"{metric.unit}/s", value_of=value_of)


def _of_delay(metric: Metric, percent: int) -> Curve:
    def value_of(sample: Mapping[str, Any], _seconds: int) -> tuple[float, float] | None:
        found = quantile_of(metric.bounds, sample.get(metric.name, ()), percent / 100)
        return None if found is None else (found, found)

    return Curve(name=f"{metric.name}_p{percent}", unit=metric.unit, value_of=value_of)


def _failure_rate(sample: Mapping[str, Any], _seconds: int) -> tuple[float, float] | None:
    accepted, refused = sample.get("handshakes_accepted", 0), sample.get("handshakes_refused", 0)
    return (refused / (accepted + refused),) * 2 if accepted + refused else None


def _per_connection(name: str) -> Callable[[Mapping[str, Any], int], tuple[float, float] | None]:
    """A level over the live connections of the same time; nothing while there is less than one on average."""

    def value_of(sample: Mapping[str, Any], _seconds: int) -> tuple[float, float] | None:
        if name not in sample or "connections" not in sample:
            return None
        (_, _, total, count), (_, _, connected, times) = sample[name], sample["connections"]
        return (total / count / (connected / times),) * 2 if connected >= times else None

    return value_of


def _lines() -> Iterable[Curve]:
    for metric in BY_NAME.values():
        if metric.kind is MetricKind.LEVEL:
            yield _of_level(metric)
        elif metric.kind is MetricKind.COUNT:
            yield _of_count(metric)
        else:
            yield from (_of_delay(metric, percent) for percent in (50, 95, 99))
    yield Curve(name="connection_failure_rate", unit="share", value_of=_failure_rate)
    yield Curve(name="memory_per_connection", unit="bytes", value_of=_per_connection("memory"))
    yield Curve(name="unsent_per_connection", unit="bytes", value_of=_per_connection("unsent_bytes"))


CURVES = {line.name: line for line in _lines()}


def series_of(
    stored: Sequence[StoredSample], names: Sequence[str], *, begin: int, end: int, step_seconds: int
) -> list[MetricSeries]:
    """For each node and each of `names`, a point for every step between; to be called in a thread.

    `begin` is where a step begins. Samples that are shorter are put together.
    """
    nodes = _by_node(stored, begin=begin, step_seconds=step_seconds)
    return [
        _series(name, node, known, range(begin, end, step_seconds))
        for node, known in sorted(nodes.items())
        for name in names
    ]


def series_of_all(
    stored: Sequence[StoredSample], names: Sequence[str], *, begin: int, end: int, step_seconds: int
) -> list[MetricSeries]:
    """Likewise, one for the whole; none where nothing is known at all."""
    nodes = _by_node(stored, begin=begin, step_seconds=step_seconds)
    steps = range(begin, end, step_seconds)
    whole = {
        at: of_all_nodes(found, moments=_seconds(at, steps) // STEP_SECONDS)
        for at in steps
        if (found := [known[at] for known in nodes.values() if at in known])
    }
    return [_series(name, "", whole, steps) for name in names] if whole else []


def _by_node(stored: Sequence[StoredSample], *, begin: int, step_seconds: int) -> dict[str, dict[int, MetricSample]]:
    parts: defaultdict[str, defaultdict[int, list[MetricSample]]] = defaultdict(lambda: defaultdict(list))
    for each in stored:
        parts[each.node][each.at - (each.at - begin) % step_seconds].append(msgspec.json.decode(each.values))
    return {node: {at: together(samples) for at, samples in steps.items()} for node, steps in parts.items()}


def _series(name: str, node: str, known: Mapping[int, MetricSample], steps: range) -> MetricSeries:
    line = CURVES[name]
    points = [_point(line, at, known.get(at), _seconds(at, steps)) for at in steps]
    return MetricSeries(metric=name, node=node, unit=line.unit, points=points)


def _seconds(at: int, steps: range) -> int:
    """The step under way lasted less."""
    return min(steps.step, steps.stop - at)


def _point(line: Curve, at: int, sample: Mapping[str, Any] | None, seconds: int) -> MetricPoint:
    value, most = (sample is not None and line.value_of(sample, seconds)) or (None, None)
    return at, value, most
