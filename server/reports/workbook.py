"""The Excel workbook into which blocks write themselves: a summary, sheets of their own, and figures behind charts."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from xlsxwriter.utility import xl_col_to_name

from server.datasets.decimals import fits_float
from server.datasets.excel_texts import LongTexts, require_room
from server.reports.formats import Formats, ValueFormat
from server.reports.words import Words

TONES = {"green": "#1B7F4D", "red": "#C0323C", "amber": "#A8620A", "blue": "#2563A8", "grey": "#7A7F87"}
TINTS = {"green": "#E4F4EB", "red": "#FBE7E8", "amber": "#FDF1DD", "blue": "#E6F0FA", "grey": "#EFF1F3"}
ACCENT, MUTED, LINE = "#2563A8", "#66717E", "#E3E7EC"
ROW_HEIGHT = 20  # in pixels
SUMMARY_WIDTH = 1_000  # of the summary sheet's first columns, in pixels
_SHEET_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_SAFE_INTEGER = 10**15


class ReportBook:
    """`row` is where the next block of the summary begins."""

    def __init__(self, workbook: Any, *, language: str, words: Words, formats: Formats) -> None:
        self.workbook = workbook
        self.words = words
        self.formats = formats
        self.row = 0
        self._styles: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._names: set[str] = set()
        self._long_texts = LongTexts(workbook, language=language)
        self._names.add(self._long_texts.name.casefold())
        self.summary = self.add_sheet(words.summary)
        self._figures: Any = None
        self._figures_row = 0

    def add_sheet(self, wanted: str) -> Any:
        """Sheets stand in the order in which they are added."""
        sheet = self.workbook.add_worksheet(self._sheet_name(wanted))
        if self.formats.locale.text_direction == "rtl":
            sheet.right_to_left()
        return sheet

    def put(self, text: str, *, column: int = 0, **style: Any) -> None:
        """A line of the summary."""
        self.string(self.summary, self.row, column, text, self.style(**style))
        self.row += 1

    def figures(self, row_count: int) -> tuple[Any, int]:
        """The sheet of the figures behind charts, and the first of so many rows on it."""
        if self._figures is None:
            self._figures = self.add_sheet(self.words.charts_data)
        first = self._figures_row
        self._figures_row += row_count
        return self._figures, first

    def finish(self) -> None:
        if self._figures is not None:
            self._figures.set_column(0, 0, 22)
            self._figures.set_column(1, 12, 14)

    def cell(self, sheet: Any, row: int, column: int, value: Any, text: str, **style: Any) -> None:
        """Numbers and dates as themselves; what Excel cannot hold, as text."""
        require_room(row, column)
        wanted = {name: setting for name, setting in style.items() if setting not in ("", None)}
        match value:
            case bool():
                sheet.write_boolean(row, column, value, self.style(**wanted))
            case Decimal() if fits_float(value):
                sheet.write_number(row, column, float(value), self.style(**wanted))
            case int() | float() if abs(value) < _SAFE_INTEGER:
                sheet.write_number(row, column, value, self.style(**wanted))
            case datetime() if value.year >= 1900:
                wanted.setdefault("num_format", self.formats.excel(ValueFormat(), "datetime"))
                sheet.write_datetime(row, column, value.replace(tzinfo=None), self.style(**wanted))
            case date() if value.year >= 1900:
                wanted.setdefault("num_format", self.formats.excel(ValueFormat(), "date"))
                sheet.write_datetime(row, column, value, self.style(**wanted))
            case timedelta():
                sheet.write_number(row, column, value.total_seconds() / 86_400, self.style(**wanted))
            case None:
                shown = text if text != "–" else ""
                self.string(sheet, row, column, shown, self.style(**wanted))
            case _:
                wanted.pop("num_format", None)
                self.string(sheet, row, column, str(value), self.style(**wanted))

    def string(self, sheet: Any, row: int, column: int, text: str, style: Any = None) -> None:
        """Every text goes this way: xlsxwriter leaves out what does not fit, and says nothing."""
        require_room(row, column)
        place = {"column": xl_col_to_name(column), "row": row + 1, "sheet": sheet.get_name()}
        sheet.write_string(row, column, self._long_texts.fitting(text, **place), style)

    def style(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._styles:
            self._styles[key] = self.workbook.add_format({"valign": "vcenter", **properties})
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
