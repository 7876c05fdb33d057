"""A file of JSON by its lines: one value a line, or the rows of the table in a document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from server.datasets.json_document import JSON_DECODER, JsonTable, constant, tables_of, without_comments
from server.datasets.text_encoding import FoundEncoding
from server.errors import FileProblem

_MAX_DOCUMENT_BYTES = 64 * 1024 * 1024  # it stands in memory as a whole
_SEQUENCE = b"\x1e"  # before each line of a JSON text sequence
_BRACKETS = (b"[", b"]", b",", b"],")
JSON_ENCODER = msgspec.json.Encoder(decimal_format="number")
_BEGINS_JSON = re.compile(
    r"""\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\}|$)|\[\s*(?:[\[{\]]|$|(?:"(?:[^"\\]|\\.)*"|[-\d.]+)\s*[,\]])"""
)


def begins_json(head: str) -> bool:
    """`head`: some of the beginning. A table whose first name is `{"k"}` does not."""
    text = without_comments(head.encode("utf-8", "replace")).decode().lstrip("\ufeff \t\r\n\x1e")
    return _BEGINS_JSON.match(text) is not None and _first_line_is_json(text)


def _first_line_is_json(text: str) -> bool:
    """Or goes on in the next lines, or is damaged where an object was begun. `["a"],1` is a table."""
    line = text.split("\n", 1)[0].strip().removesuffix(",")
    if line.startswith("{") or len(line) < 2 or line[1:].lstrip()[:1] in ("{", "[", ""):
        return True
    with suppress(ValueError, RecursionError):
        return isinstance(json.loads(line), list)
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFile:
    """Where the lines are: in a file, or, of a document, in memory. `encoding` is that of the file."""

    path: Path
    encoding: FoundEncoding
    max_line_bytes: int
    tables: Sequence[JsonTable] = ()
    table: JsonTable | None = None

    def lines(self) -> Iterator[tuple[int, bytes, int]]:
        """Number from 1, what it holds, and how many bytes are read by then."""
        if self.table is not None:
            size = self.path.stat().st_size
            for number, element in enumerate(self.table.elements, start=1):
                yield number, element, size * number // len(self.table.elements)
            return
        done = self.encoding.mark_bytes
        for number, line in enumerate(self._physical_lines(), start=1):
            done += len(line)
            if len(line) > self.max_line_bytes:
                raise FileProblem(
                    "Line {line} is longer than {limit} bytes. Is this a table? Check the line ends.",
                    code="line_too_long",
                    line=number,
                    limit=self.max_line_bytes,
                )
            yield number, line.removeprefix(_SEQUENCE), done

    def filled_lines(self) -> Iterator[bytes]:
        """Without blank ones, and those that hold a bracket of the list around the lines."""
        for _, line, _ in self.lines():
            if holds_something(line):
                yield line

    def _physical_lines(self) -> Iterator[bytes]:
        limit = self.max_line_bytes
        if self.encoding.name == "utf-8":
            with self.path.open("rb") as stream:
                stream.seek(self.encoding.mark_bytes)
                while line := stream.readline(limit + 1):
                    yield line
            return
        with self.path.open(encoding=self.encoding.name, errors="surrogateescape", newline="\n") as texts:
            while text := texts.readline(limit + 1):
                yield text.removeprefix("\ufeff").encode("utf-8", "surrogatepass")


def open_json(path: Path, encoding: FoundEncoding, max_line_bytes: int, wanted: str | None) -> JsonFile:
    """`wanted` is the path of a table in a document. Raises `FileProblem` for a document that holds none."""
    file = JsonFile(path=path, encoding=encoding, max_line_bytes=max_line_bytes)
    if _is_of_lines(file):
        return file
    size = path.stat().st_size
    if size > _MAX_DOCUMENT_BYTES:
        raise FileProblem(
            "A JSON document may have {limit} MB; write one object a line (JSON lines), then any size will do.",
            code="json_array_too_large",
            limit=_MAX_DOCUMENT_BYTES // 1024**2,
        )
    text = path.read_bytes()[encoding.mark_bytes :].decode(encoding.name, "surrogateescape")
    try:
        tables = tables_of(text.encode("utf-8", "surrogateescape"))
    except FileProblem:
        if _are_mostly_objects(file):
            return file
        raise
    chosen = next((table for table in tables if wanted == table.path), None) if wanted is not None else tables[0]
    if chosen is None:
        raise FileProblem("The document has no list “{path}”.", code="unknown_table", path=wanted)
    return JsonFile(path=path, encoding=encoding, max_line_bytes=max_line_bytes, tables=tables, table=chosen)


def _is_of_lines(file: JsonFile) -> bool:
    """Two lines that are whole objects (or whole rows) are no document. The first may be a bracket."""
    kinds = [kind_of(line) for line in islice(file.filled_lines(), 2)]
    return len(kinds) == 2 and kinds[0] is not None and kinds[0] == kinds[1] and not _is_short_document(file)


def _is_short_document(file: JsonFile) -> bool:
    """`[` in a line of its own, then one object a line: a list, which is checked to its end if it is not too large."""
    with file.path.open("rb") as stream:
        begins = stream.read(64)[file.encoding.mark_bytes :].lstrip()[:1] == b"["
    return begins and next(file.filled_lines()).lstrip()[:1] == b"{" and file.path.stat().st_size <= _MAX_DOCUMENT_BYTES


def _are_mostly_objects(file: JsonFile) -> bool:
    kinds = [kind_of(line) for line in islice(file.filled_lines(), 200)]
    return kinds.count(dict) * 2 > len(kinds) or (len(kinds) > 1 and kinds[1:].count(dict) == len(kinds) - 1)


def holds_something(line: bytes) -> bool:
    text = line.strip()
    return bool(text) and text not in _BRACKETS


def kind_of(line: bytes) -> type | None:
    value, _ = value_of(line)
    return type(value) if isinstance(value, dict | list) else None


def value_of(line: bytes) -> tuple[Any, bool]:
    """What a line holds, None if it is no JSON, and whether it is UTF-8. Some write NaN, or a comma at the end."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return JSON_DECODER.decode(line), True
    try:
        text = line.decode().strip().removesuffix(",")
    except UnicodeDecodeError:
        return None, False
    try:
        value = json.loads(text, parse_constant=constant, parse_float=Decimal, strict=False)
        JSON_ENCODER.encode(value)
    except UnicodeEncodeError:  # half of a pair, as an escape: no text
        return None, False
    except (ValueError, RecursionError):
        return None, True
    return value, True
