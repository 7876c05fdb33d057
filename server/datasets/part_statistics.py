"""Figures about each column of a part: what the dataset page shows without reading rows.

How many values are different is counted where there are few rows. Of more it is estimated by DuckDB, which is handed
them while they are written. What is smallest and largest in each row group stands in the part.
"""

from __future__ import annotations

import math
import queue
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from server.datasets.decimals import exact_figure
from server.datasets.part_database import opened_for_reading
from server.datasets.schema import NUMERIC_TYPES, Column
from server.datasets.sql_text import quoted

_TEXT_CHARACTERS = 100
_MOST_ADDED_DIGITS = 28  # of a decimal whose sums surely have 38 at most
_EXACT = Context(prec=100)
_INT64_DIGITS = 19
_MOST_WAITING = 2  # tables
_MOST_TEXTS = 100_000
_LOOK_SECONDS = 0.2
_FEW_ROWS, _FEW_BYTES = 10_000, 8 * 1024 * 1024  # to begin a DuckDB takes as long as to write a small part


class PartStatistics:
    """Is told all rows of a part while it is written, by one thread, then asked once."""

    def __init__(self, part: Path) -> None:
        self._part = part
        self._sums: dict[str, _Sum] = {}
        self._texts: dict[str, set[str]] = {}  # of columns that come as dictionaries
        self._distinct: _Distinct | None = None
        self._is_whole = True

    def add(self, table: pa.Table) -> None:
        if not self._is_whole:
            return
        if self._distinct is None:
            self._sums = {field.name: _Sum(field.type) for field in table.schema if _is_number(field.type)}
            self._texts = {field.name: set() for field in table.schema if pa.types.is_dictionary(field.type)}
            self._distinct = _Distinct(self._part, table.drop_columns(list(self._texts)).schema)
        for name, total in self._sums.items():
            total.add(table[name])
        for name, texts in self._texts.items():
            texts.update(_texts_beside(texts, table[name]))
            if len(texts) > _MOST_TEXTS:
                self.forget()
                return
        self._distinct.add(table.drop_columns(list(self._texts)))

    def forget(self) -> None:
        """All that there is will be read once more, at the end: types have changed, or there is too much to keep."""
        self._is_whole = False
        self.close()

    def close(self) -> None:
        if self._distinct is not None:
            self._distinct.close()
            self._distinct = None

    def figures(self, columns: Sequence[Column]) -> dict[str, dict[str, Any]]:
        """By column: `count` (of values), `nulls`, `distinct` (estimated), `min`, `max`; for numbers `sum`, `mean`."""
        if self._distinct is None:
            return column_statistics(self._part, columns)
        distinct = self._distinct.counts() | {name: len(texts) for name, texts in self._texts.items()}
        self.close()
        with pq.ParquetFile(self._part) as file:
            return {
                column.name: _figures(file, column, distinct[column.name], self._sums.get(column.name))
                for column in columns
            }


def _texts_beside(known: set[str], column: pa.ChunkedArray) -> Iterable[str]:
    """Those of a column that are new. A dictionary may hold some that no row has."""
    for chunk in column.chunks:
        if not known.issuperset(chunk.dictionary.to_pylist()):
            yield from chunk.unique().drop_null().dictionary_decode().to_pylist()


def column_statistics(part: Path, columns: Sequence[Column]) -> dict[str, dict[str, Any]]:
    """The figures of a part that was written without anybody looking."""
    statistics = PartStatistics(part)
    try:
        with pq.ParquetFile(part) as file:
            for group in range(file.num_row_groups):
                statistics.add(file.read_row_group(group, use_threads=False))
            if not file.num_row_groups:
                statistics.add(file.schema_arrow.empty_table())
        return statistics.figures(columns)
    finally:
        statistics.close()


@dataclass(slots=True)
class _Sum:
    """Integers and decimals add up exactly; what is too long for that, and floats, nearly."""

    kind: pa.DataType
    exact: Decimal = Decimal()
    parts: list[float] = field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        is_short = pa.types.is_decimal(self.kind) and self.kind.precision <= _MOST_ADDED_DIGITS
        return bool(pa.types.is_integer(self.kind) or is_short)

    def add(self, values: pa.ChunkedArray) -> None:
        if len(values) == values.null_count:
            return
        if not self.is_exact:
            self.parts.append(pc.sum(values.cast(pa.float64())).as_py())
            return
        if pa.types.is_integer(self.kind) and _may_overflow(values):
            values = values.cast(pa.decimal128(_INT64_DIGITS, 0))
        self.exact = _EXACT.add(self.exact, Decimal(pc.sum(values).as_py()))

    def figures(self, count: int) -> dict[str, Any]:
        if not count:
            return {"sum": None, "mean": None}
        if not self.is_exact:
            nearly = _finite_sum(self.parts)
            return {"sum": _plain(nearly), "mean": _plain(nearly / count)}
        total = int(self.exact) if pa.types.is_integer(self.kind) else exact_figure(self.exact)
        return {"sum": total, "mean": float(_EXACT.divide(self.exact, Decimal(count)))}


