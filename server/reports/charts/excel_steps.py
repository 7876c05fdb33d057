"""What Excel has no drawing for, as it can draw it, or as figures."""

from __future__ import annotations

import msgspec

from server.reports.charts.box_plot import beside_boxes
from server.reports.charts.chart import Chart, Series
from server.reports.drawing.paints import SERIES
from server.reports.formats import Formats


def as_stacked(chart: Chart) -> Chart | None:
    """A waterfall as bars on bars that are not seen; None where some lie below zero: Excel would stack them wrongly."""
    count = len(chart.labels)
    ends = [base + chart.step(place) for place, base in enumerate(chart.bases)]
    if min(*chart.bases, *ends) < 0:
        return None
    is_total = [chart.series[2].values[place] is not None for place in range(count)]
    ground = [0 if is_total[place] else min(chart.bases[place], ends[place]) for place in range(count)]
    colored = [
        msgspec.structs.replace(one, color=one.color or ("" if one.is_rest else SERIES[place]))
        for place, one in enumerate(chart.series)
    ]
    rises, falls, totals = colored
    falls = msgspec.structs.replace(falls, is_mirrored=True)
    return msgspec.structs.replace(
        chart,
        kind="stacked_bar",
        stacked="values",
        bases=[],
        series=[Series(name="–", values=list(ground), is_ground=True), rises, falls, totals],
    )


def with_source(chart: Chart, formats: Formats) -> Chart:
    """Its figures, for the sheet of chart data."""
    more = beside_boxes(chart, formats, as_numbers=True)
    head = [chart.x_label, *(one.name for one in chart.series), *(name for name, _values in more)]
    columns = [*(one.values for one in chart.series), *(values for _name, values in more)]
    rows = [list(row) for row in zip(chart.full_labels or chart.labels, *columns, strict=True)]
    return msgspec.structs.replace(chart, option={"dataset": {"source": [head, *rows]}})
