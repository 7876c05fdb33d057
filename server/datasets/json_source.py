"""Read JSON: one object (or row) a line, or the table in a document; what is nested stays JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from server.datasets.cell_texts import as_text, is_said_text
from server.datasets.chunks import Chunk
from server.datasets.json_file import JSON_ENCODER, JsonFile, holds_something, kind_of, value_of
from server.datasets.kept_bytes import text_with_bytes
from server.datasets.named import BLANK, DELIMITERS_ONLY, HEADER, Named
from server.datasets.rejects import RejectReason, shortened
from server.datasets.schema import ColumnType

_LINES_PER_CHUNK = 20_000
_SAMPLE_LINES = 5_000
_MOST_LOOKED_AT = 20 * _SAMPLE_LINES

JsonLine = tuple[int, bytes]


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
        chunk.types = _said_types([value_of(line)[0] for _, line in lines], self.keys)
        return chunk

    def _lines(self, named: Named) -> Iterator[JsonLine]:
        is_header = self.has_header
        for number, line, done in self.file.lines():
            self.bytes_read, self.records = done, number
            if not holds_something(line):
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
                cells = self._cells(value_of(line)[0])
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
        value, is_utf8 = value_of(line)
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
        value, _ = value_of(line)
        if isinstance(value, dict):
            keys.update(dict.fromkeys(value))
    return list(keys)


def first_rows(file: JsonFile, count: int) -> list[list[str]]:
    """Rows that are lists, as texts; whatever else there is among them is left out."""
    values = [value_of(line)[0] for line in islice(file.filled_lines(), count)]
    return [[cell_of(cell) or "" for cell in value] for value in values if isinstance(value, list)]


def holds_rows(file: JsonFile) -> bool:
    """Whether lines are lists, not objects."""
    if file.table is not None:
        return not file.table.has_objects
    kinds = [kind_of(line) for line in islice(file.filled_lines(), 200)]
    return kinds.count(list) > kinds.count(dict)


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