def _finite_sum(parts: list[float]) -> float:
    try:
        return math.fsum(parts)
    except (OverflowError, ValueError):
        return math.inf


def _may_overflow(values: pa.ChunkedArray) -> bool:
    ends = pc.min_max(values).as_py()
    return bool(max(abs(ends["min"]), abs(ends["max"])) * len(values) >= 2**63)


class _Distinct:
    """How many values of each column are different."""

    def __init__(self, part: Path, schema: pa.Schema) -> None:
        self._part = part
        self._few = schema.empty_table()
        self._counter: _DistinctCounter | None = None

    def add(self, table: pa.Table) -> None:
        if self._counter is None:
            if len(self._few) + len(table) <= _FEW_ROWS and self._few.nbytes + table.nbytes <= _FEW_BYTES:
                self._few = pa.concat_tables([self._few, table])
                return
            self._counter = _DistinctCounter(self._part, self._few.schema)
            self._counter.add(self._few)
            self._few = self._few.slice(0, 0)
        self._counter.add(table)

    def counts(self) -> dict[str, int]:
        if self._counter is not None:
            return self._counter.counts()
        return {name: _count_distinct(self._few[name]) for name in self._few.schema.names}

    def close(self) -> None:
        if self._counter is not None:
            self._counter.close()


def _count_distinct(values: pa.ChunkedArray) -> int:
    """As DuckDB sees it: 0 and -0 are the same."""
    return int(pc.count_distinct(pc.add(values, 0.0) if pa.types.is_floating(values.type) else values).as_py())


class _DistinctCounter:
    """DuckDB reads what it is handed, in a thread of its own."""

    def __init__(self, part: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._handed: queue.Queue[pa.Table | None] = queue.Queue(_MOST_WAITING)
        self._thread = ThreadPoolExecutor(1, "distinct")
        self._counted: Future[tuple[int, ...]] = self._thread.submit(self._count, part)

    def add(self, table: pa.Table | None) -> None:
        """Raises what went wrong in the thread."""
        while self._schema.names:
            try:
                self._handed.put(table, timeout=_LOOK_SECONDS)
                break
            except queue.Full:
                if self._counted.done():
                    self._counted.result()

    def counts(self) -> dict[str, int]:
        self.add(None)
        return dict(zip(self._schema.names, self._counted.result(), strict=True))

    def close(self) -> None:
        while not self._counted.done():
            try:
                self._handed.put(None, timeout=_LOOK_SECONDS)
                break
            except queue.Full:
                continue
        self._thread.shutdown()

    def _count(self, part: Path) -> tuple[int, ...]:
        if not self._schema.names:
            return ()
        counts = ", ".join(f"approx_count_distinct({quoted(name)})" for name in self._schema.names)
        with opened_for_reading(part) as connection:
            rows = pa.RecordBatchReader.from_batches(self._schema, self._batches())
            connection.register("handed", rows)
            row = connection.execute(f"SELECT {counts} FROM handed").fetchone()  # noqa: S608 - quoted names
        assert row is not None
        return tuple(row)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while (table := self._handed.get()) is not None:
            yield from table.to_batches()


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind))


def _figures(file: pq.ParquetFile, column: Column, distinct: int, total: _Sum | None) -> dict[str, Any]:
    place = file.schema_arrow.names.index(column.name)
    groups = [_Group.of(file, number, place) for number in range(file.num_row_groups)]
    count = sum(group.count for group in groups)
    figures = {"count": count, "distinct": distinct}
    figures["min"] = _end((group.low for group in groups), min, column)
    figures["max"] = _end((group.high for group in groups), max, column)
    if total is not None and column.type in NUMERIC_TYPES:
        figures |= total.figures(count)
    figures["nulls"] = file.metadata.num_rows - count
    return figures


@dataclass(frozen=True, slots=True)
class _Group:
    """The values of a column in a row group: how many there are, the smallest and the largest."""

    count: int
    low: Any
    high: Any

    @classmethod
    def of(cls, file: pq.ParquetFile, number: int, place: int) -> _Group:
        written = file.metadata.row_group(number).column(place).statistics
        if written is not None and written.has_null_count and (written.has_min_max or not written.num_values):
            return cls(written.num_values, *((written.min, written.max) if written.has_min_max else (None, None)))
        # Long texts are not written twice.
        values = file.read_row_group(number, columns=[file.schema_arrow.names[place]], use_threads=False).column(0)
        ends = pc.min_max(values).as_py()
        return cls(len(values) - values.null_count, ends["min"], ends["max"])


def _end(values: Iterable[Any], choose: Any, column: Column) -> Any:
    found = [value for value in values if value is not None]
    if not found:
        return None
    if column.type == "text":  # in the order of their bytes, as everywhere
        return str(choose(found, key=lambda text: text.encode())[:_TEXT_CHARACTERS])
    return _plain(choose(found))


def _plain(value: Any) -> Any:
    """As JSON can hold it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return exact_figure(value)
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None  # no -0.0
    return value
