"""Write accepted rows to one Parquet file as they come, and nothing of it when something goes wrong."""

from __future__ import annotations

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
    """Collects chunks into row groups. Leaving by an exception removes the file."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.row_count = 0
        self._path = path
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0
        with full_disk_named():
            self._writer = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        with full_disk_named():
            try:
                self._writer.close()
            finally:
                if kind is not None:
                    self._path.unlink(missing_ok=True)

    def add(self, columns: list[pa.Array]) -> None:
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
