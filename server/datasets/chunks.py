"""What every kind of source yields: some rows as columns of texts, and the records that are no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.named import Named
from server.datasets.rejects import RejectReason
from server.datasets.schema import ColumnType


@dataclass(slots=True, kw_only=True)
class Chunk:
    """Rows in file order, column by column as the file has them.

    `line_of` and `raw_of` answer for a row of this chunk: the physical line where it starts, and its text.
    `delimiter` is said where that text is the cells with nothing else between them.
    `misfits` are cells known to be wrong before they are read as values: (row, column index) → reason code.
    `types` are what the file itself says that columns are, and `notations` how it shows their numbers, by their index:
    where a format of the cells says it rather than their texts.
    `named` are the records that are neither rows nor rejects.
    """

    columns: list[pa.Array]
    line_of: Callable[[int], int]
    raw_of: Callable[[int], str]
    delimiter: str | None = None
    rejects: list[RejectReason] = field(default_factory=list)
    misfits: dict[tuple[int, int], str] = field(default_factory=dict)
    types: dict[int, ColumnType] = field(default_factory=dict)
    notations: dict[int, Set[str]] = field(default_factory=dict)
    named: Named = field(default_factory=Named)
    bytes_read: int = 0  # of a sample: how much of the file it took

    @property
    def row_count(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def rows_as_found(self, rows: Sequence[int]) -> list[tuple[str, Sequence[str | None]]]:
        """The text of each of some rows, and all its cells."""
        places = pa.array(rows, pa.int64())
        taken = [column.take(places) for column in self.columns]
        if self.delimiter is not None:  # one text for each row is sooner had than one for each cell
            texts = pc.binary_join_element_wise(*taken, self.delimiter).to_pylist()
            return [(text, text.split(self.delimiter)) for text in texts]
        cells = zip(*(column.to_pylist() for column in taken), strict=True)
        return list(zip(map(self.raw_of, rows), cells, strict=True))


def without_rows(chunk: Chunk, rows: Sequence[int]) -> Chunk:
    """The other rows alone, for whoever looks at them; what is no row stays as it is."""
    if not rows:
        return chunk
    left_out = set(rows)
    kept = [row for row in range(chunk.row_count) if row not in left_out]
    now_at = {row: number for number, row in enumerate(kept)}
    return replace(
        chunk,
        columns=[column.take(pa.array(kept, pa.int64())) for column in chunk.columns],
        line_of=lambda row: chunk.line_of(kept[row]),
        raw_of=lambda row: chunk.raw_of(kept[row]),
        misfits={(now_at[row], index): code for (row, index), code in chunk.misfits.items() if row in now_at},
    )


class Source(Protocol):
    """A file, opened to be read once from its first data row to its last."""

    @property
    def bytes_read(self) -> int:
        """How much of the file is done; equals its size at the end."""

    @property
    def records(self) -> int:
        """How many records `chunks` met, counted where they are read: rows, rejects and named ones together."""

    def chunks(self) -> Iterator[Chunk]:
        """The data rows. Raises `FileProblem` when it turns out that the file cannot be read on."""

    def sample(self) -> Chunk:
        """Some rows from its beginning, middle and end; the first of them in order."""
