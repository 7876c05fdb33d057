"""Merge the rows of a file into those that a dataset has, by a key: in bounded memory, in the order there was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from server.datasets.decimals import NO_DIGITS, Digits
from server.datasets.file_work import Upsert, Upserted
from server.datasets.part_database import opened_for_reading
from server.datasets.part_writer import PartWriter
from server.datasets.schema import Column
from server.datasets.sql_text import literal, quoted
from server.datasets.values import arrow_type
from server.errors import FileProblem
from server.storage.full_disk import full_disk_named

_FETCHED = 50_000
# Names that no column has: those of datasets hold no control characters.
_OLD_PLACE, _NEW_PLACE = "\x01old", "\x01new"


def upsert_rows(upsert: Upsert, part: Path, given: Sequence[str], target: Path) -> Upserted:
    """Write all rows of the dataset after the merge to `target`; `part` has those of the file.

    A row whose key is there takes the place of the one that was, but for columns that are not `given`: the file says
    nothing of them. All others are added at the end. Raises `FileProblem` when a key stands in several rows of the
    dataset: nobody could say which of them is meant.
    """
    columns = [column.name for column in upsert.columns]
    with opened_for_reading(part) as connection, full_disk_named():
        connection.execute(f"CREATE VIEW old AS {_numbered(upsert.paths, _OLD_PLACE)}")
        connection.execute(f"CREATE VIEW new AS {_numbered([part], _NEW_PLACE)}")
        _require_unique(connection, upsert.key)
        on = " AND ".join(f"old.{quoted(name)} = new.{quoted(name)}" for name in upsert.key)
        updated, unchanged, inserted = _counted(connection, on, given)
        result = connection.execute(_merged_sql(columns, given, upsert.key, on)).to_arrow_reader(_FETCHED)
        assert result is not None
        schema = pa.schema([(column.name, _type_of(column)) for column in upsert.columns])
        with PartWriter(target, schema) as writer:
            for batch in result:
                writer.add([batch.column(field.name).cast(field.type) for field in schema])
    return Upserted(row_count=writer.row_count, inserted=inserted, updated=updated, unchanged=unchanged)


def write_touched_keys(upsert: Upsert, before: Sequence[Path], target: Path) -> None:
    """Write the keys of the rows that are not as they were in the parts `before`."""
    known = {name for path in before for name in pq.read_schema(path).names}
    same = [*upsert.key, *(column.name for column in upsert.columns if column.name in known)]
    on = " AND ".join(f"old.{quoted(name)} IS NOT DISTINCT FROM now.{quoted(name)}" for name in same)
    keys = ", ".join(f"now.{quoted(name)}" for name in upsert.key)
    with opened_for_reading(target) as connection, full_disk_named():
        connection.execute(
            f"COPY (SELECT {keys} FROM {_parts(upsert.paths)} AS now ANTI JOIN {_parts(before)} AS old ON {on}) "  # noqa: S608
            f"TO {literal(target)} (FORMAT parquet)"
        )


def _counted(connection: duckdb.DuckDBPyConnection, on: str, given: Sequence[str]) -> tuple[int, int, int]:
    """Rows of the file that change one, that say what is there already, and that are new."""
    differs = " OR ".join(f"old.{quoted(name)} IS DISTINCT FROM new.{quoted(name)}" for name in given)
    row = connection.execute(
        f"SELECT count(*) FILTER (found AND differs), count(*) FILTER (found AND NOT differs), "  # noqa: S608
        f"count(*) FILTER (NOT found) FROM (SELECT old.{quoted(_OLD_PLACE)} IS NOT NULL AS found, ({differs}) "
        f"AS differs FROM new LEFT JOIN old ON {on})"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


def _merged_sql(columns: Sequence[str], given: Sequence[str], key: Sequence[str], on: str) -> str:
    is_found = f"new.{quoted(_NEW_PLACE)} IS NOT NULL"
    known = set(given)
    kept = ", ".join(
        f"case when {is_found} then new.{quoted(name)} else old.{quoted(name)} end as {quoted(name)}"
        if name in known
        else f"old.{quoted(name)}"
        for name in columns
    )
    added = ", ".join(f"new.{quoted(name)}" if name in known else f"NULL AS {quoted(name)}" for name in columns)
    wanted = ", ".join(map(quoted, columns))
    old_place, new_place = quoted(_OLD_PLACE), quoted(_NEW_PLACE)
    return (
        f"SELECT {wanted} FROM ("  # noqa: S608 - quoted names
        f"SELECT 0 AS {new_place}, old.{old_place} AS {old_place}, {kept} FROM old LEFT JOIN new ON {on} "
        f"UNION ALL BY NAME SELECT 1 AS {new_place}, new.{new_place} AS {old_place}, {added} FROM new ANTI JOIN old "
        f"USING ({', '.join(map(quoted, key))})) ORDER BY {new_place}, {old_place}"
    )


def _require_unique(connection: duckdb.DuckDBPyConnection, key: Sequence[str]) -> None:
    names = ", ".join(map(quoted, key))
    found = connection.execute(
        f"SELECT {names}, count(*) AS rows FROM old WHERE {' AND '.join(f'{quoted(n)} IS NOT NULL' for n in key)} "  # noqa: S608
        f"GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    if found is not None:
        raise FileProblem(
            "The dataset has “{value}” in {count} rows of “{key}”, so it is no key. "
            "Choose columns that tell its rows apart.",
            code="key_not_unique",
            value=", ".join(map(str, found[:-1])),
            count=found[-1],
            key=", ".join(key),
        )


def _numbered(paths: Iterable[Path], place: str) -> str:
    # Read by one thread: in the order of the files and their rows.
    return f"SELECT *, row_number() OVER () AS {quoted(place)} FROM {_parts(paths)}"  # noqa: S608


def _parts(paths: Iterable[Path]) -> str:
    files = ", ".join(map(literal, paths))
    return f"read_parquet([{files}], union_by_name = true)"


def _type_of(column: Column) -> pa.DataType:
    digits = NO_DIGITS
    if column.precision is not None and column.scale is not None:
        digits = Digits(column.precision - column.scale, column.scale)
    return arrow_type(column.type, digits)
