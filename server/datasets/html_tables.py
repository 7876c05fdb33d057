"""The tables of a web page, as banks and reporting tools send them by the name .xls; and Excel's own XML of 2003."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from xml.parsers import expat

from server.datasets.text_encoding import FoundEncoding, find_encoding
from server.errors import FileProblem

_MOST_CELLS = 5_000_000
_MOST_SPANNED = 1_000
_SILENT = ("script", "style", "head", "template", "noscript", "select")
_CHARSET = re.compile(rb"""charset\s*=\s*["']?([\w-]{2,30})""", re.IGNORECASE)
_BREAKS = ("br", "p", "div", "li")

HtmlRow = list[str]


@dataclass(slots=True)
class HtmlTable:
    """`rows` as they are seen: what spans rows stands in each of them, what spans columns in the first."""

    rows: list[HtmlRow] = field(default_factory=list)
    caption: str = ""
    header_rows: int = 0  # first rows made of <th> alone
    _open: dict[int, tuple[int, str]] = field(default_factory=dict)  # column → rows to come, and the text

    @property
    def width(self) -> int:
        return max(map(len, self.rows), default=0)

    @property
    def cell_count(self) -> int:
        return sum(1 for row in self.rows for cell in row if cell)

    def even_rows(self) -> list[HtmlRow]:
        width = self.width
        return [[*row, *[""] * (width - len(row))] for row in self.rows]

    def add(self, cells: list[tuple[str, int, int]], *, is_header: bool) -> None:
        """Cells with how many columns and rows they span."""
        row: HtmlRow = []
        for text, columns, rows in cells:
            self._fill(row)
            if rows > 1:
                self._open[len(row)] = (rows - 1, text)
                for extra in range(1, columns):
                    self._open[len(row) + extra] = (rows - 1, "")
            row += [text, *[""] * (columns - 1)]
        self._fill(row)
        if is_header and len(self.rows) == self.header_rows:
            self.header_rows += 1
        self.rows.append(row)

    def _fill(self, row: HtmlRow) -> None:
        while len(row) in self._open:
            left, text = self._open.pop(len(row))
            if left > 1:
                self._open[len(row)] = (left - 1, text)
            row.append(text)


class _Reader(HTMLParser):
    """Ends of cells and rows may be left out, and tables may stand within others."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[HtmlTable] = []
        self._nested: list[_OpenTable] = []
        self._silent = 0
        self._cells = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table":
            self._nested.append(_OpenTable())
        elif not self._nested:
            return
        elif tag == "tr":
            self._end_row()
            self._nested[-1].row = []
        elif tag in ("td", "th"):
            self._begin_cell(tag, dict(attributes))
        elif tag == "caption":
            self._nested[-1].in_caption = True
        elif tag in _BREAKS:
            self._nested[-1].text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif not self._nested:
            return
        elif tag == "table":
            self._end_table()
        elif tag in ("tr", "thead", "tbody", "tfoot"):
            self._end_row()
        elif tag in ("td", "th"):
            self._end_cell()
        elif tag == "caption":
            self._nested[-1].in_caption = False

    def handle_data(self, data: str) -> None:
        if self._silent or not self._nested:
            return
        table = self._nested[-1]
        if table.in_caption:
            table.table.caption += data
        elif table.span is not None:
            table.text.append(data)

    def close(self) -> None:
        super().close()
        while self._nested:
            self._end_table()

    def _begin_cell(self, tag: str, attributes: dict[str, str | None]) -> None:
        self._end_cell()
        table = self._nested[-1]
        if table.row is None:
            table.row = []
        table.span = (_times(attributes.get("colspan")), _times(attributes.get("rowspan")))
        table.is_header = table.is_header and tag == "th"
        self._cells += table.span[0]
        if self._cells > _MOST_CELLS:
            raise FileProblem(
                "The web page has more than {limit} cells; save it as CSV and upload that.",
                code="page_too_large",
                limit=_MOST_CELLS,
            )

    def _end_cell(self) -> None:
        table = self._nested[-1]
        if table.span is None or table.row is None:
            return
        table.row.append((" ".join("".join(table.text).split()), *table.span))
        table.text, table.span = [], None

    def _end_row(self) -> None:
        self._end_cell()
        table = self._nested[-1]
        if table.row:
            table.table.add(table.row, is_header=table.is_header)
        table.row, table.is_header = None, True

    def _end_table(self) -> None:
        self._end_row()
        self.tables.append(self._nested.pop().table)


@dataclass(slots=True)
class _OpenTable:
    table: HtmlTable = field(default_factory=HtmlTable)
    row: list[tuple[str, int, int]] | None = None
    text: list[str] = field(default_factory=list)
    span: tuple[int, int] | None = None  # of the cell that is open
    is_header: bool = True
    in_caption: bool = False


def _times(text: str | None) -> int:
    return max(1, min(int(text), _MOST_SPANNED)) if text and text.isascii() and text.isdigit() and len(text) < 9 else 1


def html_tables(text: str) -> list[HtmlTable]:
    """In the order in which they end; those without rows are left out."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return [table for table in reader.tables if any(any(row) for row in table.rows)]


