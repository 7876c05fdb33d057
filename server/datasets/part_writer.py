"""Write accepted rows to one Parquet file as they come, and nothing of it when something goes wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from server.datasets.part_statistics import PartStatistics
from server.storage.full_disk import full_disk_named

# Row groups are what a reader can skip and what a writer must hold: 10 columns of 120,000 rows are about 10 MB.
_ROWS_PER_GROUP = 122_880
_BYTES_PER_GROUP = 64 * 1024 * 1024  # fewer of rows with long texts
_MOST_WAITING = 2  # row groups
_LOOKED_AT = 10_000  # rows
_OFTEN = 8  # times that a value stands in a column of which there is a dictionary
_TRIED = 20_000  # rows
_WORTH_IT = 0.9  # of their bytes: numbers written as differences seldom shrink below that, and take as long to try
_COMPRESSED: dict[str, Any] = {"compression": "zstd", "compression_level": 1}
_WRITTEN: dict[str, Any] = {
    "store_decimal_as_integer": True,
    "max_rows_per_page": _ROWS_PER_GROUP,  # each page is a call of the compressor, and begins anew
    "store_schema": False,  # whether texts came in a dictionary concerns nobody
}
_INTEGER_DIGITS = 18  # of a decimal that is stored as 64 bits


class PartWriter:
    """Collects chunks into row groups, which a thread writes. Leaving by an exception removes the file.

    Chunks whose decimals have more digits than those before begin another file; at the end all become one.
    `statistics` are told all that is written.
    """

    def __init__(self, path: Path, schema: pa.Schema, statistics: PartStatistics | None = None) -> None:
        self.row_count = 0
        self._path = path
        self._schema = schema
        self._statistics = statistics
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0
        self._narrower: list[Path] = []
        self._encodings: dict[str, Any] = {}
        self._writer: pq.ParquetWriter | None = None
        self._thread = ThreadPoolExecutor(1, "part-writer")
        self._writing: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        is_whole = False
        try:
            if kind is None:
                self._flush()
                self._do(self._finish)
                self._wait(0)
                is_whole = True
        finally:
            self._thread.shutdown(cancel_futures=True)
            for path in self._narrower:
                path.unlink(missing_ok=True)
            if not is_whole:
                self._give_up()

    def add(self, columns: list[pa.Array]) -> None:
        types = [column.type for column in columns]
        if types != self._schema.types:
            self._widen(types)
        batch = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.get_total_buffer_size()
        self.row_count += batch.num_rows
        if self._waiting_rows >= _ROWS_PER_GROUP or self._waiting_bytes >= _BYTES_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._waiting, schema=self._schema)
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0
        if table.num_rows:
            self._do(lambda: self._write(table))

    def _do(self, work: Callable[[], None]) -> None:
        self._wait(_MOST_WAITING)
        self._writing.append(self._thread.submit(work))

    def _wait(self, left: int) -> None:
        """Until so much at most is to be written. Raises what went wrong."""
        while len(self._writing) > left:
            self._writing.popleft().result()

    def _widen(self, types: Sequence[pa.DataType]) -> None:
        self._flush()
        self._do(self._put_aside)
        self._wait(0)
        if self._statistics is not None:
            self._statistics.forget()
        fields = zip(self._schema, types, strict=True)
        self._schema = pa.schema([field.with_type(kind) for field, kind in fields])

    # From here on in the thread.

    def _write(self, table: pa.Table) -> None:
        with full_disk_named():
            if self._writer is None:
                self._encodings = self._encodings or _encodings(table)
                self._writer = self._opened()
            # A dictionary for each chunk would be given up.
            self._writer.write_table(table.unify_dictionaries(), row_group_size=table.num_rows)
        if self._statistics is not None:
            self._statistics.add(table)

    def _opened(self) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self._path,
            self._schema,
            **_WRITTEN,
            **_fitting(self._encodings, self._schema),
        )

    def _put_aside(self) -> None:
        with full_disk_named():
            if self._writer is None:
                return
            self._writer.close()
            self._writer = None
            narrower = self._path.with_name(f"{self._path.name}.{len(self._narrower)}")
            self._narrower.append(self._path.replace(narrower))

    def _finish(self) -> None:
        with full_disk_named():
            if self._narrower:
                self._put_aside()
                self._schema = _without_dictionaries(self._schema)
            self._writer = self._writer or self._opened()
            for path in self._narrower:
                self._take_back(path, self._writer)
            self._writer.close()

    def _take_back(self, path: Path, writer: pq.ParquetWriter) -> None:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, use_threads=False).cast(self._schema)
                writer.write_table(rows, row_group_size=max(1, rows.num_rows))

    def _give_up(self) -> None:
        with suppress(OSError, pa.ArrowException):  # of a full disk, which whoever leaves by it has been told
            if self._writer is not None:
                self._writer.close()
        self._path.unlink(missing_ok=True)


def _encodings(table: pa.Table) -> dict[str, Any]:
    """Dictionaries where values stand again and again; for numbers, days and times else how they differ.

    A dictionary of values that differ costs more time than all else, and is given up in the end.
    """
    rows = pa.array(range(0, table.num_rows, max(1, table.num_rows // _LOOKED_AT)), pa.int64())
    sample = table.take(rows)
    often = [name for name in table.schema.names if _are_often(sample[name])]
    rest = {name: "DELTA_BINARY_PACKED" for name in table.schema.names if name not in often}
    encodings = {"use_dictionary": often, "column_encoding": rest}
    return encodings | _compression(table.slice(0, _TRIED), encodings)


def _compression(table: pa.Table, encodings: dict[str, Any]) -> dict[str, Any]:
    """Of the columns that become smaller by it."""
    stream = pa.BufferOutputStream()
    fitting = _fitting(encodings, table.schema)
    pq.write_table(table.unify_dictionaries(), stream, **_WRITTEN, **fitting)
    group = pq.read_metadata(pa.BufferReader(stream.getvalue())).row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    shrunk = [column.total_compressed_size <= _WORTH_IT * column.total_uncompressed_size for column in columns]
    codecs = dict(zip(table.schema.names, ("zstd" if is_worth_it else "none" for is_worth_it in shrunk), strict=True))
    levels = {name: 1 for name, codec in codecs.items() if codec != "none"}
    return {"compression": codecs, "compression_level": levels}


def _are_often(values: pa.ChunkedArray) -> bool:
    is_dictionary = pa.types.is_dictionary(values.type)
    return bool(is_dictionary or pc.count_distinct(values).as_py() * _OFTEN <= len(values))


def _fitting(encodings: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """Without those that a type does not have, as with a decimal that has grown."""
    of_columns = encodings.get("column_encoding", {})
    return {
        **_COMPRESSED,
        **{name: value for name, value in encodings.items() if name in _COMPRESSED},
        "use_dictionary": encodings.get("use_dictionary", []),
        "column_encoding": {name: kind for name, kind in of_columns.items() if _is_integer(schema.field(name).type)},
    }


def _is_integer(kind: pa.DataType) -> bool:
    """Whether it is stored as an integer."""
    if pa.types.is_decimal(kind):
        return bool(kind.precision <= _INTEGER_DIGITS)
    return bool(pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _without_dictionaries(schema: pa.Schema) -> pa.Schema:
    return pa.schema(
        [each.with_type(each.type.value_type) if pa.types.is_dictionary(each.type) else each for each in schema]
    )
