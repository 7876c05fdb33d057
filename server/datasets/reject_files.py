"""What is left of a list of rejects as a file like the one it came from, with a last column of reasons. In workers.

Such a file is corrected in the program it came from and imported again; its last column is known and left out then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import xlsxwriter

from server.datasets.excel_texts import sheet_name
from server.datasets.reject_rows import RejectedRow, by_row, row_of
from server.datasets.schema import REASON_COLUMN
from server.datasets.work import RejectsFileRequest
from server.jobs.worker_process import OnReport
from server.storage.full_disk import full_disk_named
from server.texts import told

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
            reasons = [(each.column, each.code, told(each.message, each.parameters, translate)) for each in row.reasons]
            text = "; ".join(f"{column}: {message}" if column else message for column, _, message in reasons)
            if not _holds(encoding, text):
                text = "; ".join(f"{column}: {code}" if column else code for column, code, _ in reasons)
            yield row, text


def _holds(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _write_text(request: RejectsFileRequest) -> None:
    options = request.options
    encoding = options.encoding or "utf-8"
    line = _lines_of(options.delimiter or ",", options.quote or '"')
    with request.target.open("w", encoding=encoding, errors="replace", newline="") as stream:
        if encoding in _UTF_16:
            stream.write("\ufeff")
        stream.write(line([*request.layout.names, REASON_COLUMN]))
        for row, reasons in _rows(request):
            stream.write(line([*(cell or "" for cell in row.cells), reasons]))


def _lines_of(delimiter: str, quote: str) -> Callable[[Sequence[str]], str]:
    between = "\t" if delimiter == "  " else delimiter  # which is one of those that are read so
    special = (between, quote, "\n", "\r")

    def written(cell: str) -> str:
        if not any(mark in cell for mark in special) and cell == cell.strip() and (cell or between != " "):
            return cell
        return f"{quote}{cell.replace(quote, quote * 2)}{quote}"

    return lambda cells: between.join(map(written, cells)) + "\r\n"


def _write_json_lines(request: RejectsFileRequest) -> None:
    with request.target.open("wb") as stream:
        for row, reasons in _rows(request):
            stream.write(msgspec.json.encode(_json_row(row, request.layout.names, reasons)) + b"\n")


def _json_row(row: RejectedRow, names: Sequence[str], reasons: str) -> Any:
    """As it stood in the file, if that is whole; else its cells as texts."""
    try:
        value = msgspec.json.decode(row.raw or "")
    except msgspec.DecodeError:
        value = None
    if not isinstance(value, dict):
        value = dict(zip(names, row.cells, strict=True))
    return value | {REASON_COLUMN: reasons}


def _write_sheet(request: RejectsFileRequest) -> None:
    # Cells are data, whatever they look like: no text becomes a formula, a link or a number.
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
        "tmpdir": str(request.target.parent),
    }  # fmt: skip
    names = request.layout.names
    numbers = {spec.source or spec.name for spec in request.options.columns or () if spec.type not in ("text", None)}
    with xlsxwriter.Workbook(str(request.target), options) as workbook:
        sheet = workbook.add_worksheet(sheet_name(request.title))
        head = workbook.add_format({"bold": True, "bottom": 1})
        for place, name in enumerate([*names, REASON_COLUMN]):
            sheet.write_string(0, place, name, head)
        sheet.freeze_panes(1, 0)
        for number, (row, reasons) in enumerate(_rows(request), start=1):
            for place, cell in enumerate(row.cells):
                if cell and names[place] in numbers and _is_number(cell):
                    sheet.write_number(number, place, float(cell))
                elif cell:
                    sheet.write_string(number, place, cell)
            sheet.write_string(number, len(names), reasons)


def _is_number(cell: str) -> bool:
    return _PLAIN_NUMBER.fullmatch(cell) is not None and sum(map(str.isdigit, cell)) <= _EXCEL_DIGITS


_WRITERS: dict[str, Callable[[RejectsFileRequest], None]] = {
    "text": _write_text,
    "json": _write_json_lines,
    "xlsx": _write_sheet,
}
