"""What a workbook says of its cells beside their values: formats that change what is seen, errors, what is hidden."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from xml.etree import ElementTree

from server.datasets.cell_texts import as_text
from server.datasets.number_formats import LAST_DAY, NumberFormat, format_numbered
from server.datasets.workbook_members import UNREADABLE
from server.datasets.xlsx_extent import SheetSigns

_REST_BYTES = 4 * 1024 * 1024  # of a row that goes on in the next piece
_MOST_STYLE_BYTES = 32 * 1024 * 1024
_LOOKED_AT_BYTES = 4 * 1024 * 1024  # where percentages and currencies are looked for
_NAMESPACES = {
    "m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "s": "http://purl.oclc.org/ooxml/spreadsheetml/main",
    "p": "http://schemas.openxmlformats.org/package/2006/relationships",
}
_ID = re.compile(r"\{.*\}id")
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
_STYLE = re.compile(rb"""\bs\s*=\s*["'](\d{1,6})["']""")
_KIND = re.compile(rb"""\bt\s*=\s*["'](\w+)["']""")
_VALUE = re.compile(rb"<(?:\w+:)?v>([^<]*)<")
_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*)>")
_NUMBER_CELL = re.compile(
    rb"<(?:\w+:)?c\s([^>]*)>(?:<(?:\w+:)?f[^>]*/>|<(?:\w+:)?f[^>]*>[^<]*</(?:\w+:)?f>)?"
    rb"<(?:\w+:)?v>\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*<"
)
_HIDDEN_ROW = re.compile(rb"""<(?:\w+:)?row\s[^>]*\bhidden=["'](?:1|true)["']""")
_HIDDEN_COLUMN = re.compile(rb"""<(?:\w+:)?col\s[^>]*\bhidden=["'](?:1|true)["'][^>]*>""")
_COLUMN_RANGE = re.compile(rb"""\b(min|max)=["'](\d{1,5})["']""")


@dataclass(slots=True, kw_only=True)
class SheetMarks:
    """Rows count from 1, columns from 0. `formats` and `texts` (what is seen) are of odd cells alone.

    `odd_dates`: numbers with the format of a date that are none, by row and column; looked for when
    it is called; None where no format is of dates.
    """

    formats: dict[int, dict[int, NumberFormat]] = field(default_factory=dict)
    texts: dict[int, dict[int, str]] = field(default_factory=dict)
    errors: dict[int, dict[int, str]] = field(default_factory=dict)
    styles: dict[int, set[str]] = field(default_factory=dict)  # of a column: `percent`, `number`, currencies
    from_1904: bool = False
    hidden_rows: int = 0
    hidden_columns: list[int] = field(default_factory=list)
    has_formulas_without_values: bool = False
    odd_dates: Callable[[], dict[tuple[int, int], str]] | None = None

    def note_format(self, row: int, column: int, cell_format: NumberFormat) -> None:
        self.formats.setdefault(row, {})[column] = cell_format

    def note_error(self, row: int, column: int, error: str) -> None:
        self.errors.setdefault(row, {})[column] = error


def xlsx_marks(path: Path, sheet: str, signs: dict[str, SheetSigns]) -> SheetMarks:
    """The sheet is read again only where a first look, or the formats that there are, say that it is worth it."""
    marks = SheetMarks()
    with suppress(*UNREADABLE), zipfile.ZipFile(path) as archive:
        # The document was opened by calamine before: it is well-formed, and its size was checked.
        book = ElementTree.fromstring(_read(archive, "xl/workbook.xml"))  # noqa: S314
        marks.from_1904 = _counts_from_1904(book)
        formats = _cell_formats(archive)
        part = _part_of_sheet(archive, book, sheet)
        seen = signs.get(part, SheetSigns(has_errors=True, has_hidden=True))
        dates = frozenset(style for style, each in enumerate(formats) if each.kind in ("date", "moment"))
        if dates:
            marks.odd_dates = cache(partial(_odd_dates, path, part, dates, from_1904=marks.from_1904))
        marks.has_formulas_without_values = seen.has_formulas_without_values
        odd = {style: each for style, each in enumerate(formats) if each.changes_what_is_seen}
        with archive.open(part) as stream:
            first = stream.read(_LOOKED_AT_BYTES)
        if any(each.kind == "percent" or each.currency for each in formats):
            _note_styles(marks, first, formats)
        if seen.has_hidden:
            _note_hidden_columns(marks, first)
        if odd or seen.has_errors or seen.has_hidden:
            _note_cells(marks, archive, part, odd, seen)
    return marks


def sheet_parts(path: Path) -> dict[str, str]:
    """By the names of all sheets, where each stands in the file; empty where that cannot be read."""
    with suppress(*UNREADABLE), zipfile.ZipFile(path) as archive:
        book = ElementTree.fromstring(_read(archive, "xl/workbook.xml"))  # noqa: S314
        names = [element.get("name", "") for element in book.iter() if element.tag.endswith("}sheet")]
        return {name: _part_of_sheet(archive, book, name) for name in names}
    return {}


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _MOST_STYLE_BYTES:
        raise ValueError("more than anybody has")
    return archive.read(name)


def _counts_from_1904(book: ElementTree.Element) -> bool:
    return any(
        element.get("date1904", "0").lower() in ("1", "true")
        for element in book.iter()
        if element.tag.endswith("}workbookPr")
    )


