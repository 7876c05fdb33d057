"""Charts as Excel draws them itself, over figures that stand on a sheet of their own."""

from __future__ import annotations

from typing import Any

from server.reports.charts.chart import Chart
from server.reports.drawing.paints import SERIES as PALETTE
from server.reports.workbook import LINE, ROW_HEIGHT, ReportBook

_KINDS: dict[str, dict[str, str]] = {
    "line": {"type": "line"},
    "bar": {"type": "column"},
    "stacked_bar": {"type": "column", "subtype": "stacked"},
    "area": {"type": "area"},
    "pie": {"type": "doughnut"},
    "scatter": {"type": "scatter"},
    "funnel": {"type": "bar"},
    "combo": {"type": "column"},
    "option": {"type": "column"},
}
_ROWS = 15  # of the summary sheet that a chart covers


def write_chart(chart: Chart, book: ReportBook) -> None:
    """Its figures always, and a drawing where Excel has one of its kind."""
    kind = dict(_KINDS.get(chart.kind, {}))
    sheet, first = _write_figures(chart, book)
    if not kind or not chart.series or not chart.labels:
        return
    if kind["type"] == "column" and chart.horizontal:
        kind["type"] = "bar"
    drawn = book.workbook.add_chart(kind)
    second = book.workbook.add_chart({"type": "line"}) if chart.kind == "combo" else None
    for index, series in enumerate(chart.series):
        entry = _series(chart, index, sheet.get_name(), first)
        (second if second and series.kind == "line" else drawn).add_series(entry)
    if second is not None and any(series.kind == "line" for series in chart.series):
        drawn.combine(second)
    _finish(drawn, chart, book)
    book.summary.insert_chart(book.row, 0, drawn, {"x_offset": 2, "y_offset": 4})
    book.row += _ROWS + 1


def _series(chart: Chart, index: int, sheet: str, first: int) -> dict[str, Any]:
    last = first + len(chart.labels) - 1
    color = PALETTE[index % len(PALETTE)]
    series = chart.series[index]
    entry: dict[str, Any] = {
        "name": [sheet, first - 1, index + 1],
        "categories": [sheet, first, 0, last, 0],
        "values": [sheet, first, index + 1, last, index + 1],
        "fill": {"color": color},
    }
    if series.kind == "line":
        entry |= {"line": {"color": color, "width": 2}, "y2_axis": series.second_axis}
    if chart.kind == "pie":
        points = [{"fill": {"color": PALETTE[i % len(PALETTE)]}} for i in range(len(chart.labels))]
        entry |= {"points": points, "data_labels": {"percentage": True}}
        entry.pop("fill")
    return entry


def _finish(drawn: Any, chart: Chart, book: ReportBook) -> None:
    drawn.set_title({"name": chart.title, "name_font": {"size": 12}} if chart.title else {"none": True})
    drawn.set_size({"width": 760, "height": _ROWS * ROW_HEIGHT})
    number = book.formats.excel(chart.format, chart.format.kind) if chart.format.kind else "#,##0"
    if chart.kind != "pie":
        drawn.set_y_axis({"num_format": number, "major_gridlines": {"visible": True, "line": {"color": LINE}}})
    if len(chart.series) < 2 and chart.kind != "pie":
        drawn.set_legend({"none": True})
    else:
        drawn.set_legend({"position": "bottom"})


def _write_figures(chart: Chart, book: ReportBook) -> tuple[Any, int]:
    """Returns their sheet and the row of the first value."""
    sheet, top = book.figures(len(chart.labels) + 4)
    book.string(sheet, top, 0, chart.title, book.style(bold=True))
    head = book.style(bold=True, bottom=1)
    book.string(sheet, top + 1, 0, chart.x_label, head)
    for column, series in enumerate(chart.series, 1):
        book.string(sheet, top + 1, column, series.name, head)
    for index, label in enumerate(chart.labels):
        book.string(sheet, top + 2 + index, 0, label)
    for column, series in enumerate(chart.series, 1):
        wanted = chart.format_of(series)
        number = book.formats.excel(wanted, wanted.kind)
        for index, value in enumerate(series.values):
            book.cell(sheet, top + 2 + index, column, value, "", num_format=number)
    return sheet, top + 2
