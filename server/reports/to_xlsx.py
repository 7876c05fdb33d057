"""Excel workbooks: a summary, one sheet a table with real numbers and filters, and Excel's own charts."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from server.datasets.excel_texts import LongTexts, require_room
from server.reports import document as doc
from server.reports import markdown
from server.reports.charts import PALETTE
from server.reports.formats import Format, Formats
from server.reports.to_pdf import total_texts

_SHEET_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_SAFE_INTEGER = 10**15
_TONES = {"green": "#1B7F4D", "red": "#C0323C", "amber": "#A8620A", "blue": "#2563A8", "grey": "#7A7F87"}
_TINTS = {"green": "#E4F4EB", "red": "#FBE7E8", "amber": "#FDF1DD", "blue": "#E6F0FA", "grey": "#EFF1F3"}
_CHART_KINDS: dict[str, dict[str, str]] = {
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
_BAR = {"type": "data_bar", "bar_solid": True, "bar_color": "#CFE0F1", "min_type": "num", "min_value": 0}
_SHEET_WIDTH, _ROW_HEIGHT = 1_000, 20  # of the summary sheet's first columns and of a row, in pixels
_CHART_ROWS = 15  # of the summary sheet that a chart covers


def write_xlsx(document: doc.Document, formats: Formats) -> bytes:
    """The same document gives the same bytes: the time in the file is the report's."""
    target = io.BytesIO()
    # Cells are data, whatever they look like: no text becomes a formula or a link.
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    with xlsxwriter.Workbook(target, options) as workbook:
        workbook.set_properties(
            {
                "title": document.title[:255],
                "subject": document.description[:255],
                "comments": "\n".join(document.provenance)[:255],
                "author": "Jindu",
                "created": document.made_at.replace(tzinfo=None),
            }
        )
        _Writer(workbook, document, formats).write()
    return target.getvalue()


