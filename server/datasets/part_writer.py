"""Write accepted rows to one Parquet file as they come, and nothing of it when something goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from server.storage.full_disk import full_disk_named

# Row groups are what a reader can skip and what a writer must hold: 10 columns of 120,000 rows are about 10 MB.
_ROWS_PER_GROUP = 122_880
_BYTES_PER_GROUP = 64 * 1024 * 1024  # fewer of rows with long texts


class PartWriter:
    """Collects chunks into row groups. Leaving by an exception removes the file.

    Chunks whose decimals have more digits than those before begin another file; at the end all become one.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.row_count = 0
        self._path = path
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0
        self._narrower: list[Path] = []
        self._writer = self._opened()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        is_whole = False
        try:
            with full_disk_named():
                try:
                    if kind is None:
                        self._flush()
                finally:
                    self._writer.close()
                if kind is None and self._narrower:
                    self._join()
            is_whole = kind is None
        finally:
            for path in self._narrower:
                path.unlink(missing_ok=True)
            if not is_whole:
                self._path.unlink(missing_ok=True)

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
            with full_disk_named():
                self._writer.write_table(table, row_group_size=table.num_rows)

    def _opened(self) -> pq.ParquetWriter:
        with full_disk_named():
            return pq.ParquetWriter(
                self._path, self._schema, compression="zstd", compression_level=1, store_decimal_as_integer=True
            )

    def _widen(self, types: Sequence[pa.DataType]) -> None:
        rows_before = self.row_count
        self._flush()
        with full_disk_named():
            self._writer.close()
        if rows_before:
            narrower = self._path.with_name(f"{self._path.name}.{len(self._narrower)}")
            self._narrower.append(self._path.replace(narrower))
        fields = zip(self._schema, types, strict=True)
        self._schema = pa.schema([field.with_type(kind) for field, kind in fields])
        self._writer = self._opened()

    def _join(self) -> None:
        last = self._path.with_name(f"{self._path.name}.{len(self._narrower)}")
        self._narrower.append(self._path.replace(last))
        with self._opened() as writer:
            for path in self._narrower:
                with pq.ParquetFile(path) as file:
                    for group in range(file.num_row_groups):
                        rows = file.read_row_group(group, use_threads=False).cast(self._schema)
                        writer.write_table(rows, row_group_size=max(1, rows.num_rows))
