"""A chart with its values, and how each format draws it."""

from __future__ import annotations

from html import escape
from typing import Any

from server.reports.chart_letters import lettered
from server.reports.charts.box_plot import beside_boxes
from server.reports.charts.chart import Chart
from server.reports.charts.excel_cells import write_gauge, write_heat_map
from server.reports.charts.excel_chart import height_of, write_chart
from server.reports.document import Block
from server.reports.drawing.draw import CannotBeDrawn
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.workbook import MUTED, ReportBook

_MAX_ROWS = 200  # of the figures that stand below a chart


class ChartBlock(Block, frozen=True, kw_only=True):
    """`notes`: what the drawing does not show as the rows have it, in sentences. `told`: its figures in one.

    `within` is what it is repeated for.
    """

    chart: Chart
    notes: str = ""
    told: str = ""
    within: str = ""

    def html(self, page: HtmlPage) -> str:
        if self.chart.is_empty:
            return page.empty(self.chart.title, self.notes)
        try:
            drawing = page.drawing(self.chart, self.told)
        except CannotBeDrawn as error:
            drawing = page.empty(self.chart.title, self._failed(error, page))
        notes = f'<p class="cut">{escape(self.notes)}</p>' if self.notes else ""
        return f'<figure class="chart">{drawing}{notes}{_figures(self.chart, page)}</figure>'

    def pdf(self, paper: Paper) -> dict[str, Any]:
        chart = self.chart
        svg, reason = "", self.notes
        if not chart.is_empty:
            try:
                svg = paper.drawing(chart)
            except CannotBeDrawn as error:
                reason = self._failed(error, paper)
        return {
            "kind": "chart",
            "title": chart.title,
            "reason": reason or paper.words.no_data,
            **lettered(svg),
            "alt": self.told,
            "note": self.notes,
        }

    def _failed(self, error: CannotBeDrawn, form: HtmlPage | Paper) -> str:
        """The rest of the report stands; whoever ordered it is warned."""
        reason = form.words.not_drawn.format(reason=error)
        form.warn(f"{self.chart.title}: {reason}" if self.chart.title else reason)
        return reason

    def excel_sheets(self, book: ReportBook) -> None:
        """A heat map is a table of colours."""
        if self._has_sheet:
            chart = self.chart

            def write(sheet: Any) -> None:
                write_heat_map(chart, book, sheet)

            name = chart.title or book.words.kinds[chart.kind]
            book.plan(self, name=name, within=self.within, rows=len(chart.series), write=write)

    def excel(self, book: ReportBook) -> None:
        chart = self.chart
        notes: list[str] = []
        if chart.is_empty:
            no_data = self.notes or book.words.no_data
            book.put(f"{chart.title}: {no_data}" if chart.title else no_data)
        elif self._has_sheet:
            book.put_link(self)
        elif chart.kind == "gauge":
            write_gauge(chart, book)
        else:
            notes = write_chart(chart, book, told=self.told)
        for note in (*notes, "" if chart.is_empty else self.notes):
            if note:
                book.put(note, font_color=MUTED)

    def has_figures(self) -> bool | None:
        """A gauge shows one."""
        return any(value for one in self.chart.series for value in one.values) if self.chart.kind == "gauge" else None

    def excel_height(self, book: ReportBook) -> int | None:
        if self.chart.is_empty or self._has_sheet or self.chart.kind == "gauge":
            return None
        return height_of(self.chart, book)

    @property
    def _has_sheet(self) -> bool:
        return self.chart.kind == "heatmap" and not self.chart.is_empty


def _figures(chart: Chart, page: HtmlPage) -> str:
    """What is behind the drawing, for readers who cannot see it."""
    if not chart.series or chart.kind == "gauge":
        return ""
    more = beside_boxes(chart, page.formats)
    heads = (*(one.name for one in chart.series), *(name for name, _values in more))
    names = "".join(f'<th class="right" scope="col">{escape(name)}</th>' for name in heads)
    rows = "".join(
        f'<tr><th scope="row">{escape(label)}</th>{_numbers(chart, index, more, page)}</tr>'
        for index, label in enumerate((chart.full_labels or chart.labels)[:_MAX_ROWS])
    )
    head = f"<thead><tr><th>{escape(chart.x_label)}</th>{names}</tr></thead>"
    summary = escape(page.words.show_data)
    cut = ""
    if len(chart.labels) > _MAX_ROWS:
        pattern = page.words.first_figures if page.has_excel else page.words.first_rows
        shown, count = (page.formats.text(each) for each in (_MAX_ROWS, len(chart.labels)))
        cut = f'<p class="cut">{escape(pattern.format(shown=shown, count=count))}</p>'
    return (
        f"<details><summary>{summary}</summary>"
        f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>{cut}</details>'
    )


def _numbers(chart: Chart, index: int, more: list[tuple[str, list[Any]]], page: HtmlPage) -> str:
    values = [(one.values[index] if index < len(one.values) else None, chart.format_of(one)) for one in chart.series]
    texts = [page.formats.text(*value) for value in values] + [page.formats.text(each[index]) for _name, each in more]
    return "".join(f'<td class="right">{escape(text)}</td>' for text in texts)
