"""Reading the list of rows an import rejected: one JSON object a line, in file order."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from server.datasets.formula_like import harmless

_CHUNK_LINES = 1000  # lines a piece of the CSV: one write to the client each


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """One row (or cell) that was left out. `line` is the physical line where its record starts.

    `cells` are those of the row; the first of its reasons has them.
    """

    line: int
    column: str | None = None
    code: str = ""
    message: str = ""
    parameters: dict[str, Any] = {}
    raw: str | None = None
    cells: list[str | None] | None = None


class RejectPage(msgspec.Struct, frozen=True, kw_only=True):
    """`next_offset` is the byte where the next page begins, None at the end. `by_code` counts the whole list."""

    items: list[Reject]
    next_offset: int | None
    total: int
    by_code: dict[str, int]


class _Reason(msgspec.Struct):
    code: str = ""


_REJECT = msgspec.json.Decoder(Reject)
_REASON = msgspec.json.Decoder(_Reason)


def read_page(path: Path | None, *, offset: int = 0, limit: int = 50, code: str | None = None) -> RejectPage:
    """The rejects from byte `offset` on, only those for one reason if `code` is given. None is an empty list."""
    if path is None:
        return RejectPage(items=[], next_offset=None, total=0, by_code={})
    by_code = _counted(path)
    items: list[Reject] = []
    next_offset: int | None = None
    with path.open("rb") as stream:
        stream.seek(offset)
        place = offset
        for line in stream:
            if code is None or _REASON.decode(line).code == code:
                if len(items) == limit:
                    next_offset = place
                    break
                items.append(_REJECT.decode(line))
            place += len(line)
    total = sum(by_code.values()) if code is None else by_code.get(code, 0)
    return RejectPage(items=items, next_offset=next_offset, total=total, by_code=dict(by_code.most_common()))


def is_page_start(path: Path | None, offset: int) -> bool:
    """Whether a line begins at this byte: cursors come from outside."""
    if offset == 0 or path is None:
        return offset == 0
    if not 0 < offset < path.stat().st_size:
        return False
    with path.open("rb") as stream:
        stream.seek(offset - 1)
        return stream.read(1) == b"\n"


def csv_pieces(path: Path | None, text_of: Callable[[Reject], str], *, exact: bool = False) -> Iterator[bytes]:
    """The whole list as CSV (UTF-8 with a mark, so that Excel shows Chinese), piece by piece.

    Without `exact` no cell is one that a spreadsheet program would run as a formula.
    """
    written = str if exact else harmless
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(("line", "column", "code", "message", "raw"))
    if path is not None:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                reject = _REJECT.decode(line)
                texts = (reject.column or "", reject.code, text_of(reject), reject.raw or "")
                writer.writerow((reject.line, *map(written, texts)))
                if number % _CHUNK_LINES == 0:
                    yield _taken(buffer)
    yield _taken(buffer)


def json_pieces(path: Path | None, text_of: Callable[[Reject], str]) -> Iterator[bytes]:
    """The whole list as one JSON array, piece by piece."""
    pieces: list[bytes] = []
    separator = b"["
    if path is not None:
        with path.open("rb") as stream:
            for line in stream:
                pieces.append(separator + msgspec.json.encode(described(_REJECT.decode(line), text_of)))
                separator = b",\n"
                if len(pieces) == _CHUNK_LINES:
                    yield b"".join(pieces)
                    pieces.clear()
    yield b"".join(pieces) + (b"[]\n" if separator == b"[" else b"]\n")


def described(reject: Reject, text_of: Callable[[Reject], str]) -> dict[str, Any]:
    """As the API shows it: the message is a text in the reader's language."""
    return {
        "line": reject.line,
        "column": reject.column,
        "code": reject.code,
        "message": text_of(reject),
        "raw": reject.raw,
    }


def _counted(path: Path) -> Counter[str]:
    with path.open("rb") as stream:
        return Counter(_REASON.decode(line).code for line in stream)


def _taken(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode("utf-8")
    buffer.seek(0)
    buffer.truncate()
    return data
