"""Rows that stand in memory as lists of texts: the table of a web page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from server.datasets.chunks import Chunk
from server.datasets.named import BLANK, DELIMITERS_ONLY, Named, name_above
from server.datasets.rule_lines import is_rule_row

_ROWS_PER_CHUNK = 20_000
_SAMPLE_ROWS = 5_000


@dataclass(slots=True, kw_only=True)
class ListedSource:
    """`first_line` rows, the last of them the header, stand above the data. Shorter rows end in empty cells."""

    path: Path
    rows: Sequence[Sequence[str]]
    width: int
    first_line: int = 0
    header_rows: int = 0
    bytes_read: int = field(default=0, init=False)
    records: int = field(default=0, init=False)

    def chunks(self) -> Iterator[Chunk]:
        size, self.records = self.path.stat().st_size, self.first_line
        yield Chunk(
            columns=[pa.array([], pa.string())] * self.width,
            line_of=lambda _row: 0,
            raw_of=lambda _row: "",
            named=self._above(),
        )
        for start in range(self.first_line, len(self.rows), _ROWS_PER_CHUNK):
            end = min(len(self.rows), start + _ROWS_PER_CHUNK)
            self.bytes_read, self.records = size * end // len(self.rows), end
            yield self._chunk(start, end)
        self.bytes_read = size

    def sample(self) -> Chunk:
        chunk = self._chunk(self.first_line, min(len(self.rows), self.first_line + _SAMPLE_ROWS))
        chunk.named.update(self._above())
        return chunk

    def _above(self) -> Named:
        named = Named()
        for line, row in enumerate(self.rows[: self.first_line], start=1):
            name_above(named, line, "\t".join(row), is_header=line > self.first_line - self.header_rows)
        return named

    def _chunk(self, start: int, end: int) -> Chunk:
        lines, named = [], Named()
        for line in range(start, end):
            if is_rule_row(self.rows[line]):
                named.add(DELIMITERS_ONLY, line + 1)
            elif any(cell.strip() for cell in self.rows[line]):
                lines.append(line)
            else:
                named.add(BLANK, line + 1)
        rows = [[*self.rows[line], *[""] * (self.width - len(self.rows[line]))] for line in lines]
        return Chunk(
            columns=[pa.array([row[place] for row in rows], pa.string()) for place in range(self.width)],
            line_of=lambda row: lines[row] + 1,
            raw_of=lambda row: "\t".join(rows[row]),
            named=named,
        )
