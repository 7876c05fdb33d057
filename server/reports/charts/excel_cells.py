"""Gauges and heat maps as cells: Excel has no charts of these kinds, but bars and colours for cells."""

from __future__ import annotations

from typing import Any

from server.reports.charts.chart import Chart
from server.reports.drawing.paints import HEAT_STEPS, LIGHT
from server.reports.excel_room import column_pixels, letters
from server.reports.formats import ValueFormat
from server.reports.workbook import MUTED, ReportBook

_BAR = {"type": "data_bar", "bar_solid": True, "bar_color": "#9DC3E6", "min_type": "num", "max_type": "num"}
_NAMES = 30  # letters at most
_LEAST = 7


def write_gauge(chart: Chart, book: ReportBook) -> None:
    """A line of the summary: the value with a bar of its share, and the end of the scale."""
    summary = book.summary
    row = summary.line(30)
    value, sheet = chart.series[0].values[0], summary.sheet
    written = ValueFormat(
        kind=chart.format.kind or book.formats.kind_of(value),
        currency=chart.format.currency,
        decimals=chart.format.decimals,
    )
    name = chart.title or book.words.kinds["gauge"]
    book.string(sheet, row, 0, name, book.style(bold=True, text_wrap=True))
    book.cell(
        sheet, row, 1, value, written, bold=True, font_size=14, align="right", border=1, border_color=LIGHT["line"]
    )
    sheet.conditional_format(row, 1, row, 1, _BAR | {"min_value": 0, "max_value": chart.maximum})
    shown, maximum = (book.formats.text(one, chart.format) for one in (value, chart.maximum))
    text = book.words.told_of.format(value=shown, maximum=maximum)
    book.string(sheet, row, 2, text, book.style(font_color=MUTED, indent=1))


def write_heat_map(chart: Chart, book: ReportBook, sheet: Any) -> None:
    """On a sheet of its own: rows and columns as in the drawing, each value on the colour it has there."""
    head = {"bold": True, "bottom": 1}
    book.string(sheet, 0, 0, chart.value_label, book.style(**head, font_color=MUTED))
    for column, label in enumerate(chart.labels, 1):
        book.string(sheet, 0, column, label, book.style(**head, align="center"))
    known = [value for one in chart.series for value in one.values if value is not None]
    kind = chart.format.kind or book.formats.kind_of(known[0])
    written = ValueFormat(kind=kind, currency=chart.format.currency, decimals=chart.format.decimals)
    for row, series in enumerate(chart.series, 1):
        book.string(sheet, row, 0, series.name, book.style(bold=True))
        for column, value in enumerate(series.values, 1):
            book.cell(sheet, row, column, value, written, align="center")
    _add_colors(book, sheet, len(chart.series), len(chart.labels), min(0, *known), max(known))
    widest = max(letters(book.formats.text(value, written)) for value in known)
    names = min(max(letters(text) for text in (chart.value_label, *(one.name for one in chart.series))), _NAMES)
    counts = [names + 2, *(max(widest, letters(label), _LEAST) + 1 for label in chart.labels)]
    widths = [column_pixels(count) for count in counts]
    for column, width in enumerate(widths):
        sheet.set_column_pixels(column, column, width)
    sheet.freeze_panes(1, 1)
    book.sheets.set_up_table(sheet, widths, rows=len(chart.series) + 1)


def _add_colors(book: ReportBook, sheet: Any, rows: int, columns: int, low: float, high: float) -> None:
    """A rule for each step, from the highest; Excel's own scales write black on the darkest, too."""
    area = (1, 1, rows, columns)
    sheet.conditional_format(*area, {"type": "blanks", "stop_if_true": True, "format": None})
    steps = range(HEAT_STEPS - 1, -1, -1) if high > low else [HEAT_STEPS // 2]
    for step in steps:
        paint = {"bg_color": LIGHT[f"h{step}"], "font_color": LIGHT[f"on-h{step}"]}
        rule = {
            "type": "cell", "criteria": ">=", "value": low + (high - low) * step / HEAT_STEPS,
            "format": book.workbook.add_format(paint), "stop_if_true": True,
        }  # fmt: skip
        sheet.conditional_format(*area, rule)
