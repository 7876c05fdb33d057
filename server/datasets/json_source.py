"""Read JSON: one object (or row) a line, or the table in a document; what is nested stays JSON text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from server.datasets.cell_texts import as_text, is_said_text
from server.datasets.chunks import Chunk
from server.datasets.json_document import JSON_DECODER, JsonTable, constant, tables_of, without_comments
from server.datasets.kept_bytes import text_with_bytes
from server.datasets.named import BLANK, DELIMITERS_ONLY, HEADER, Named
from server.datasets.rejects import RejectReason, shortened
from server.datasets.schema import ColumnType
from server.datasets.text_encoding import FoundEncoding
from server.errors import FileProblem

_LINES_PER_CHUNK = 20_000
_SAMPLE_LINES = 5_000
_MOST_LOOKED_AT = 20 * _SAMPLE_LINES
_MAX_DOCUMENT_BYTES = 64 * 1024 * 1024  # it stands in memory as a whole
_SEQUENCE = b"\x1e"  # before each line of a JSON text sequence
_BRACKETS = (b"[", b"]", b",", b"],")
JSON_ENCODER = msgspec.json.Encoder(decimal_format="number")
_BEGINS_JSON = re.compile(
    r"""\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\}|$)|\[\s*(?:[\[{\]]|$|(?:"(?:[^"\\]|\\.)*"|[-\d.]+)\s*[,\]])"""
)

JsonLine = tuple[int, bytes]


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
            if _holds_something(line):
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
    kinds = [_kind(line) for line in islice(file.filled_lines(), 2)]
    return len(kinds) == 2 and kinds[0] is not None and kinds[0] == kinds[1] and not _is_short_document(file)


def _is_short_document(file: JsonFile) -> bool:
    """`[` in a line of its own, then one object a line: a list, which is checked to its end if it is not too large."""
    with file.path.open("rb") as stream:
        begins = stream.read(64)[file.encoding.mark_bytes :].lstrip()[:1] == b"["
    return begins and next(file.filled_lines()).lstrip()[:1] == b"{" and file.path.stat().st_size <= _MAX_DOCUMENT_BYTES


def _are_mostly_objects(file: JsonFile) -> bool:
    kinds = [_kind(line) for line in islice(file.filled_lines(), 200)]
    return kinds.count(dict) * 2 > len(kinds) or (len(kinds) > 1 and kinds[1:].count(dict) == len(kinds) - 1)


def _holds_something(line: bytes) -> bool:
    text = line.strip()
    return bool(text) and text not in _BRACKETS


def _kind(line: bytes) -> type | None:
    value, _ = _value(line)
    return type(value) if isinstance(value, dict | list) else None


@dataclass(slots=True, kw_only=True)
class JsonSource:
    """`keys` are the columns; an object with other keys is rejected rather than cut.

    Of rows that are lists, `keys` are names for their places; the first may be the header.
    """

    file: JsonFile
    keys: Sequence[str]
    has_objects: bool = True
    has_header: bool = False
    bytes_read: int = field(default=0, init=False)
    records: int = field(default=0, init=False)
    _known: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        self._known = frozenset(self.keys)

    def chunks(self) -> Iterator[Chunk]:
        self.records, named = 0, Named()
        lines = self._lines(named)
        while block := list(islice(lines, _LINES_PER_CHUNK)):
            yield self._chunk(block)
        self.bytes_read = self.file.path.stat().st_size
        end = self._chunk([])
        end.named = named
        yield end

    def sample(self) -> Chunk:
        named = Named()
        lines = list(islice(self._lines(named), _SAMPLE_LINES))
        chunk = self._chunk(lines)
        chunk.named, chunk.bytes_read = named, self.bytes_read
        chunk.types = _said_types([_value(line)[0] for _, line in lines], self.keys)
        return chunk

    def _lines(self, named: Named) -> Iterator[JsonLine]:
        is_header = self.has_header
        for number, line, done in self.file.lines():
            self.bytes_read, self.records = done, number
            if not _holds_something(line):
                named.add(DELIMITERS_ONLY if line.strip() else BLANK, number)
            elif is_header:
                named.add(HEADER, number)
                is_header = False
            else:
                yield number, line

    def _chunk(self, block: list[JsonLine]) -> Chunk:
        rows: list[Any] = []
        kept: list[JsonLine] = []
        rejects: list[RejectReason] = []
        for number, line in block:
            value, problem = self._row(line)
            if problem is None:
                rows.append(value)
                kept.append((number, line))
            else:
                code, parameters = problem
                cells = self._cells(_value(line)[0])
                rejects.append(
                    RejectReason(line=number, code=code, raw=_text(line), parameters=parameters, cells=cells)
                )
        return Chunk(
            columns=[pa.array(cells, pa.string()) for cells in self._columns(rows)],
            line_of=lambda row: kept[row][0],
            raw_of=lambda row: _text(kept[row][1]),
            rejects=rejects,
        )

    def _columns(self, rows: list[Any]) -> Iterator[list[str | None]]:
        for place, key in enumerate(self.keys):
            if self.has_objects:
                yield [cell_of(row.get(key)) for row in rows]
            else:
                yield [cell_of(row[place]) for row in rows]

    def _cells(self, value: Any) -> list[str | None] | None:
        """Of what is no row, as far as it has some."""
        if self.has_objects:
            return [cell_of(value.get(key)) for key in self.keys] if isinstance(value, dict) else None
        return [cell_of(cell) for cell in value] if isinstance(value, list) else None

    def _row(self, line: bytes) -> tuple[Any, tuple[str, dict[str, Any]] | None]:
        """The row, or the code and parameters of why it is none."""
        value, is_utf8 = _value(line)
        if not is_utf8:
            return None, ("bad_encoding", {"encoding": self.file.encoding.name.upper()})
        if not self.has_objects:
            if not isinstance(value, list):
                return None, ("not_a_row", {})
            if len(value) == len(self.keys):
                return value, None
            code = "too_many_cells" if len(value) > len(self.keys) else "too_few_cells"
            return None, (code, {"found": len(value), "expected": len(self.keys)})
        if not isinstance(value, dict):
            return None, ("not_an_object", {})
        if not value.keys() <= self._known:
            unknown = next(key for key in value if key not in self._known)
            return None, ("unknown_field", {"value": shortened(unknown)})
        if (repeated := _repeated_name(line, value)) is not None:
            return None, ("repeated_name", {"value": shortened(repeated)})
        return value, None


def _repeated_name(line: bytes, value: dict[str, Any]) -> str | None:
    """A name that an object has twice, of which a dictionary holds one. Most lines have as many marks as names."""
    marks = line.count(b'":') + line.count(b'" :')
    if marks == len(value) or marks == _names_in(value):
        return None
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        repeated.extend(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]

    with suppress(ValueError, RecursionError):
        json.loads(line.decode().strip().removesuffix(","), object_pairs_hook=note, strict=False)
    return repeated[0] if repeated else None


def _names_in(value: dict[str, Any] | list[Any]) -> int:
    count = len(value) if isinstance(value, dict) else 0
    for each in value.values() if isinstance(value, dict) else value:
        if type(each) is dict or type(each) is list:
            count += _names_in(each)
    return count


def found_keys(file: JsonFile) -> list[str]:
    """All keys of a sample, in the order in which they come up."""
    keys: dict[str, None] = {}
    for line in islice(file.filled_lines(), _MOST_LOOKED_AT):
        value, _ = _value(line)
        if isinstance(value, dict):
            keys.update(dict.fromkeys(value))
    return list(keys)


def first_rows(file: JsonFile, count: int) -> list[list[str]]:
    """Rows that are lists, as texts; whatever else there is among them is left out."""
    values = [_value(line)[0] for line in islice(file.filled_lines(), count)]
    return [[cell_of(cell) or "" for cell in value] for value in values if isinstance(value, list)]


def holds_rows(file: JsonFile) -> bool:
    """Whether lines are lists, not objects."""
    if file.table is not None:
        return not file.table.has_objects
    kinds = [_kind(line) for line in islice(file.filled_lines(), 200)]
    return kinds.count(list) > kinds.count(dict)


def _value(line: bytes) -> tuple[Any, bool]:
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


def _said_types(values: list[Any], keys: Sequence[str]) -> dict[int, ColumnType]:
    rows = [value for value in values if isinstance(value, dict)]
    return {
        place: "text"
        for place, key in enumerate(keys)
        if is_said_text([row[key] for row in rows if row.get(key) is not None])
    }


def cell_of(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return JSON_ENCODER.encode(value).decode()
    return None if value is None else as_text(value)


def _text(line: bytes) -> str:
    return shortened(text_with_bytes(line), len(line)).rstrip("\r\n")