class _Writer:
    def __init__(self, workbook: Any, document: doc.Document, formats: Formats) -> None:
        self._workbook = workbook
        self._document = document
        self._formats = formats
        self._styles: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._names: set[str] = set()
        self._long_texts = LongTexts(workbook, language=document.language)
        self._names.add(self._long_texts.name.casefold())
        self._summary = workbook.add_worksheet(self._sheet_name(document.words.summary))
        self._data: Any = None
        self._data_row = 0
        self._row = 0

    def write(self) -> None:
        # Sheets stand in the order in which they are made: the figures behind charts come last.
        for table in _tables(self._document.blocks):
            self._table(table)
        self._write_summary()
        if self._data is not None:
            self._data.set_column(0, 0, 22)
            self._data.set_column(1, 12, 14)

    def _write_summary(self) -> None:
        sheet = self._summary
        sheet.hide_gridlines(2)
        sheet.set_column(0, 7, 18)
        sheet.set_landscape() if self._document.landscape else sheet.set_portrait()
        sheet.fit_to_pages(1, 0)
        self._put(self._document.title, bold=True, font_size=18, font_color="#2563A8")
        if self._document.description:
            self._put(self._document.description, font_color="#66717E")
        for label, value in self._document.parameters:
            self._string(sheet, self._row, 0, label, self._style(font_color="#66717E"))
            self._put(value, column=1, bold=True)
        self._row += 1
        self._blocks(self._document.blocks)
        for line in (self._document.made_text, *self._document.provenance):
            self._put(line, font_color="#66717E", font_size=9)

    def _blocks(self, blocks: list[doc.Block]) -> None:
        for block in blocks:
            match block:
                case doc.Heading():
                    self._row += 1
                    self._put(block.text, bold=True, font_size=14 if block.level <= 2 else 12)
                case doc.Text():
                    for text in markdown.plain(block.nodes):
                        self._put(text)
                case doc.Kpis():
                    self._kpis(block)
                case doc.Chart():
                    self._chart(block)
                case doc.Picture():
                    self._picture(block)
                case doc.Columns():
                    for column in block.columns:
                        self._blocks(column)

    def _picture(self, block: doc.Picture) -> None:
        scale = _SHEET_WIDTH * block.width / 100 / block.image.width
        options = {
            "image_data": io.BytesIO(block.image.content),
            "description": block.alt[:255],
            "x_scale": scale,
            "y_scale": scale,
        }
        self._summary.insert_image(self._row, 0, "picture", options)
        self._row += int(block.image.height * scale / _ROW_HEIGHT) + 2

    def _put(self, text: str, *, column: int = 0, **style: Any) -> None:
        self._string(self._summary, self._row, column, text, self._style(**style))
        self._row += 1

    def _kpis(self, block: doc.Kpis) -> None:
        for item in block.items:
            column_style = {"bottom": 1, "bottom_color": "#E3E7EC"}
            self._string(self._summary, self._row, 0, item.label, self._style(font_color="#66717E", **column_style))
            kind = item.format.kind or self._formats.kind_of(item.value)
            number = self._formats.excel(item.format, kind)
            self._cell(self._summary, self._row, 1, item.value, item.text, bold=True, num_format=number, **column_style)
            tone = {"good": _TONES["green"], "bad": _TONES["red"]}.get(item.tone, _TONES["grey"])
            self._string(
                self._summary, self._row, 2, item.delta, self._style(font_color=tone, bold=True, **column_style)
            )
            self._string(
                self._summary, self._row, 3, item.delta_label, self._style(font_color="#66717E", **column_style)
            )
            self._row += 1
        self._row += 1

    # -- charts

    def _chart(self, chart: doc.Chart) -> None:
        if chart.is_empty:
            self._put(f"{chart.title}: {self._document.words.no_data}" if chart.title else self._document.words.no_data)
            return
        kind = dict(_CHART_KINDS.get(chart.kind, {}))
        first = self._chart_data(chart)
        if not kind or not chart.series or not chart.labels:
            return
        if kind["type"] == "column" and "xAxis" in chart.option and isinstance(chart.option["xAxis"], list):
            kind["type"] = "bar"
        drawn = self._workbook.add_chart(kind)
        second = self._workbook.add_chart({"type": "line"}) if chart.kind == "combo" else None
        for index, series in enumerate(chart.series):
            self._series(second if second and series.kind == "line" else drawn, chart, index, first)
        if second is not None and any(series.kind == "line" for series in chart.series):
            drawn.combine(second)
        self._finish_chart(drawn, chart)
        self._summary.insert_chart(self._row, 0, drawn, {"x_offset": 2, "y_offset": 4})
        self._row += _CHART_ROWS + 1

    def _series(self, drawn: Any, chart: doc.Chart, index: int, first: int) -> None:
        last = first + len(chart.labels) - 1
        sheet = self._data.get_name()
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
        drawn.add_series(entry)

    def _finish_chart(self, drawn: Any, chart: doc.Chart) -> None:
        drawn.set_title({"name": chart.title, "name_font": {"size": 12}} if chart.title else {"none": True})
        drawn.set_size({"width": 760, "height": _CHART_ROWS * 20})
        number = self._formats.excel(chart.format, chart.format.kind) if chart.format.kind else "#,##0"
        if chart.kind != "pie":
            drawn.set_y_axis({"num_format": number, "major_gridlines": {"visible": True, "line": {"color": "#E3E7EC"}}})
        if len(chart.series) < 2 and chart.kind != "pie":
            drawn.set_legend({"none": True})
        else:
            drawn.set_legend({"position": "bottom"})

    def _chart_data(self, chart: doc.Chart) -> int:
        """Writes what a chart shows; returns the row of its first value."""
        if self._data is None:
            self._data = self._workbook.add_worksheet(self._sheet_name(self._document.words.charts_data))
        sheet, top = self._data, self._data_row
        self._string(sheet, top, 0, chart.title, self._style(bold=True))
        head = self._style(bold=True, bottom=1)
        self._string(sheet, top + 1, 0, chart.x_label, head)
        for column, series in enumerate(chart.series, 1):
            self._string(sheet, top + 1, column, series.name, head)
        for index, label in enumerate(chart.labels):
            self._string(sheet, top + 2 + index, 0, label)
        for column, series in enumerate(chart.series, 1):
            wanted = chart.line_format if series.second_axis and chart.line_format.kind else chart.format
            number = self._formats.excel(wanted, wanted.kind)
            for index, value in enumerate(series.values):
                self._cell(sheet, top + 2 + index, column, value, "", num_format=number)
        self._data_row = top + len(chart.labels) + 4
        return top + 2

    # -- tables

    def _table(self, table: doc.Table) -> None:
        sheet = self._workbook.add_worksheet(self._sheet_name(table.name))
        head = {"bold": True, "font_color": "#FFFFFF", "bg_color": "#2563A8", "text_wrap": True, "valign": "vcenter"}
        for index, column in enumerate(table.columns):
            self._string(sheet, 0, index, column.label, self._style(**head, align=column.align))
        rows = table.rows
        for number, row in enumerate(rows, 1):
            self._table_row(sheet, number, row, table.columns)
        last = len(rows)
        sheet.freeze_panes(1, 0)
        if table.columns and not any(row.kind != "row" for row in rows):
            sheet.autofilter(0, 0, max(last, 1), len(table.columns) - 1)
        self._bars(sheet, table, last)
        if table.has_totals:
            self._totals(sheet, table, last + 1)
        for index in range(len(table.columns)):
            sheet.set_column(index, index, _width(table, index))
        sheet.repeat_rows(0)
        sheet.fit_to_pages(1, 0)

    def _table_row(self, sheet: Any, number: int, row: doc.Row, columns: list[doc.Column]) -> None:
        if row.kind == "group":
            self._string(sheet, number, 0, row.cells[0].text, self._style(bold=True, font_size=12))
            return
        for index, (cell, column) in enumerate(zip(row.cells, columns, strict=True)):
            style: dict[str, Any] = {"align": column.align}
            if cell.tone:
                style |= {"font_color": _TONES[cell.tone], "bg_color": _TINTS[cell.tone]}
            if row.kind == "subtotal":
                style |= {"bold": True, "top": 1}
            number_format = self._formats.excel(column.format, column.format.kind)
            self._cell(sheet, number, index, cell.value, cell.text, num_format=number_format, **style)

    def _bars(self, sheet: Any, table: doc.Table, last: int) -> None:
        for index, column in enumerate(table.columns):
            if column.bar and last:
                sheet.conditional_format(1, index, last, index, _BAR)

    def _totals(self, sheet: Any, table: doc.Table, row: int) -> None:
        texts = total_texts(table, self._document.words)
        for index, (column, text) in enumerate(zip(table.columns, texts, strict=True)):
            kind = column.format.kind if isinstance(column.total, float) else column.format.kind or "integer"
            number = self._formats.excel(column.format, kind)
            self._cell(sheet, row, index, column.total, text, bold=True, top=2, num_format=number, align=column.align)

    # -- cells

    def _cell(self, sheet: Any, row: int, column: int, value: Any, text: str, **style: Any) -> None:
        """Numbers and dates as themselves; what Excel cannot hold, as text."""
        require_room(row, column)
        wanted = {name: setting for name, setting in style.items() if setting not in ("", None)}
        match value:
            case bool():
                sheet.write_boolean(row, column, value, self._style(**wanted))
            case int() | float() if abs(value) < _SAFE_INTEGER:
                sheet.write_number(row, column, value, self._style(**wanted))
            case datetime() if value.year >= 1900:
                wanted.setdefault("num_format", self._formats.excel(Format(), "datetime"))
                sheet.write_datetime(row, column, value.replace(tzinfo=None), self._style(**wanted))
            case date() if value.year >= 1900:
                wanted.setdefault("num_format", self._formats.excel(Format(), "date"))
                sheet.write_datetime(row, column, value, self._style(**wanted))
            case timedelta():
                sheet.write_number(row, column, value.total_seconds() / 86_400, self._style(**wanted))
            case None:
                shown = text if text != "–" else ""
                self._string(sheet, row, column, shown, self._style(**wanted))
            case _:
                wanted.pop("num_format", None)
                self._string(sheet, row, column, str(value), self._style(**wanted))

    def _string(self, sheet: Any, row: int, column: int, text: str, style: Any = None) -> None:
        """Every text goes this way: xlsxwriter leaves out what does not fit, and says nothing."""
        require_room(row, column)
        place = {"column": xl_col_to_name(column), "row": row + 1, "sheet": sheet.get_name()}
        sheet.write_string(row, column, self._long_texts.fitting(text, **place), style)

    def _style(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._styles:
            self._styles[key] = self._workbook.add_format({"valign": "vcenter", **properties})
        return self._styles[key]

    def _sheet_name(self, wanted: str) -> str:
        """At most 31 characters, none of []:*?/\\, not twice whatever the case, not “History”."""
        base = _SHEET_FORBIDDEN.sub(" ", wanted).strip(" '")[:28] or "Sheet"
        base = f"{base} 1" if base.casefold() == "history" else base
        name, number = base, 1
        while name.casefold() in self._names:
            number += 1
            name = f"{base[: 31 - len(str(number)) - 1]} {number}"
        self._names.add(name.casefold())
        return name


def _tables(blocks: Iterable[doc.Block]) -> Iterator[doc.Table]:
    for block in blocks:
        if isinstance(block, doc.Table):
            yield block
        elif isinstance(block, doc.Columns):
            for column in block.columns:
                yield from _tables(column)


def _width(table: doc.Table, index: int) -> float:
    texts = [row.cells[index].text for row in table.rows[:200] if row.kind == "row"]
    longest = max([_columns(text) for text in texts] + [_columns(table.columns[index].label) + 2], default=8)
    return min(max(longest + 2, 9), 60)


def _columns(text: str) -> int:
    """Chinese characters are two columns wide."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)
