"""The Excel workbook into which blocks write themselves: a summary, sheets of their own, and figures behind charts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, time
from decimal import Decimal
from typing import Any

import msgspec
from xlsxwriter.utility import quote_sheetname, xl_col_to_name

from server.datasets.excel_texts import LongTexts, require_room
from server.reports.brand import Shades
from server.reports.excel_formats import is_rounded_away, number_format, own_places
from server.reports.excel_names import SheetNames
from server.reports.excel_pages import Sheets
from server.reports.excel_room import column_pixels, letters, line_count, line_pixels, row_parts
from server.reports.excel_summary import Summary
from server.reports.excel_values import excel_value
from server.reports.formats import Formats, ValueFormat
from server.reports.short_numbers import LEAST_SHORT
from server.reports.sums import is_figure
from server.reports.words import Words

TONES = {"green": "#1B7F4D", "red": "#C0323C", "amber": "#A8620A", "blue": "#2563A8", "grey": "#7A7F87"}
TINTS = {"green": "#E4F4EB", "red": "#FBE7E8", "amber": "#FDF1DD", "blue": "#E6F0FA", "grey": "#EFF1F3"}
MUTED, LINE = "#66717E", "#E3E7EC"
_FEW = 5  # sheets that need no list of them
_FIGURE_COLUMNS = 12  # beside the first, that are wider than Excel makes them
_WIDE = 10**7  # a number that may need more
_DATES = ("date", "month", "year", "datetime")


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet that a block will write: `told` says in the list of sheets what it holds."""

    name: str
    told: str
    rows: int
    write: Callable[[Any], None]


