"""From an author's settings and rows to a chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.reports.charts.box_plot import box_plot
from server.reports.charts.cartesian import cartesian
from server.reports.charts.chart import IN_COURSE, Chart, ChartSettings, Target
from server.reports.charts.custom import custom
from server.reports.charts.gauge import gauge
from server.reports.charts.heatmap import heatmap
from server.reports.charts.look import number
from server.reports.charts.scatter import scatter
from server.reports.charts.shares import funnel, pie
from server.reports.charts.waterfall import waterfall
from server.reports.formats import Formats, ValueFormat
from server.reports.rows import Rows, columns_of, cut_of, rows_of, unknown_column

_BUILDERS = {
    "pie": pie,
    "funnel": funnel,
    "scatter": scatter,
    "heatmap": heatmap,
    "waterfall": waterfall,
    "box": box_plot,
}


def build_chart(
    settings: ChartSettings,
    rows: Rows | None,
    *,
    title: str,
    value: Any,
    maximum: Any,
    formats: Formats,
    targets: Sequence[tuple[Any, str]] = (),
    now: datetime | None = None,
) -> Chart:
    """A chart without rows is empty, not wrong; a column that is not there is an error.

    `targets` are values with their labels; one that is no number has no line. `now` is the moment the report speaks of,
    as clocks of its time zone have it.
    """
    if rows is not None:
        for name in settings.columns:
            if name not in columns_of(rows):
                raise unknown_column(settings.query, name, columns_of(rows))
    chart = Chart(
        kind=settings.kind, title=title, line_format=_format(settings.line_format, settings.lines, rows),
        format=_format(settings.format, (*settings.y, *filter(None, [settings.value_column])), rows),
        height=settings.height, x_label=settings.label(settings.x), x_title=settings.x_title, y_title=settings.y_title,
        data_labels=settings.data_labels,
        targets=tuple(Target(value=float(at), label=label) for each, label in targets
                      if (at := number(each)) is not None),
    )  # fmt: skip
    for at, label in targets:
        if number(at) is None:
            chart = chart.noting("no_target", label=label or formats.text(at))
    if settings.kind == "gauge":
        return gauge(chart, value, maximum)
    if rows is None or not len(rows):
        return msgspec.structs.replace(chart, is_empty=True)
    if settings.kind == "option":
        return custom(_with_cut_told(chart, rows), settings, rows)
    chart = _with_texts_told(_with_cut_told(chart, rows), settings, rows)
    if settings.kind in IN_COURSE:
        return cartesian(chart, settings, rows, formats, now)
    return _BUILDERS[settings.kind](chart, settings, rows, formats)


def _with_cut_told(chart: Chart, rows: Rows) -> Chart:
    """With a note where the query gave more rows than the limit: what is made of the first alone is not the whole."""
    cut = cut_of(rows)
    if cut is None:
        return chart
    taken, count = cut
    if count is None:
        return chart.noting("truncated", count=taken)
    return chart.noting("made_of_first", shown=taken, count=count)


def _with_texts_told(chart: Chart, settings: ChartSettings, rows: Rows) -> Chart:
    """With a note for each column of figures that has others."""
    for name in settings.figures:
        others = [row[name] for row in rows_of(rows) if row[name] is not None and number(row[name]) is None]
        if others:
            has_texts = any(isinstance(value, str) for value in others)
            chart = chart.noting("texts_for_numbers" if has_texts else "no_numbers", column=name)
    return chart


def _format(written: ValueFormat, names: Sequence[str], rows: Rows | None) -> ValueFormat:
    """Durations that nobody said how to write are written as such."""
    if written.kind or rows is None:
        return written
    is_duration = any(isinstance(row[name], timedelta) for name in names for row in rows_of(rows))
    return msgspec.structs.replace(written, kind="duration") if is_duration else written
