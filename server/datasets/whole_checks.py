"""Checks that take all rows together: values that must be unique, or occur in another dataset; in bounded memory.

Every value is compared, not a hash of it: DuckDB looks at the written part, on disk when memory is short.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from server.datasets.chunks import Chunk
from server.datasets.file_work import ReferenceFiles
from server.datasets.part_database import opened_for_reading
from server.datasets.part_writer import PartWriter
from server.datasets.rejects import RejectReason, RejectWriter, shortened
from server.datasets.schema import NUMERIC_TYPES, ColumnType, columns_do_not_fit
from server.datasets.sifting import LINE_COLUMN
from server.datasets.sql_text import literal, quoted
from server.errors import FieldError
from server.storage.full_disk import full_disk_named

_FETCHED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeChecks:
    """`unique` are columns, or several together; `references` are of columns by name. What `taken` parts hold is there
    already where values must be unique. Keys in `touched` parts are those of rows that must not be overwritten.
    """

    unique: Sequence[tuple[str, ...]] = ()
    references: Mapping[str, ReferenceFiles] = field(default_factory=dict)
    taken: Sequence[Path] = ()
    key: tuple[str, ...] = ()
    touched: Sequence[Path] = ()

    def __bool__(self) -> bool:
        return bool(self.unique or self.references)


def require_comparable(columns: Mapping[str, ColumnType], references: Mapping[str, ReferenceFiles]) -> None:
    """Raises `InvalidInput` for values that could never be those of the other column."""
    errors = [
        FieldError(
            field="options.columns",
            message="“{name}” has the type {type}, but “{column}” of the dataset “{dataset}” has the type {other}.",
            parameters={"name": name, "type": columns[name], "other": wanted.type, **_named(wanted)},
        )
        for name, wanted in references.items()
        if not _are_comparable(columns[name], wanted.type)
    ]
    if errors:
        raise columns_do_not_fit("A reference does not fit its column: {problems}", errors)


def leave_out(
    staged: Path,
    target: Path,
    checks: WholeChecks,
    rejects: RejectWriter,
    read_again: Callable[[], Iterator[Chunk]],
) -> int:
    """Copy `staged` (which has line numbers) to `target` without them and without the rows that break a check.

    Returns the rows. Of those with the same unique values the first one that breaks no other check stays. `read_again`
    reads the file anew, for the texts of the rows left out.
    """
    by_line: dict[int, list[RejectReason]] = {}
    for name, reference in checks.references.items():
        for line, value in _missing(staged, name, reference):
            parameters = {"value": shortened(value), **_named(reference)}
            _note_reason(by_line, RejectReason(line=line, code="not_in_reference", column=name, parameters=parameters))
            if len(by_line) > rejects.rows_left:
                break
    for reason in _clashes(staged, checks):
        _note_reason(by_line, reason)
    elsewhere = frozenset(by_line)
    for names in checks.unique:
        for line, value in _repeated(staged, names, elsewhere):
            _note_reason(by_line, _taken_twice(line, "not_unique", names, value))
            if len(by_line) > rejects.rows_left:
                break
    if by_line:
        _note(by_line, rejects, read_again)
    return _copy(staged, target, set(by_line))


def _note_reason(by_line: dict[int, list[RejectReason]], reason: RejectReason) -> None:
    by_line.setdefault(reason.line, []).append(reason)


def _taken_twice(line: int, code: str, names: Sequence[str], value: str) -> RejectReason:
    return RejectReason(line=line, code=code, column=", ".join(names), parameters={"value": shortened(value)})


def _named(reference: ReferenceFiles) -> dict[str, str]:
    return {"dataset": reference.dataset, "column": reference.column}


def _are_comparable(one: ColumnType, other: ColumnType) -> bool:
    return one == other or {one, other} <= NUMERIC_TYPES


def _missing(staged: Path, name: str, reference: ReferenceFiles) -> Iterator[tuple[int, str]]:
    """Line and value of every row whose value does not occur there; a missing value refers to nothing."""
    files = ", ".join(map(literal, reference.paths))
    mine, other = quoted(name), quoted(reference.column)
    query = (
        f"SELECT {LINE_COLUMN}, CAST({mine} AS VARCHAR) FROM read_parquet({literal(staged)}) AS mine "  # noqa: S608
        f"WHERE {mine} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM read_parquet([{files}], union_by_name = true) "
        f"AS other WHERE other.{other} = mine.{mine}) ORDER BY {LINE_COLUMN}"
    )
    with opened_for_reading(staged) as connection, full_disk_named():
        cursor = connection.execute(query)
        while rows := cursor.fetchmany(_FETCHED):
            yield from rows


def _clashes(staged: Path, checks: WholeChecks) -> Iterator[RejectReason]:
    """With rows that other parts have."""
    clashing = [(names, "not_unique", checks.taken) for names in checks.unique]
    for names, code, parts in [(checks.key, "key_taken", checks.touched), *clashing]:
        for line, value in _taken(staged, names, parts) if parts else ():
            yield _taken_twice(line, code, names, value)


def _taken(staged: Path, names: Sequence[str], parts: Sequence[Path]) -> Iterator[tuple[int, str]]:
    """Line and values of every row whose values another part has."""
    files = ", ".join(map(literal, parts))
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in names)
    same = " AND ".join(f"other.{quoted(name)} = mine.{quoted(name)}" for name in names)
    query = (
        f"SELECT {LINE_COLUMN}, {texts} FROM read_parquet({literal(staged)}) AS mine WHERE EXISTS "  # noqa: S608
        f"(SELECT 1 FROM read_parquet([{files}], union_by_name = true) AS other WHERE {same}) ORDER BY {LINE_COLUMN}"
    )
    with opened_for_reading(staged) as connection, full_disk_named():
        for line, *values in connection.execute(query).fetchall():
            yield line, ", ".join(values)


def _repeated(staged: Path, names: Sequence[str], left_out: Collection[int]) -> Iterator[tuple[int, str]]:
    """Line and values of every row but the first with those values; a row that lacks one has no key to repeat.

    Rows that are `left_out` anyway repeat nothing.
    """
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
                if line in left_out:
                    continue
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
                ((raw, by_line[line][0].cells),) = chunk.rows_as_found([row])
                for reject in by_line[line]:
                    reject.raw = raw
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
