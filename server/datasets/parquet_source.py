"""Open an uploaded Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from server.datasets.arrow_source import UNREADABLE, damaged
from server.datasets.arrow_texts import is_text


class ParquetTable:
    """Texts come as dictionaries: one of a megabyte may stand in each of a million rows of a small file."""

    name = "Parquet"

    def __init__(self, path: Path) -> None:
        """Raises `FileProblem` for a file that is damaged."""
        try:
            with _file(path, ()) as file:
                texts = [field.name for field in file.schema_arrow if is_text(field.type)]
            self._file = _file(path, texts)
            self.schema: pa.Schema = self._file.schema_arrow
        except UNREADABLE as error:
            raise damaged(self.name) from error
        self.row_count: int | None = self._file.metadata.num_rows

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        yield from self._file.iter_batches(batch_size=rows, use_threads=False)

    def position(self) -> int:
        raise NotImplementedError("a Parquet file says how many rows it has")


def _file(path: Path, dictionaries: Sequence[str]) -> pq.ParquetFile:
    return pq.ParquetFile(
        path,
        read_dictionary=list(dictionaries),
        thrift_string_size_limit=100 * 1024 * 1024,
        thrift_container_size_limit=1_000_000,
    )
