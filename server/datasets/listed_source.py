"""Rows that stand in memory as lists of texts: the table of a web page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from server.datasets.chunks import Chunk

_ROWS_PER_CHUNK = 20_000
_SAMPLE_ROWS = 5_000


@dataclass(slots=True, kw_only=True)
class ListedSource:
    """`first_line` rows stand above the data; shorter ones end in empty cells. Empty rows are left out."""

    path: Path
    rows: Sequence[Sequence[str]]
    width: int
    first_line: int = 0
    bytes_read: int = field(default=0, init=False)

    def chunks(self) -> Iterator[Chunk]:
        size = self.path.stat().st_size
        for start in range(self.first_line, len(self.rows), _ROWS_PER_CHUNK):
            end = min(len(self.rows), start + _ROWS_PER_CHUNK)
            self.bytes_read = size * end // len(self.rows)
            yield self._chunk(start, end)
        self.bytes_read = size

    def sample(self) -> Chunk:
        return self._chunk(self.first_line, min(len(self.rows), self.first_line + _SAMPLE_ROWS))

    def _chunk(self, start: int, end: int) -> Chunk:
        lines = [line for line in range(start, end) if any(cell.strip() for cell in self.rows[line])]
        rows = [[*self.rows[line], *[""] * (self.width - len(self.rows[line]))] for line in lines]
        return Chunk(
            columns=[pa.array([row[place] for row in rows], pa.string()) for place in range(self.width)],
            line_of=lambda row: lines[row] + 1,
            raw_of=lambda row: "\t".join(rows[row]),
        )