def page_encoding(path: Path, *, wanted: str | None, language: str | None) -> FoundEncoding:
    """What the page says of itself counts where it is no UTF-8, and no mark says otherwise."""
    found = find_encoding(path, wanted=wanted, language=language)
    if wanted or found.mark_bytes or found.name.startswith("utf"):
        return found
    with path.open("rb") as stream:
        said = _CHARSET.search(stream.read(4096))
    try:
        return FoundEncoding(name=codecs.lookup(said[1].decode()).name) if said else found
    except LookupError:
        return found


def named_tables(tables: Sequence[HtmlTable]) -> list[str]:
    """Their captions, as far as they tell them apart, else `table 2`."""
    captions = [" ".join(table.caption.split())[:80] for table in tables]
    return [
        caption if caption and captions.count(caption) == 1 else f"table {place}"
        for place, caption in enumerate(captions, start=1)
    ]


def xml_sheets(content: bytes) -> list[HtmlTable]:
    """The sheets of a workbook in XML; raises `FileProblem` when it is damaged. `caption` is a sheet's name."""
    reader = _XmlSheets()
    try:
        reader.parse(content)
    except expat.ExpatError as error:
        raise FileProblem(
            "The Excel file is damaged or cut off; open it in a spreadsheet program, save it again and upload that.",
            code="damaged_workbook",
        ) from error
    return [table for table in reader.tables if table.rows]


class _XmlSheets:
    def __init__(self) -> None:
        self.tables: list[HtmlTable] = []
        self._row: list[tuple[str, int, int]] = []
        self._column = 0
        self._text: list[str] | None = None
        self._kind = "String"
        self._span = (1, 1)
        self._cells = 0

    def parse(self, content: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._data
        parser.EntityDeclHandler = _refuse_entities
        parser.Parse(content, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        values = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        match name.rpartition(" ")[2]:
            case "Worksheet":
                self.tables.append(HtmlTable(caption=values.get("Name", "")))
            case "Row":
                self._row, self._column = [], 0
            case "Cell":
                place = _times(values.get("Index")) - 1 if "Index" in values else self._column
                self._row += [("", 1, 1)] * max(0, place - self._column)
                self._span = (_times(values.get("MergeAcross", "0")) if "MergeAcross" in values else 0) + 1, 1
                self._column = max(place, self._column) + self._span[0]
                self._cells += 1 + max(0, place - self._column)
                self._row.append(("", *self._span))
            case "Data":
                self._text, self._kind = [], values.get("Type", "String")

    def _end(self, name: str) -> None:
        match name.rpartition(" ")[2]:
            case "Data" if self._row and self._text is not None:
                self._row[-1] = (_xml_cell("".join(self._text), self._kind), *self._span)
                self._text = None
            case "Row" if self.tables and any(text for text, _, _ in self._row):
                self.tables[-1].add(self._row, is_header=False)

    def _data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)


def _xml_cell(text: str, kind: str) -> str:
    if kind == "DateTime":
        return text.removesuffix(".000").removesuffix("T00:00:00").replace("T", " ")
    if kind == "Boolean":
        return {"1": "true", "0": "false"}.get(text, text)
    return "" if kind == "Error" and text == "#N/A" else text


def _refuse_entities(*_declared: object) -> None:
    raise FileProblem("The file declares entities of XML, which are not followed.", code="unreadable_file")
