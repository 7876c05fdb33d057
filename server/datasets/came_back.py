"""Which rows of an import's list of rejects a file brings back: a file of rejects says it of each of its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from server.datasets.chunks import Chunk
from server.datasets.reject_rows import Taken
from server.datasets.schema import ROW_COLUMN, ReadOptions

_WHICH = re.compile(r"\s*([0-9A-Za-z]{1,40}):(\d{1,15})\s*")
_MOST = 10_000  # rows that somebody corrected, told one by one; of more, all of their list count as brought back


class CameBack:
    """Rows as they are read. `lines` are None where the file does not tell, or says nothing of rejects."""

    def __init__(self, names: Sequence[str], options: ReadOptions) -> None:
        wanted = {spec.source or spec.name for spec in options.columns or ()}
        is_told = ROW_COLUMN in names and ROW_COLUMN not in wanted and len(names) > 1
        self._place = names.index(ROW_COLUMN) if is_told else None
        self._rows: dict[int, tuple[str, int]] = {}
        self._whole: set[str] = set()  # lists of which too many rows came

    @property
    def is_told(self) -> bool:
        return self._place is not None

    def noted(self, chunk: Chunk) -> Chunk:
        """The same chunk."""
        if self._place is None or not chunk.row_count:
            return chunk
        for row, text in enumerate(chunk.columns[self._place].to_pylist()):
            found = _WHICH.fullmatch(text or "")
            if found is None:
                continue
            if len(self._rows) < _MOST:
                self._rows[chunk.line_of(row)] = (found[1], int(found[2]))
            elif len(self._whole) < _MOST:
                self._whole.add(found[1])
        return chunk

    def taken(self, left_out: Set[int]) -> Taken:
        """By import the lines of the rows that were accepted, None for all. `left_out` are lines of this file."""
        taken: Taken = dict.fromkeys(self._whole)
        for line, (import_id, row) in self._rows.items():
            if line not in left_out and (lines := taken.setdefault(import_id, [])) is not None:
                lines.append(row)
        return taken
