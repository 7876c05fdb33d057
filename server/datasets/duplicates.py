"""Find and leave out rows that repeat a value of a column that must be unique, in bounded memory.

Every value is compared, not a hash of it: DuckDB groups the written part, on disk when memory is short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from server.datasets.chunks import Chunk
from server.datasets.part_database import opened_for_reading
from server.datasets.part_writer import PartWriter
from server.datasets.rejects import RejectReason, RejectWriter, shortened
from server.datasets.sifting import LINE_COLUMN
from server.datasets.sql_text import literal, quoted
from server.storage.full_disk import full_disk_named

_FETCHED = 10_000


def leave_out_duplicates(
    staged: Path,
    target: Path,
    unique: Sequence[Sequence[str]],
    rejects: RejectWriter,
    read_again: Callable[[], Iterator[Chunk]],
) -> int:
    """Copy `staged` (which has line numbers) to `target` without them and without repeated rows; returns the rows.

    `unique` are columns, or several together. The first row with their values stays. `read_again` reads the file anew,
    for the texts of the rows left out.
    """
    by_line: dict[int, list[RejectReason]] = {}
    for names in unique:
        for line, value in _repeated(staged, names):
            reject = RejectReason(
                line=line, code="not_unique", raw="", column=", ".join(names), parameters={"value": shortened(value)}
            )
            by_line.setdefault(line, []).append(reject)
            if len(by_line) > rejects.rows_left:
                break
    if by_line:
        _note(by_line, rejects, read_again)
    return _copy(staged, target, set(by_line))


def _repeated(staged: Path, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Line and values of every row but the first with those values; a row that lacks one has no key to repeat."""
    columns, source = ", ".join(map(quoted, names)), f"read_parquet({literal(staged)})"
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in names)
    filled = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in names)
    query = (
        f"SELECT {LINE_COLUMN}, {texts} FROM {source} WHERE ({columns}) IN "  # noqa: S608
        f"(SELECT ({columns}) FROM {source} WHERE {filled} GROUP BY {columns} HAVING count(*) > 1) "
        f"ORDER BY {LINE_COLUMN}"
    )
    seen: set[tuple[str, ...]] = set()
    with opened_for_reading(staged) as connection, full_disk_named():
        cursor = connection.execute(query)
        while rows := cursor.fetchmany(_FETCHED):
            for line, *values in rows:
                if (key := tuple(values)) in seen:
                    yield line, ", ".join(key)
                seen.add(key)


def _note(
    by_line: dict[int, list[RejectReason]], rejects: RejectWriter, read_again: Callable[[], Iterator[Chunk]]
) -> None:
    left = set(by_line)
    for chunk in read_again():
        for row in range(chunk.row_count):
            line = chunk.line_of(row)
            if line in left:
                left.discard(line)
                for reject in by_line[line]:
                    reject.raw = chunk.raw_of(row)
                rejects.add_row(by_line[line])
        if not left:
            return


def _copy(staged: Path, target: Path, left_out: set[int]) -> int:
    file = pq.ParquetFile(staged)
    schema = pa.schema([field for field in file.schema_arrow if field.name != LINE_COLUMN])
    wanted = pa.array(sorted(left_out), pa.int64())
    with PartWriter(target, schema) as part:
        for batch in file.iter_batches(batch_size=50_000, use_threads=False):
            if left_out:
                batch = batch.filter(pc.invert(pc.is_in(batch.column(LINE_COLUMN), wanted)))
            part.add([batch.column(name) for name in schema.names])
    file.close()
    return part.row_count
