"""Answers as a worker makes them: written piece by piece, the small handed back, the large left in a file.

So the server never holds, converts or encodes an answer whose size somebody else chose.
"""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import msgspec

from server.datasets.formula_like import harmless
from server.errors import InvalidInput, StorageFull
from server.storage.full_disk import full_disk_named

SMALL_BYTES = 256 * 1024  # up to here an answer is worth no file
_SHOWN_CHARACTERS = 400  # of a cell of a page, which shows half of them
_SHOWN_CELLS = 20_000
_LEAST_ROWS = 10
_ENCODER = msgspec.json.Encoder(decimal_format="number")  # amounts are numbers for whoever reads them


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`content`, or the file at `path` when it is large."""

    content: bytes = b""
    path: Path | None = None


class AnswerPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a large answer may be written, how large it may become, and what has to stay free on the disk."""

    path: Path
    max_bytes: int
    min_free_bytes: int = 0


class AnswerWriter:
    """Collects pieces; nothing stays at `place.path` when the block fails."""

    def __init__(self, place: AnswerPlace) -> None:
        self._place = place
        self._small = bytearray()
        self._file: BinaryIO | None = None
        self._size = 0

    def __enter__(self) -> AnswerWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            if error is not None:
                self._place.path.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Raises `InvalidInput` with the code `answer_too_large`, or `StorageFull`."""
        self._size += len(piece)
        if self._size > self._place.max_bytes:
            raise InvalidInput(
                "The answer is larger than {limit} MiB; add a LIMIT, ask for fewer columns, or export the dataset.",
                code="answer_too_large",
                limit=max(1, self._place.max_bytes // (1024 * 1024)),
            )
        if self._file is None and self._size <= SMALL_BYTES:
            self._small += piece
            return
        with full_disk_named():
            if self._file is None:
                if shutil.disk_usage(self._place.path.parent).free < self._place.min_free_bytes + self._size:
                    raise StorageFull
                self._file = self._place.path.open("xb")
                self._file.write(self._small)
            self._file.write(piece)

    def answer(self) -> Answer:
        if self._file is None:
            return Answer(content=bytes(self._small))
        with full_disk_named():
            self._file.flush()
        return Answer(path=self._place.path)


def write_objects(writer: AnswerWriter, names: Sequence[str], chunks: Iterable[Sequence[Sequence[Any]]]) -> int:
    """Rows as a JSON array of objects by column name; answers how many."""
    count = 0
    separator = b"["
    for rows in chunks:
        if rows:
            objects = _ENCODER.encode([dict(zip(names, map(plain, row), strict=True)) for row in rows])
            writer.write(separator + objects[1:-1])
            separator = b","
            count += len(rows)
    writer.write(b"]" if count else b"[]")
    return count


def write_csv(writer: AnswerWriter, names: Sequence[str], chunks: Iterable[Sequence[Sequence[Any]]]) -> None:
    """UTF-8 with a mark, so that Excel shows Chinese; no cell is one that it would run as a formula."""
    buffer = io.StringIO()
    table = csv.writer(buffer)
    buffer.write("\ufeff")
    table.writerow(map(harmless, names))
    for rows in chunks:
        table.writerows([_csv_cell(value) for value in row] for row in rows)
        writer.write(buffer.getvalue().encode())
        buffer.seek(0)
        buffer.truncate()
    writer.write(buffer.getvalue().encode())


def _csv_cell(value: Any) -> Any:
    if isinstance(value, str):
        return harmless(value)
    return "" if value is None else plain(value)


def encoded(value: Any) -> bytes:
    return _ENCODER.encode(value)


def plain(value: Any) -> Any:
    """A value as JSON can carry it: huge integers, what is no number, and odd types become text; the rest stays."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, str | int | float | bool | Decimal | date | datetime):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return str(value)


def shown(value: Any) -> Any:
    """A value as a cell of a page shows it: the page marks with "…" what is longer than it shows."""
    plainly = plain(value)
    if isinstance(plainly, str):
        return plainly[:_SHOWN_CHARACTERS]
    if isinstance(plainly, list | dict):
        return str(plainly)[:_SHOWN_CHARACTERS]
    return plainly


def shown_rows(rows: Sequence[Sequence[Any]], columns: int) -> list[list[Any]]:
    """So many of them as make a page that a browser draws at once; at least ten, if there are."""
    return [[shown(value) for value in row] for row in rows[: page_rows(len(rows), columns)]]


def page_rows(wanted: int, columns: int) -> int:
    return min(wanted, max(_LEAST_ROWS, _SHOWN_CELLS // max(1, columns)))
