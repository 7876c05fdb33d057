"""What is left of a list of rejects as a file like the one it came from, with a last column of reasons. In workers.

Such a file is corrected in the program it came from and imported again. Its last column is known then: the rows are
imported in which somebody has emptied it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import xlsxwriter

from server.datasets.dialect import SMART_QUOTES
from server.datasets.excel_texts import sheet_name
from server.datasets.file_work import RejectsFileRequest
from server.datasets.json_document import JSON_DECODER
from server.datasets.json_file import JSON_ENCODER
from server.datasets.json_source import cell_of
from server.datasets.reject_rows import RejectedRow, by_row, named_row, row_of
from server.datasets.rejects import HINT
from server.datasets.schema import REASON_COLUMN, ROW_COLUMN
from server.jobs.worker_process import OnReport
from server.storage.full_disk import full_disk_named
from server.texts import told

_OWN = (ROW_COLUMN, REASON_COLUMN)
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?")
_EXCEL_DIGITS = 15
_UTF_16 = ("utf-16-le", "utf-16-be")


def write_rejects(request: RejectsFileRequest, _report: OnReport) -> int:
    """Write the file and return its size."""
    with full_disk_named():
        _WRITERS[request.kind](request)
        return request.target.stat().st_size


def _rows(request: RejectsFileRequest) -> Iterator[tuple[RejectedRow, str]]:
    """Each row with its reasons as a text that the file's encoding holds; codes, where it does not hold the words."""
    encoding = request.options.encoding or "utf-8"

    def translate(text: str) -> str:
        return request.messages.get(text, text)

    with request.rejects.open("rb") as stream:
        for lines in by_row(stream):
            row = row_of(lines, request.layout)
            if row.line in request.taken:
                continue
            reasons = [(each.column, each.code, told(each.message, each.parameters, translate)) for each in row.reasons]
            text = "; ".join(f"{column}: {message}" if column else message for column, _, message in reasons)
            if not _holds(encoding, text):
                text = "; ".join(f"{column}: {code}" if column else code for column, code, _ in reasons)
            hint = translate(HINT)
            yield row, f"{text} {hint if _holds(encoding, hint) else HINT}"


def _holds(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _columns(request: RejectsFileRequest) -> dict[int, str]:
    """The places of the file's columns, and their names: those of the dataset, so that the file may be appended.

    What the import left out keeps its name, if that is free. Not those of reasons, of a file that had come back.
    """
    wanted = {spec.source or spec.name: spec.name for spec in request.options.columns or ()}
    taken = {name.casefold() for name in (*wanted.values(), *_OWN)}
    names: dict[int, str] = {}
    for place, name in enumerate(request.layout.names):
        if name in _OWN and name not in wanted:
            continue
        written, copy = wanted.get(name, name), 2
        while name not in wanted and written.casefold() in taken:
            written, copy = f"{name}_{copy}", copy + 1
        taken.add(written.casefold())
        names[place] = written
    return names


def _write_text(request: RejectsFileRequest) -> None:
    options, columns = request.options, _columns(request)
    encoding = options.encoding or "utf-8"
    line = _lines_of(options.delimiter or ",", '"' if options.quote is None else options.quote)
    with request.target.open("w", encoding=encoding, errors="replace", newline="") as stream:
        if encoding in _UTF_16:
            stream.write("\ufeff")
        stream.write(line([*columns.values(), *_OWN]))
        for row, reasons in _rows(request):
            which = named_row(request.import_id, row.line)
            stream.write(line([*(row.cells[place] or "" for place in columns), which, reasons]))


def _lines_of(delimiter: str, quote: str) -> Callable[[Sequence[str]], str]:
    between = "\t" if delimiter == "  " else delimiter  # which is one of those that are read so
    special = (between, quote, "\n", "\r")

    def quoted(cell: str) -> str:
        if not any(mark in cell for mark in special) and cell == cell.strip() and (cell or between != " "):
            return cell
        if quote in SMART_QUOTES:
            return f"{quote}{cell}{SMART_QUOTES[quote][0]}"
        return f"{quote}{cell.replace(quote, quote * 2)}{quote}"

    def plain(cell: str) -> str:
        """Where a quote is a character like others, nothing may look like the end of a cell."""
        return cell.replace(between, " " if between.strip() else "_").replace("\r", " ").replace("\n", " ")

    def written(cells: Sequence[str]) -> str:
        if quote:
            return between.join(map(quoted, cells)) + "\r\n"
        return between.join([*cells[:-1], plain(cells[-1])]) + "\r\n"

    return written


def _write_json_lines(request: RejectsFileRequest) -> None:
    columns = _columns(request)
    with request.target.open("wb") as stream:
        for row, reasons in _rows(request):
            own = dict(zip(_OWN, (named_row(request.import_id, row.line), reasons), strict=True))
            stream.write(JSON_ENCODER.encode(_json_row(row, request, columns) | own) + b"\n")


def _json_row(row: RejectedRow, request: RejectsFileRequest, columns: Mapping[int, str]) -> dict[str, Any]:
    """Values as they stood in the file, if that is whole and nobody changed them; else its cells as texts."""
    try:
        value = JSON_DECODER.decode(row.raw or "")
    except msgspec.DecodeError:
        value = None
    stood = value if isinstance(value, dict) else {}
    names = request.layout.names
    known = {
        written: stood[names[place]] if names[place] in stood and cell_of(stood[names[place]]) == cell else cell
        for place, written in columns.items()
        for cell in (row.cells[place],)
        if names[place] in stood or cell is not None or not stood
    }
    return known | {name: held for name, held in stood.items() if name not in {*names, *known, *_OWN}}


def _write_sheet(request: RejectsFileRequest) -> None:
    # Cells are data, whatever they look like: no text becomes a formula, a link or a number.
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
        "tmpdir": str(request.target.parent),
    }  # fmt: skip
    columns, names = _columns(request), request.layout.names
    numbers = {spec.source or spec.name for spec in request.options.columns or () if spec.type not in ("text", None)}
    with xlsxwriter.Workbook(str(request.target), options) as workbook:
        sheet = workbook.add_worksheet(sheet_name(request.title))
        head = workbook.add_format({"bold": True, "bottom": 1})
        for at, name in enumerate([*columns.values(), *_OWN]):
            sheet.write_string(0, at, name, head)
        sheet.freeze_panes(1, 0)
        for number, (row, reasons) in enumerate(_rows(request), start=1):
            for at, place in enumerate(columns):
                cell = row.cells[place]
                if cell and names[place] in numbers and _is_number(cell):
                    sheet.write_number(number, at, float(cell))
                elif cell:
                    sheet.write_string(number, at, cell)
            sheet.write_string(number, len(columns), named_row(request.import_id, row.line))
            sheet.write_string(number, len(columns) + 1, reasons)


def _is_number(cell: str) -> bool:
    return _PLAIN_NUMBER.fullmatch(cell) is not None and sum(map(str.isdigit, cell)) <= _EXCEL_DIGITS


_WRITERS: dict[str, Callable[[RejectsFileRequest], None]] = {
    "text": _write_text,
    "json": _write_json_lines,
    "xlsx": _write_sheet,
}