class ReportBook:
    """Blocks first plan their sheets; then these are written, then the summary.

    So all sheets stand in the order of the report, after the summary and the list of them.
    """

    def __init__(
        self,
        workbook: Any,
        *,
        language: str,
        words: Words,
        formats: Formats,
        sheets: Sheets,
        shades: Shades,
        warn: Callable[[str], None],
    ) -> None:
        """`warn` tells whoever ordered the report."""
        self.workbook = workbook
        self.shades = shades
        self.words = words
        self.formats = formats
        self.sheets = sheets
        self.warn = warn
        self._styles: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._cell_styles: dict[tuple[Any, ...], Any] = {}
        self._number_formats: dict[tuple[type, ValueFormat, tuple[int, bool] | str], str] = {}
        self._names = SheetNames()
        self._long_texts = LongTexts(workbook, language=language)
        self._names.take(self._long_texts.name)
        self._planned: dict[int, Planned] = {}
        self.summary = Summary(self.add_sheet(words.summary), sheets)
        self._figures: Any = None
        self._figures_row = 0
        self._figures_wide: dict[int, int] = {}  # letters of the widest number of a column

    @property
    def linked(self) -> dict[str, Any]:
        """The style of what leads elsewhere."""
        return {"font_color": self.shades.letters, "underline": 1}

    # -- sheets

    def add_sheet(self, wanted: str) -> Any:
        """Sheets stand in the order in which they are added."""
        return self._new_sheet(self._names.take(wanted))

    def _new_sheet(self, name: str) -> Any:
        sheet = self.workbook.add_worksheet(name)
        if self.formats.locale.text_direction == "rtl":
            sheet.right_to_left()
        return sheet

    def plan(self, owner: object, *, name: str, within: str, rows: int, write: Callable[[Any], None]) -> None:
        """A sheet of its own for a block; `within` tells it from others alike."""
        told = name if not within or within.casefold() in name.casefold() else f"{within} – {name}"
        taken = self._names.take(name, within=within)
        self._planned[id(owner)] = Planned(name=taken, told=told, rows=rows, write=write)

    def write_planned(self) -> None:
        contents = None
        if len(self._planned) > _FEW:
            contents = self.add_sheet(self.words.contents)
        added = [(plan, self._new_sheet(plan.name)) for plan in self._planned.values()]
        if contents is not None:
            self._write_contents(contents)
        for plan, sheet in added:
            plan.write(sheet)

    def put_link(self, owner: object) -> None:
        """A line of the summary that leads to a block's own sheet."""
        plan = self._planned[id(owner)]
        text = self.words.in_sheet.format(sheet=plan.name)
        if plan.told != plan.name:
            self.put(plan.told, keep=line_pixels(11))
        self.link(self.summary.sheet, self.summary.line(), 0, plan.name, text)

    def link(self, sheet: Any, row: int, column: int, name: str, text: str) -> None:
        """To the beginning of a sheet of this workbook."""
        place = f"internal:{quote_sheetname(name)}!A1"
        sheet.write_url(row, column, place, self.style(**self.linked), string=text[:255])

    def figures(self, row_count: int) -> tuple[Any, int]:
        """The sheet of the figures behind charts, and the first of so many rows on it."""
        if self._figures is None:
            self._figures = self.add_sheet(self.words.charts_data)
        first = self._figures_row
        self._figures_row += row_count
        return self._figures, first

    def finish(self) -> None:
        self.summary.finish()
        if self._figures is not None:
            for column in range(max([_FIGURE_COLUMNS, *self._figures_wide]) + 1):
                count = max(14 if column else 22, self._figures_wide.get(column, 0))
                self._figures.set_column_pixels(column, column, column_pixels(count))
            self._figures.ignore_errors({"number_stored_as_text": "A1:A1048576"})  # years, for instance, as names
            self.sheets.set_up(self._figures, landscape=False)
            self._figures.fit_to_pages(1, 0)

    # -- cells

    def put(self, text: str, *, column: int = 0, font_size: float = 11, keep: int = 0, **style: Any) -> None:
        """Lines of the summary: over its whole width where they need it. `keep`: pixels that stay on the same page."""
        summary = self.summary
        width = summary.room(column)
        for part in row_parts(text, width, size=font_size):
            count = line_count(part, width, size=font_size, bold=bool(style.get("bold")))
            row = summary.line(count * line_pixels(font_size) if count > 1 or font_size > 11 else None, keep=keep)
            if count == 1:
                self.string(summary.sheet, row, column, part, self.style(font_size=font_size, **style))
                continue
            wrapped = self.style(font_size=font_size, text_wrap=True, **{**style, "valign": "top"})
            summary.sheet.merge_range(row, column, row, summary.last_column, "", wrapped)
            self.string(summary.sheet, row, column, part, wrapped)

    def put_pair(self, label: str, value: str) -> None:
        """What something is called, and beside it what it is."""
        summary = self.summary
        room = summary.room(1)
        for number, part in enumerate(row_parts(value, room)):
            lines = max(line_count(label, summary.width - room), line_count(part, room, bold=True))
            row = summary.line(lines * line_pixels(11) if lines > 1 else None)
            if number == 0:
                muted = self.style(font_color=MUTED, text_wrap=True, valign="top")
                self.string(summary.sheet, row, 0, label, muted)
            strong = self.style(bold=True, text_wrap=lines > 1, valign="top")
            if lines > 1:
                summary.sheet.merge_range(row, 1, row, summary.last_column, "", strong)
            self.string(summary.sheet, row, 1, part, strong)

    def paragraph(self, sheet: Any, row: int, widths: Iterable[int], text: str, **style: Any) -> int:
        """Below a table, over all its columns, as high as it needs. Returns the next row."""
        room = list(widths)
        for part in row_parts(text, sum(room)):
            wrapped = self.style(text_wrap=True, **{**style, "valign": "top"})
            sheet.set_row_pixels(row, line_count(part, sum(room)) * line_pixels(11))
            if len(room) > 1:
                sheet.merge_range(row, 0, row, len(room) - 1, "", wrapped)
            self.string(sheet, row, 0, part, wrapped)
            row += 1
        return row

    def cell(self, sheet: Any, row: int, column: int, value: Any, format: ValueFormat, **style: Any) -> None:  # noqa: A002
        """Numbers and dates as themselves; what Excel cannot hold, as text; what is missing, as an empty cell."""
        require_room(row, column)
        held = excel_value(value, format, self.formats)
        match held:
            case None | "":
                sheet.write_blank(row, column, None, self._styled(style))
            case bool():
                sheet.write_boolean(row, column, held, self._styled(style))
            case int() | float():
                if sheet is self._figures and abs(held) >= _WIDE:  # all others have room
                    wide = letters(self.formats.text(value, format))
                    self._figures_wide[column] = max(wide, self._figures_wide.get(column, 0))
                sheet.write_number(row, column, held, self._styled(style, self._number_format(value, format)))
            case date():  # moments as well
                sheet.write_datetime(row, column, held, self._styled(style, self._number_format(held, format)))
            case time():
                sheet.write_datetime(row, column, held, self._styled(style, "hh:mm:ss"))
            case _:
                self.string(sheet, row, column, held, self._styled(style))

    def address(self, sheet: Any, row: int, column: int, address: str) -> None:
        """Of the web, for a cell that is written after it. A template says where cells lead, never data alone."""
        require_room(row, column)
        sheet.write_url(row, column, address, string=address[:255])

    def formula(
        self, sheet: Any, row: int, column: int, formula: str, value: Any, format: ValueFormat, **style: Any  # noqa: A002
    ) -> None:  # fmt: skip
        """One of ours, with what it gives, for programs that reckon nothing."""
        require_room(row, column)
        held = excel_value(value, format, self.formats)
        sheet.write_formula(row, column, formula, self._styled(style, self._number_format(value, format)), held)

    def string(self, sheet: Any, row: int, column: int, text: str, style: Any = None) -> None:
        """Every text goes this way: xlsxwriter leaves out what does not fit, and says nothing."""
        require_room(row, column)
        if not text:
            sheet.write_blank(row, column, None, style)
            return
        place = {"column": xl_col_to_name(column), "row": row + 1, "sheet": sheet.get_name()}
        sheet.write_string(row, column, self._long_texts.fitting(text, **place), style)

    def style(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._styles:
            self._styles[key] = self.workbook.add_format({"valign": "vcenter", **properties})
        return self._styles[key]

    def _styled(self, style: dict[str, Any], number: str = "") -> Any:
        key = (number, *style.items())
        if key not in self._cell_styles:
            wanted = {name: setting for name, setting in style.items() if setting not in ("", None)}
            self._cell_styles[key] = self.style(**wanted, **({"num_format": number} if number else {}))
        return self._cell_styles[key]

    def _number_format(self, value: Any, format: ValueFormat) -> str:  # noqa: A002
        """That of the column; a value of another kind keeps its own."""
        key = (type(value), format, self._own_format(value, format))
        if key not in self._number_formats:
            kind = self._kind_of(value, format)
            wanted = msgspec.structs.replace(format, kind=kind)
            self._number_formats[key] = number_format(self.formats, wanted, kind, value)
        return self._number_formats[key]

    def _kind_of(self, value: Any, format: ValueFormat) -> str:  # noqa: A002
        own = self.formats.kind_of(value)
        keeps_own = not format.kind or own == "duration" or (own in _DATES and format.kind not in _DATES)
        return own if keeps_own else format.kind

    def _own_format(self, value: Any, format: ValueFormat) -> tuple[int, bool] | str:  # noqa: A002
        """What few values have otherwise than their column: the unit of a `compact` one, its decimals and those of one
        near zero, no sign where none of them are left."""
        if format.kind == "compact" and is_figure(value) and abs(value) >= LEAST_SHORT:
            return number_format(self.formats, format, self._kind_of(value, format), value)
        if format.kind != "compact" and not (isinstance(value, float | Decimal) and -1 < value < 1):
            return 0, False
        kind = self._kind_of(value, format)
        wanted = msgspec.structs.replace(format, kind=kind)
        places = own_places(self.formats, value, wanted, kind)
        if not isinstance(value, float | Decimal) or not -1 < value < 0:
            return places, False
        return places, is_rounded_away(self.formats, value, wanted, kind)

    def _write_contents(self, sheet: Any) -> None:
        sheet.hide_gridlines(2)
        widths = [34, max(24, *(min(letters(plan.told), 60) for plan in self._planned.values())), 10]
        for column, count in enumerate(widths):
            sheet.set_column_pixels(column, column, column_pixels(count))
        head = self.style(bold=True, bottom=1)
        for column, text in enumerate(self.words.contents_head):
            self.string(sheet, 0, column, text, head)
        for row, plan in enumerate(self._planned.values(), 1):
            self.link(sheet, row, 0, plan.name, plan.name)
            self.string(sheet, row, 1, plan.told, self.style(text_wrap=True))
            self.cell(sheet, row, 2, plan.rows, ValueFormat(kind="integer"))
        sheet.freeze_panes(1, 0)
        self.sheets.set_up_table(sheet, [column_pixels(count) for count in widths], rows=len(self._planned) + 1)
