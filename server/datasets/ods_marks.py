"""What OpenDocument says of cells beside their values: numbers that are shown filled up with zeros, lengths of
time, and which columns hold currencies and percentages.
"""

from __future__ import annotations

import re
import zipfile
from contextlib import suppress
from pathlib import Path
from xml.parsers import expat

from server.datasets.sheet_marks import SheetMarks

_BLOCK = 1024 * 1024
_MOST_REPEATED = 10_000
_MASK = re.compile(r"0\d+|\d+(?:-\d+)+|\(\d+\) ?\d+(?:-\d+)*")
_LENGTH = re.compile(r"(-?)PT(\d+)H(\d+)M(\d+)(?:[.,](\d+))?S")


def ods_marks(path: Path, sheet: str) -> SheetMarks:
    """The file was read by calamine before: it is well-formed."""
    reader = _Reader(sheet)
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.data
    with (
        suppress(expat.ExpatError, zipfile.BadZipFile, KeyError, OSError, EOFError),
        zipfile.ZipFile(path) as archive,
        archive.open("content.xml") as stream,
    ):
        while block := stream.read(_BLOCK):
            parser.Parse(block, False)
    return reader.marks


class _Reader:
    def __init__(self, sheet: str) -> None:
        self.marks = SheetMarks()
        self._sheet = sheet
        self._is_ours = False
        self._row = self._column = self._rows = self._columns = 0
        self._cell: dict[str, str] | None = None
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self._is_ours, self._row = attributes.get("table:name") == self._sheet, 0
        if not self._is_ours:
            return
        match name:
            case "table:table-column" if attributes.get("table:visibility") in ("collapse", "filter"):
                self._note_column(attributes, is_hidden=True)
            case "table:table-column":
                self._note_column(attributes, is_hidden=False)
            case "table:table-row":
                self._rows = _times(attributes.get("table:number-rows-repeated"))
                self._column = 0
                if attributes.get("table:visibility") in ("collapse", "filter") and self._rows < _MOST_REPEATED:
                    self.marks.hidden_rows += self._rows
            case "table:table-cell" | "table:covered-table-cell":
                self._columns = _times(attributes.get("table:number-columns-repeated"))
                self._cell, self._text = attributes, []

    def end(self, name: str) -> None:
        if not self._is_ours:
            return
        match name:
            case "table:table-cell" | "table:covered-table-cell":
                self._note()
                self._column += self._columns
                self._cell = None
            case "table:table-row":
                self._row += self._rows

    def data(self, data: str) -> None:
        if self._cell is not None:
            self._text.append(data)

    def _note_column(self, attributes: dict[str, str], *, is_hidden: bool) -> None:
        times = _times(attributes.get("table:number-columns-repeated"))
        if is_hidden and times < _MOST_REPEATED:
            self.marks.hidden_columns += range(self._columns, self._columns + times)
        self._columns += times

    def _note(self) -> None:
        assert self._cell is not None
        kind, text = self._cell.get("office:value-type"), "".join(self._text).strip()
        if (style := self._style(kind)) is not None:
            for column in range(self._column, self._column + min(self._columns, _MOST_REPEATED)):
                self.marks.styles.setdefault(column, set()).add(style)
        if text.startswith(("#", "Err:")) and kind in ("string", "float", None):
            is_error = self._cell.get("calcext:value-type") == "error"
            self._each(self.marks.errors, text) if is_error else None
        elif kind == "float" and _MASK.fullmatch(text):
            self._each(self.marks.texts, text)
        elif kind == "time" and (found := _LENGTH.fullmatch(self._cell.get("office:time-value", ""))):
            fraction = f".{found[5]}".rstrip("0.") if found[5] else ""
            self._each(self.marks.texts, f"{found[1]}{int(found[2])}:{found[3]:0>2}:{found[4]:0>2}{fraction}")

    def _style(self, kind: str | None) -> str | None:
        assert self._cell is not None
        if kind == "currency":
            return self._cell.get("office:currency") or "number"
        return {"float": "number", "percentage": "percent"}.get(kind or "")

    def _each(self, noted: dict[int, dict[int, str]], text: str) -> None:
        if self._rows * self._columns > _MOST_REPEATED:
            return
        for row in range(self._row, self._row + self._rows):
            for column in range(self._column, self._column + self._columns):
                noted.setdefault(row + 1, {})[column] = text


def _times(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else 1
