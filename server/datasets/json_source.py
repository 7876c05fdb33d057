"""Read JSON lines (one object a line) or one JSON array of objects; what is nested stays JSON text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from server.datasets.chunks import Chunk
from server.datasets.excel_source import as_text
from server.datasets.named import BLANK, Named
from server.datasets.rejects import RejectReason, shortened
from server.errors import FileProblem

_LINES_PER_CHUNK = 20_000
_SAMPLE_LINES = 5_000
_MAX_ARRAY_BYTES = 64 * 1024 * 1024  # a whole array stands in memory, as objects ten times its size

Line = tuple[int, bytes]


@dataclass(slots=True, kw_only=True)
class JsonSource:
    """`keys` are the columns; an object with other keys is rejected rather than cut."""

    path: Path
    keys: Sequence[str]
    max_line_bytes: int
    is_array: bool = False
    bytes_read: int = field(default=0, init=False)
    records: int = field(default=0, init=False)

    def chunks(self) -> Iterator[Chunk]:
        self.records, blank_lines = 0, Named()
        lines = self._lines(blank_lines)
        while block := list(islice(lines, _LINES_PER_CHUNK)):
            yield self._chunk(block)
        self.bytes_read = self.path.stat().st_size
        last = self._chunk([])
        last.named = blank_lines
        yield last

    def sample(self) -> Chunk:
        blank_lines = Named()
        lines = list(islice(self._lines(blank_lines), _SAMPLE_LINES))
        chunk = self._chunk(lines)
        chunk.bytes_read = sum(len(line) for _, line in lines)
        chunk.named = blank_lines
        return chunk

    def found_keys(self) -> list[str]:
        """All keys of a sample, in the order in which they come up."""
        keys: dict[str, None] = {}
        for _, line in islice(self._lines(Named()), 20 * _SAMPLE_LINES):
            record, _ = _object(line)
            keys.update(dict.fromkeys(record or ()))
        return list(keys)

    def _lines(self, blank_lines: Named) -> Iterator[Line]:
        if self.is_array:
            yield from self._elements()
            return
        with self.path.open("rb") as stream:
            if stream.read(3) != b"\xef\xbb\xbf":
                stream.seek(0)
            number = 0
            while line := stream.readline(self.max_line_bytes + 1):
                number += 1
                self.records += 1
                self.bytes_read += len(line)
                if len(line) > self.max_line_bytes:
                    raise FileProblem(
                        "Line {line} is longer than {limit} bytes. Is this a table? Check the line ends.",
                        code="line_too_long",
                        line=number,
                        limit=self.max_line_bytes,
                    )
                if line.strip():
                    yield number, line
                else:
                    blank_lines.add(BLANK, number)

    def _elements(self) -> Iterator[Line]:
        size = self.path.stat().st_size
        if size > _MAX_ARRAY_BYTES:
            raise FileProblem(
                "A JSON array may have {limit} MB; write one object a line (JSON lines), then any size will do.",
                code="json_array_too_large",
                limit=_MAX_ARRAY_BYTES // 1024**2,
            )
        try:
            elements = msgspec.json.decode(self.path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=list[msgspec.Raw])
        except msgspec.DecodeError as error:
            raise FileProblem("The file is not valid JSON: {reason}", code="invalid_json", reason=str(error)) from error
        for number, element in enumerate(elements, start=1):
            self.records += 1
            yield number, bytes(element)

    def _chunk(self, block: list[Line]) -> Chunk:
        rows: list[dict[str, Any]] = []
        kept: list[Line] = []
        rejects: list[RejectReason] = []
        known = set(self.keys)
        for number, line in block:
            record, problem = _object(line)
            unknown = next((key for key in record if key not in known), None) if record is not None else None
            if record is None or unknown is not None:
                code = problem or "unknown_field"
                values = {"value": shortened(unknown)} if unknown is not None else {}
                rejects.append(RejectReason(line=number, code=code, raw=_text(line), parameters=values))
                continue
            rows.append(record)
            kept.append((number, line))
        return Chunk(
            columns=[pa.array([_cell(row.get(key)) for row in rows], pa.string()) for key in self.keys],
            line_of=lambda row: kept[row][0],
            raw_of=lambda row: _text(kept[row][1]),
            rejects=rejects,
        )


def _object(line: bytes) -> tuple[dict[str, Any] | None, str | None]:
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, "not_an_object"
    return (record, None) if isinstance(record, dict) else (None, "not_an_object")


def _cell(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return None if value is None else as_text(value)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")