def _part_of_sheet(archive: zipfile.ZipFile, book: ElementTree.Element, sheet: str) -> str:
    links = ElementTree.fromstring(_read(archive, "xl/_rels/workbook.xml.rels"))  # noqa: S314
    wanted = next(
        value
        for element in book.iter()
        if element.tag.endswith("}sheet") and element.get("name") == sheet
        for key, value in element.items()
        if _ID.fullmatch(key)
    )
    target = next(
        link.get("Target", "") for link in links.iterfind("p:Relationship", _NAMESPACES) if link.get("Id") == wanted
    )
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _cell_formats(archive: zipfile.ZipFile) -> list[NumberFormat]:
    """By the number that a cell names in `s`."""
    name = next((each for each in archive.namelist() if each.lower() == "xl/styles.xml"), None)
    if name is None:
        return []
    styles = ElementTree.fromstring(_read(archive, name))  # noqa: S314
    space = "m" if styles.tag.startswith(f"{{{_NAMESPACES['m']}}}") else "s"
    codes = {
        int(element.get("numFmtId", "0")): element.get("formatCode", "")
        for element in styles.iterfind(f"{space}:numFmts/{space}:numFmt", _NAMESPACES)
    }
    numbers = [
        int(element.get("numFmtId", "0")) for element in styles.iterfind(f"{space}:cellXfs/{space}:xf", _NAMESPACES)
    ]
    known = {number: format_numbered(number, codes.get(number)) for number in set(numbers)}
    return [known[number] for number in numbers]


def _note_cells(
    marks: SheetMarks, archive: zipfile.ZipFile, part: str, odd: dict[int, NumberFormat], signs: SheetSigns
) -> None:
    styles = b"|".join(str(style).encode() for style in odd) or b"-"
    # Plain letters first: such a pattern is found fast.
    pattern = re.compile(rb'(?: s="(?:' + styles + rb')")' + (rb'|(?: t="e")' if signs.has_errors else b""))
    for text in _whole_rows(archive, part):
        if signs.has_hidden:
            marks.hidden_rows += len(_HIDDEN_ROW.findall(text))
        for found in pattern.finditer(text):
            _note_cell(marks, text, text.rfind(b"<", 0, found.start()), found.end(), odd)


def _note_cell(marks: SheetMarks, text: bytes, start: int, end: int, odd: dict[int, NumberFormat]) -> None:
    close = text.find(b">", end)
    cell = _CELL.match(text, start, close + 1)
    place = _PLACE.search(cell[1]) if cell else None
    if cell is None or place is None:
        return
    row, column = int(place[2]), column_number(place[1].decode())
    kind, style = _KIND.search(cell[1]), _STYLE.search(cell[1])
    if kind is not None and kind[1] == b"e":
        value = _VALUE.search(text, close, close + 2000)
        marks.note_error(row, column, value[1].decode(errors="replace") if value else "#N/A")
    elif style is not None and int(style[1]) in odd and (kind is None or kind[1] == b"n"):
        marks.note_format(row, column, odd[int(style[1])])


def _odd_dates(path: Path, part: str, dates: frozenset[int], *, from_1904: bool) -> dict[tuple[int, int], str]:
    """Below zero, within the first day, or beyond the year 9999: readers make a time of day of the former."""
    odd = {}
    with zipfile.ZipFile(path) as archive:
        for text in _whole_rows(archive, part):
            for found in _NUMBER_CELL.finditer(text):
                attributes, value = found[1], float(found[2])
                place, style, kind = (each.search(attributes) for each in (_PLACE, _STYLE, _KIND))
                if place is None or style is None or int(style[1]) not in dates or (kind and kind[1] != b"n"):
                    continue
                if value < (0 if from_1904 else 1) or value >= LAST_DAY:
                    odd[int(place[2]), column_number(place[1].decode())] = as_text(value)
    return odd


def _whole_rows(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """A sheet in pieces that end where a row ends, so that no cell is cut, nor seen twice."""
    rest = b""
    with archive.open(part) as stream:
        while block := stream.read(1024 * 1024):
            text = rest + block
            cut = text.rfind(b"<row ")
            cut = cut if cut > 0 else text.rfind(b":row ") if len(text) > _REST_BYTES else 0
            if cut <= 0 and len(text) <= _REST_BYTES:
                rest = text
                continue
            cut = cut if cut > 0 else len(text)
            yield text[:cut]
            rest = text[cut:]
    yield rest


def _note_styles(marks: SheetMarks, text: bytes, formats: Sequence[NumberFormat]) -> None:
    """Which columns mix percentages and plain numbers, or currencies; a sample is enough to tell."""
    for found in _CELL.finditer(text):
        attributes = found[1]
        if attributes.endswith(b"/") or ((kind := _KIND.search(attributes)) is not None and kind[1] != b"n"):
            continue
        style, place = _STYLE.search(attributes), _PLACE.search(attributes)
        if place is None:
            continue
        number = int(style[1]) if style is not None else 0
        cell_format = formats[number] if number < len(formats) else None
        name = "number"
        if cell_format is not None and cell_format.kind not in ("date", "time", "moment", "duration", "mask"):
            name = cell_format.currency or cell_format.kind
        marks.styles.setdefault(column_number(place[1].decode()), set()).add(name)


def _note_hidden_columns(marks: SheetMarks, text: bytes) -> None:
    for found in _HIDDEN_COLUMN.finditer(text[: text.find(b"<sheetData")]):
        ends = {name: int(number) for name, number in _COLUMN_RANGE.findall(found[0])}
        marks.hidden_columns += range(ends.get(b"min", 1) - 1, min(ends.get(b"max", 0), 16_384))


def column_number(letters: str) -> int:
    """From 0, as `A` is the first."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
