"""Read an uploaded Parquet file: values become texts again, so that one set of rules holds for every format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from server.datasets.chunks import Chunk
from server.errors import FileProblem

_ROWS_PER_CHUNK = 50_000
_SAMPLE_ROWS = 10_000


def open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, thrift_string_size_limit=100 * 1024 * 1024, thrift_container_size_limit=1_000_000)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileProblem("The Parquet file is damaged or cut off.", code="damaged_parquet") from error


@dataclass(slots=True, kw_only=True)
class ParquetSource:
    """A line is a row, counted from 1."""

    path: Path
    file: pq.ParquetFile
    bytes_read: int = field(default=0, init=False)

    def chunks(self) -> Iterator[Chunk]:
        size, total = self.path.stat().st_size, max(1, self.file.metadata.num_rows)
        done = 0
        for batch in self._batches(_ROWS_PER_CHUNK):
            done += batch.num_rows
            self.bytes_read = size * done // total
            yield _chunk(batch, done - batch.num_rows)
        self.bytes_read = size

    def sample(self) -> Chunk:
        batch = next(self._batches(_SAMPLE_ROWS), None)
        if batch is None:
            batch = pa.RecordBatch.from_pylist([], schema=self.file.schema_arrow)
        chunk = _chunk(batch, 0)
        chunk.bytes_read = self.path.stat().st_size * batch.num_rows // max(1, self.file.metadata.num_rows)
        return chunk

    def _batches(self, size: int) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.file.iter_batches(batch_size=size, use_threads=False)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise FileProblem("The Parquet file is damaged or cut off.", code="damaged_parquet") from error


def _chunk(batch: pa.RecordBatch, before: int) -> Chunk:
    columns = [texts(column) for column in batch.columns]
    return Chunk(
        columns=columns,
        line_of=lambda row: before + row + 1,
        raw_of=lambda row: "\t".join(str(column[row].as_py() or "") for column in columns),
    )


def texts(column: pa.Array) -> pa.Array:
    """Any Arrow column as texts that read back as the same values."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            column = column.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit))
        column = column.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind):
        return pa.array([_as_json(value) for value in column.to_pylist()], pa.string())
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _as_json(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return msgspec.json.encode(value, enc_hook=str).decode()
