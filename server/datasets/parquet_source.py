"""Read an uploaded Parquet file: values become texts again, so that one set of rules holds for every format."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from server.datasets.chunks import Chunk
from server.errors import FileProblem

_ROWS_PER_CHUNK = 50_000
_NESTED_ROWS = 500  # nested values have no dictionary that tells how large they are
_SAMPLE_ROWS = 10_000
_CHUNK_BYTES = 64 * 1024 * 1024
_SAMPLE_BYTES = 8 * 1024 * 1024
_UNREADABLE = (pa.ArrowException, OSError, ValueError, OverflowError)
_DAMAGED = "The Parquet file is damaged or cut off."


def open_parquet(path: Path) -> pq.ParquetFile:
    """Texts come as dictionaries: one of a megabyte may stand in each of a million rows of a small file."""
    try:
        with _file(path, ()) as file:
            texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
        return _file(path, texts)
    except _UNREADABLE as error:
        raise FileProblem(_DAMAGED, code="damaged_parquet") from error


def _file(path: Path, dictionaries: Sequence[str]) -> pq.ParquetFile:
    return pq.ParquetFile(
        path,
        read_dictionary=list(dictionaries),
        thrift_string_size_limit=100 * 1024 * 1024,
        thrift_container_size_limit=1_000_000,
    )


def _is_text(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


@dataclass(slots=True, kw_only=True)
class ParquetSource:
    """A line is a row, counted from 1."""

    path: Path
    file: pq.ParquetFile
    max_unpacked_bytes: int
    bytes_read: int = field(default=0, init=False)
    records: int = field(default=0, init=False)

    def chunks(self) -> Iterator[Chunk]:
        size, total = self.path.stat().st_size, max(1, self.file.metadata.num_rows)
        done = unpacked = 0
        for batch in self._batches(_ROWS_PER_CHUNK, _CHUNK_BYTES):
            done += batch.num_rows
            unpacked += pc.sum(_row_bytes(batch)).as_py() or 0
            if unpacked > self.max_unpacked_bytes:
                raise FileProblem(
                    "The Parquet file would unpack to more than {size} MB, which is more than is accepted; import it "
                    "in parts.",
                    code="unpacks_too_large",
                    size=self.max_unpacked_bytes // 1_000_000,
                )
            self.bytes_read, self.records = size * done // total, done
            yield _chunk(batch, done - batch.num_rows)
        self.bytes_read = size

    def sample(self) -> Chunk:
        batch = next(self._batches(_SAMPLE_ROWS, _SAMPLE_BYTES), None)
        if batch is None:
            batch = pa.RecordBatch.from_pylist([], schema=self.file.schema_arrow)
        chunk = _chunk(batch, 0)
        chunk.bytes_read = self.path.stat().st_size * batch.num_rows // max(1, self.file.metadata.num_rows)
        return chunk

    def _batches(self, rows: int, limit_bytes: int) -> Iterator[pa.RecordBatch]:
        if any(pa.types.is_nested(field.type) for field in self.file.schema_arrow):
            rows = min(rows, _NESTED_ROWS)
        try:
            for batch in self.file.iter_batches(batch_size=rows, use_threads=False):
                yield from _small_parts(batch, limit_bytes)
        except _UNREADABLE as error:
            raise FileProblem(_DAMAGED, code="damaged_parquet") from error


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
        if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
            lengths = pc.binary_length(column.dictionary).take(column.indices)
        elif _is_text(column.type):
            lengths = pc.binary_length(column)
        else:
            continue
        total = pc.add(total, pc.fill_null(lengths.cast(pa.int64()), 0))
    return total


def _chunk(batch: pa.RecordBatch, before: int) -> Chunk:
    columns = [texts(column) for column in batch.columns]
    return Chunk(
        columns=columns,
        line_of=lambda row: before + row + 1,
        raw_of=lambda row: "\t".join(str(column[row].as_py() or "") for column in columns),
    )


def texts(column: pa.Array) -> pa.Array:
    """Any Arrow column as texts that read back as the same values."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
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
