"""A chart in one sentence with its figures, for whoever does not see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from server.reports.charts.chart import Chart, Series
from server.reports.formats import Formats, ValueFormat
from server.reports.words import Words, words_of

_MOST = 5  # series or parts that are told
_SHARE = ValueFormat(kind="percent", decimals=1)


def told(chart: Chart, formats: Formats) -> str:
    """`Revenue per month (line chart): revenue from 1.2 to 3.4, highest in May.`"""
    words = words_of(formats)
    kind = words.kinds[chart.kind]
    told_of = {"pie": _parts, "funnel": _stages, "gauge": _gauge, "scatter": _scatter, "heatmap": _heatmap,
               "waterfall": _changes, "box": _boxes}  # fmt: skip
    facts = list(told_of.get(chart.kind, _series)(chart, formats, words))
    more = len(facts) - _MOST
    if more > 0:
        facts = [*facts[:_MOST], words.told_more.format(count=formats.text(more))]
    is_chinese = words.ends == "。"
    head = (f"{chart.title}（{kind}）" if is_chinese else f"{chart.title} ({kind})") if chart.title else kind
    if not facts:
        return head
    return f"{head}{'：' if is_chinese else ': '}{words.between.join(facts)}{words.ends}"


def _series(chart: Chart, formats: Formats, words: Words) -> Iterator[str]:
    for series in chart.series:
        fact = _range(series.name, series, chart, formats, words)
        if fact:
            yield fact


def _range(name: str, series: Series, chart: Chart, formats: Formats, words: Words) -> str:
    known = [(value, label) for value, label in zip(series.values, chart.labels, strict=False) if value is not None]
    if not known:
        return ""
    written = chart.format_of(series)
    low, high = min(value for value, _label in known), max(value for value, _label in known)
    where = next(label for value, label in known if value == high)
    patterns = {"month": words.told_range_in, "day": words.told_range_on}
    pattern = patterns.get(chart.times.unit if chart.times else "", words.told_range)
    if low == high:
        pattern = words.told_one if len(known) == 1 else words.told_same
    return pattern.format(name=name, low=formats.text(low, written), high=formats.text(high, written), where=where)


def _parts(chart: Chart, formats: Formats, words: Words) -> Iterator[str]:
    values = chart.series[0].values
    total = sum(map(float, values))
    for label, value in zip(chart.labels, values, strict=True):
        share = formats.text(float(value) / total, _SHARE)
        yield words.told_part.format(name=label, value=formats.text(value, chart.format), share=share)


def _stages(chart: Chart, formats: Formats, words: Words) -> Iterator[str]:
    for label, value in zip(chart.labels, chart.series[0].values, strict=True):
        yield f"{label} {formats.text(value, chart.format)}"


def _changes(chart: Chart, formats: Formats, _words: Words) -> Iterator[str]:
    for label, *values in zip(chart.labels, *(one.values for one in chart.series), strict=True):
        value = next((value for value in values if value is not None), None)
        yield f"{label} {formats.text(value, chart.format)}"


def _boxes(chart: Chart, formats: Formats, words: Words) -> Iterator[str]:
    names = ("low", "first", "median", "third", "high")
    for label, *values in zip(chart.labels, *(one.values for one in chart.series), strict=True):
        figures = {name: formats.text(value, chart.format) for name, value in zip(names, values, strict=True)}
        yield words.told_box.format(name=label, **figures)


def _gauge(chart: Chart, formats: Formats, words: Words) -> Iterator[str]:
    value: Any = chart.series[0].values[0]
    maximum = formats.text(chart.maximum, chart.format)
    yield words.told_of.format(value=formats.text(value, chart.format), maximum=maximum)


def _scatter(chart: Chart, formats: Formats, words: Words) -> Iterator[str]:
    for series in chart.series:
        pairs = [(x, y) for x, y in zip(series.xs, series.values, strict=True) if y is not None]
        xs, ys = [x for x, _y in pairs], [y for _x, y in pairs]
        yield words.told_points.format(
            count=formats.text(len(pairs)), x=chart.x_title, y=series.name,
            x_low=formats.text(min(xs), chart.x_format), x_high=formats.text(max(xs), chart.x_format),
            y_low=formats.text(min(ys), chart.format), y_high=formats.text(max(ys), chart.format),
        )  # fmt: skip


def _heatmap(chart: Chart, formats: Formats, words: Words) -> Iterator[str]:
    known = [
        (value, f"{series.name} · {label}")
        for series in chart.series
        for value, label in zip(series.values, chart.labels, strict=True)
        if value is not None
    ]
    low, high = min(value for value, _where in known), max(value for value, _where in known)
    where = next(where for value, where in known if value == high)
    yield words.told_range.format(
        name=chart.value_label, low=formats.text(low, chart.format), high=formats.text(high, chart.format), where=where
    )
