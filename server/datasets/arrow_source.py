"""Read what is made of Arrow's record batches: Parquet, and Arrow's own files and streams (Feather)."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.arrow_texts import chunk_of, holds_texts, is_binary, is_text
from server.datasets.chunks import Chunk
from server.datasets.day_cells import FINER_THAN_MICROSECONDS
from server.errors import FileProblem

_ROWS_PER_CHUNK = 50_000
_NESTED_ROWS = 500  # nested values have no dictionary that tells how large they are
_SAMPLE_ROWS = 10_000
_CHUNK_BYTES = 64 * 1024 * 1024
_SAMPLE_BYTES = 8 * 1024 * 1024
UNREADABLE = (pa.ArrowException, OSError, ValueError, OverflowError)


class ArrowFile(Protocol):
    """An opened file. `row_count` is None where only reading tells."""

    name: str
    schema: pa.Schema
    row_count: int | None

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """From the first; parts of at most so many rows where the format allows."""

    def position(self) -> int:
        """How many bytes of a file without `row_count` are read."""


def damaged(name: str) -> FileProblem:
    return FileProblem("The {format} file is damaged or cut off.", code=f"damaged_{name.lower()}", format=name)


@dataclass(slots=True, kw_only=True)
class ArrowSource:
    """A line is a row, counted from 1."""

    path: Path
    file: ArrowFile
    max_unpacked_bytes: int
    bytes_read: int = field(default=0, init=False)
    records: int = field(default=0, init=False)
    _unsaid_texts: frozenset[int] | None = field(default=None, init=False)

    def chunks(self) -> Iterator[Chunk]:
        size = self.path.stat().st_size
        done = unpacked = 0
        for batch in self._batches(_ROWS_PER_CHUNK, _CHUNK_BYTES):
            done += batch.num_rows
            unpacked += pc.sum(_row_bytes(batch)).as_py() or 0
            if unpacked > self.max_unpacked_bytes:
                raise FileProblem(
                    "The {format} file would unpack to more than {size} MB, which is more than is accepted; import it "
                    "in parts.",
                    code="unpacks_too_large",
                    format=self.file.name,
                    size=self.max_unpacked_bytes // 1_000_000,
                )
            self.bytes_read, self.records = self._bytes_of(done, size), done
            yield chunk_of(batch, done - batch.num_rows, self._texts_in(batch))
        self.bytes_read = size

    def sample(self) -> Chunk:
        batch = next(self._batches(_SAMPLE_ROWS, _SAMPLE_BYTES), None)
        if batch is None:
            batch = pa.RecordBatch.from_arrays(
                [pa.nulls(0, field.type) for field in self.file.schema], schema=self.file.schema
            )
        chunk = chunk_of(batch, 0, self._texts_in(batch))
        chunk.bytes_read = self._bytes_of(batch.num_rows, self.path.stat().st_size)
        # What is finer than our types is for whoever imports it to decide, as with texts.
        finer = [place for place, column in enumerate(chunk.columns) if _has_nanoseconds(batch.column(place), column)]
        chunk.types = {place: kind for place, kind in chunk.types.items() if place not in finer}
        return chunk

    def _bytes_of(self, rows: int, size: int) -> int:
        if self.file.row_count is None:
            return self.file.position()
        return size * rows // max(1, self.file.row_count)

    def _texts_in(self, first: pa.RecordBatch) -> frozenset[int]:
        """Binary columns that are texts, judged once, so that a column is one thing throughout."""
        if self._unsaid_texts is None:
            self._unsaid_texts = frozenset(
                place for place, column in enumerate(first.columns) if is_bytes(column.type) and holds_texts(column)
            )
        return self._unsaid_texts

    def _batches(self, rows: int, limit_bytes: int) -> Iterator[pa.RecordBatch]:
        if any(pa.types.is_nested(field.type) for field in self.file.schema):
            rows = min(rows, _NESTED_ROWS)
        try:
            for batch in self.file.batches(rows):
                yield from _small_parts(_without_views(batch), limit_bytes)
        except UNREADABLE as error:
            raise damaged(self.file.name) from error


def _has_nanoseconds(column: pa.Array, cells: pa.Array) -> bool:
    is_fine = pa.types.is_timestamp(column.type) and column.type.unit == "ns"
    return is_fine and bool(pc.any(pc.match_substring_regex(cells, FINER_THAN_MICROSECONDS)).as_py())


def is_bytes(kind: pa.DataType) -> bool:
    return is_binary(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _without_views(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Their lengths can't be asked for."""
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    if not any(field.type in plain for field in batch.schema):
        return batch
    columns = [column.cast(plain[column.type]) if column.type in plain else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _small_parts(batch: pa.RecordBatch, limit_bytes: int) -> Iterator[pa.RecordBatch]:
    """Parts whose texts fit into `limit_bytes`, or that are a single row."""
    ends = pc.cumulative_sum(_row_bytes(batch)).to_pylist()
    start = before = 0
    while start < batch.num_rows:
        end = max(start + 1, bisect.bisect_right(ends, before + limit_bytes))
        yield batch.slice(start, end - start)
        start, before = end, ends[end - 1]


def _row_bytes(batch: pa.RecordBatch) -> pa.Array:
    """How long the texts of each row are, all columns together."""
    total = pa.repeat(pa.scalar(0, pa.int64()), batch.num_rows)
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and is_text(column.type.value_type):
            lengths = pc.binary_length(column.dictionary).take(column.indices)
        elif is_text(column.type):
            lengths = pc.binary_length(column)
        else:
            continue
        total = pc.add(total, pc.fill_null(lengths.cast(pa.int64()), 0))
    return total
