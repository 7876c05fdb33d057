"""Which of the drawings that authors wrote for ECharts Excel draws just so: plain bars and lines over names."""

from __future__ import annotations

from typing import Any

import msgspec

from server.reports.charts.chart import Chart

_KINDS = ("bar", "line")
_PLAIN = {"type", "name", "smooth", "showSymbol", "symbol", "symbolSize"}  # what changes nothing of the figures
_AXES = {"xAxis": ("", "category"), "yAxis": ("", "value")}
_AROUND = {*_AXES, "series", "dataset", "title", "legend", "grid", "tooltip", "animation", "color", "textStyle"}


def as_plain(chart: Chart) -> Chart | None:
    """The same chart without its option; None where Excel would draw something else."""
    option = chart.option
    entries = option.get("series")
    entries = [entries] if isinstance(entries, dict) else entries
    columns = len(option["dataset"]["source"][0]) - 1
    if not isinstance(entries, list) or not entries or set(option) - _AROUND:
        return None
    if not len(entries) <= columns == len(chart.series) or not all(map(_is_plain, entries)):
        return None
    if not all(_is_axis(option.get(name, {}), kinds) for name, kinds in _AXES.items()):
        return None
    series = [
        msgspec.structs.replace(one, kind=entry["type"], name=str(entry.get("name") or one.name))
        for one, entry in zip(chart.series, entries, strict=False)
    ]
    return msgspec.structs.replace(chart, kind="combo", series=series, option={})


def _is_plain(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("type") in _KINDS and not set(entry) - _PLAIN


def _is_axis(axis: Any, kinds: tuple[str, ...]) -> bool:
    return isinstance(axis, dict) and axis.get("type", "") in kinds and not axis.get("inverse")
