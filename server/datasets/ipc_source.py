"""Open a file or stream of Arrow record batches (IPC); Feather is the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc

from server.datasets.arrow_source import UNREADABLE, damaged
from server.datasets.arrow_texts import is_string

FILE_MARK = b"ARROW1"
STREAM_MARK = b"\xff\xff\xff\xff"


class IpcTable:
    """Offsets that point outside of their buffers would be followed: each batch is checked before it is read."""

    name = "Arrow"

    def __init__(self, path: Path) -> None:
        """Raises `FileProblem` for a file that is damaged."""
        self._path = path
        self._stream = pa.OSFile(str(path))
        self._is_file = self._stream.read(len(FILE_MARK)) == FILE_MARK
        try:
            self.schema: pa.Schema = self._opened().schema
        except UNREADABLE as error:
            raise damaged(self.name) from error
        self.row_count: int | None = None

    def _opened(self) -> ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader:
        self._stream.seek(0)
        return ipc.open_file(self._stream) if self._is_file else ipc.open_stream(self._stream)

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        reader = self._opened()
        found = map(reader.get_batch, range(reader.num_record_batches)) if self._is_file else iter(reader)
        for batch in found:
            _require_valid(batch)
            for start in range(0, batch.num_rows, rows):
                yield batch.slice(start, rows)

    def position(self) -> int:
        return int(self._stream.tell())


def _require_valid(batch: pa.RecordBatch) -> None:
    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            if not is_string(column.type):
                raise
            # A text that is not UTF-8 costs its row, not the file.
            column.cast(pa.large_binary()).validate(full=True)
