"""Read-only SQL over datasets, in a DuckDB that can reach nothing but their files. For worker processes only.

The limits here stop honest mistakes at once and clearly; hostile queries are stopped by the process around them.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from server.datasets.dataset import path_of
from server.datasets.query_clock import SEED, clock_statements
from server.datasets.query_errors import query_error
from server.datasets.query_names import names_read, with_owners
from server.datasets.query_values import ColumnTypes, columns_of, told_whole, without_end
from server.datasets.schema import Column
from server.datasets.sql_text import literal, quoted
from server.datasets.work import NamesRead, QueryLimits, QueryResult, unique_names
from server.errors import InvalidInput

_MAX_SQL_CHARACTERS = 100_000
_KEPT = "drawn_rows_"
_RANDOM = re.compile(
    r"\b(?:random|uuid|gen_random_uuid|uuidv4|uuidv7)\s*\(|\busing\s+sample\b|\btablesample\b", re.IGNORECASE
)
_CHUNK_ROWS = 128  # rows that are Python objects at once, at most; first one, since one may be large
_MOST_STATEMENTS = 200  # that a session remembers
_SQL_TYPES = {
    "text": "varchar",
    "integer": "bigint",
    "float": "double",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamp",
    "timestamp": "timestamptz",
}


class RowStream:
    """Rows of a running query, up to its limit; `truncated`, once all are read, says whether there were more."""

    def __init__(self, cursor: Any, columns: list[tuple[str, str]], limits: QueryLimits, until: float) -> None:
        self._cursor = cursor
        self._limits = limits
        self._until = until
        self.columns = columns
        self.truncated = False

    @property
    def names(self) -> list[str]:
        return [name for name, _type in self.columns]

    def chunks(self) -> Iterator[list[tuple[Any, ...]]]:
        """Raises `InvalidInput` when reading them takes too long."""
        left, size = self._limits.rows, 1
        while rows := self._cursor.fetchmany(min(size, left + 1)):
            if time.monotonic() > self._until:
                raise _too_long(self._limits.seconds)
            self.truncated = len(rows) > left
            yield rows[:left]
            left -= len(rows)
            if left < 0:
                return
            size = min(2 * size, _CHUNK_ROWS)


@dataclass(frozen=True, slots=True)
class _Statement:
    """`parameters` are names of its values, `reads` those of datasets; `columns` what it gives, by types of values."""

    parameters: Any
    reads: set[str]
    is_multi: bool
    columns: dict[tuple[type, ...], ColumnTypes] = field(default_factory=dict)


class QuerySession:
    """One view a dataset; made once and used for several queries, one at a time."""

    def __init__(
        self,
        datasets: Mapping[str, Sequence[Any]],
        limits: QueryLimits,
        *,
        known: Sequence[str] = (),
        now: datetime | None = None,
    ) -> None:
        """With `now` (aware) its statements take that for the present moment, and count days in its zone."""
        self._limits = limits
        self._names = list(dict.fromkeys((*known, *datasets)))
        self._statements: dict[str, _Statement] = {}
        self._kept: list[str] = []  # tables of ours
        self._above = 0  # lines of ours above the statement that runs
        self._ever_kept = 0
        self.read: set[str] = set()  # datasets that were read so far
        # One thread: as many queries as there are worker processes run side by side already.
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": f"{limits.memory_mib}MiB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,  # a name must never be a variable of this process
        }
        self._connection = duckdb.connect(":memory:", config=settings)
        for name, source in datasets.items():
            *owner, last = path_of(name)
            for schema in owner:  # of somebody else's, which is read as "mei"."orders"
                self._connection.execute(f"create schema if not exists {quoted(schema)}")
            view = ".".join(map(quoted, (*owner, last)))
            self._connection.execute(f"create view {view} as {self._select(source)}")
        self._execute_all((*clock_statements(now), SEED) if now else ("set timezone = 'UTC'",))
        self._lock(datasets)

    def __enter__(self) -> QuerySession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> QueryResult:
        """The rows of one SELECT-like statement; values that it does not name are left aside.

        Raises `InvalidInput` with the code `query_error` (`line` and `column` among its parameters when known),
        `query_forbidden`, `query_too_long` or `query_too_large`.
        """
        with self._running(sql, parameters or {}) as (cursor, columns):
            rows = cursor.fetchmany(self._limits.rows + 1)
        return QueryResult(columns=columns, rows=rows[: self._limits.rows], truncated=len(rows) > self._limits.rows)

    @contextmanager
    def stream(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[RowStream]:
        """The same row by row, for answers that need not be in memory at once. Raises what `execute` does."""
        until = time.monotonic() + self._limits.seconds
        with self._running(sql, parameters or {}) as (cursor, columns):
            yield RowStream(cursor, columns, self._limits, until)

    def batches(self, sql: str, parameters: Mapping[str, Any], *, rows: int) -> Iterator[Any]:
        """All rows as Arrow batches, in the types of the files; whatever Python has not stays as it is."""
        bound = self._bound(sql, parameters)
        with self._limited(sql):
            self._connection.fetchall()  # what was asked to check the names is not read to its end
            found: Any = self._connection.sql(sql, params=bound)
            yield from found.to_arrow_reader(rows)

    def kept(self, sql: str, parameters: Mapping[str, Any]) -> str:
        """A statement that gives the rows of this one as they are now, however often: of what is drawn at random."""
        bound = self._bound(sql, parameters)
        columns = self._columns(sql, bound)
        if not columns:  # of no part of other statements
            return sql
        self._ever_kept += 1  # no name comes twice: what is known of statements is known by their text
        name = f"{_KEPT}{self._ever_kept}"
        called = ", ".join(map(quoted, unique_names([column for column, _type in columns])))
        drawn = f"select * from (\n{without_end(sql)}\n) as drawn({called})"  # noqa: S608 – the statement itself
        with self._limited(sql):
            self._above = 1
            self._connection.execute(f"create temp table {name} as {drawn}", bound)
        self._kept.append(name)
        return f"select * from {name}"  # noqa: S608 – ours

    def names(self, sql: str, owned: Mapping[str, str]) -> NamesRead:
        """Which datasets it reads, as `query_names.with_owners` has them; they need not be here."""
        kind = self._only_statement(sql, owned).type
        read = names_read(self._connection, sql, kind, owned)
        return NamesRead(read=sorted(read), sql=with_owners(self._connection, sql, kind, owned))

    def run_own(self, sql: str) -> list[tuple[Any, ...]]:
        """A statement that is none of a user's, and may make temporary tables; within the same limits."""
        with self._limited(sql):
            return self._connection.execute(sql).fetchall()

    @contextmanager
    def _running(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[tuple[Any, ColumnTypes]]:
        """The cursor, and the names and types of its columns."""
        bound = self._bound(sql, parameters)
        with self._limited(sql):
            yield self._begun(sql, bound)

    @contextmanager
    def _limited(self, sql: str) -> Iterator[None]:
        timer = threading.Timer(self._limits.seconds, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        self._above = 0
        try:
            yield
        except duckdb.InterruptException:
            raise _too_long(self._limits.seconds) from None
        except duckdb.OutOfMemoryException:
            raise InvalidInput(
                "The query needs more than {limit} MiB of memory; ask for less, or group and filter earlier.",
                code="query_too_large",
                limit=self._limits.memory_mib,
            ) from None
        except duckdb.Error as error:
            raise query_error(str(error), sql, self._names, above=self._above) from None
        finally:
            timer.cancel()

    def _begun(self, sql: str, bound: Mapping[str, Any]) -> tuple[Any, ColumnTypes]:
        columns = self._columns(sql, bound)
        whole = told_whole(sql, columns)
        if whole is not None:
            with suppress(duckdb.BinderException, duckdb.ParserException):  # of a statement that is no part of others
                self._above = 1
                return self._connection.execute(whole, bound), columns
            self._above = 0
        cursor = self._connection.execute(sql, bound)
        return cursor, [(column[0], str(column[1])) for column in cursor.description or ()]

    def _columns(self, sql: str, bound: Mapping[str, Any]) -> ColumnTypes:
        """Those of a statement depend on the types of its values; of a PIVOT on the values themselves."""
        statement, key = self._statements[sql], tuple(map(type, bound.values()))
        if statement.is_multi:
            return columns_of(self._connection, sql, bound)
        if key not in statement.columns:
            statement.columns[key] = columns_of(self._connection, sql, bound)
        return statement.columns[key]

    def renew(self) -> None:
        """As if nothing had been asked yet."""
        self.read = set()
        self._execute_all(f"drop table {name}" for name in self._kept)
        self._kept = []
        self._connection.execute(SEED)

    def close(self) -> None:
        self._connection.close()

    def _select(self, source: Sequence[Any]) -> str:
        files = ", ".join(literal(path) for path in source)
        return f"select * from read_parquet([{files}], union_by_name = true)"  # noqa: S608 – quoted

    def _lock(self, datasets: Mapping[str, Sequence[Any]]) -> None:
        paths = ", ".join(literal(path) for source in datasets.values() for path in source if isinstance(path, Path))
        self._execute_all(
            (
                "set enable_progress_bar = false",  # it would be drawn into our log
                "set parquet_metadata_cache = true",  # files of datasets never change
                f"set allowed_paths = [{paths}]",
                "set temp_directory = ''",
                "set enable_external_access = false",
                "set lock_configuration = true",
            )
        )

    def _execute_all(self, statements: Iterable[str]) -> None:
        self._connection.execute("; ".join(statements))

    def _bound(self, sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if sql not in self._statements:
            if len(self._statements) >= _MOST_STATEMENTS:
                self._statements.clear()
            self._statements[sql] = self._looked_at(sql)
        statement = self._statements[sql]
        self.read |= statement.reads
        return _values_of(statement.parameters, parameters)

    def _looked_at(self, sql: str) -> _Statement:
        """Whether it may run is asked once: the reports of a batch run the same statements with other values."""
        statement = self._only_statement(sql, self._names)
        return _Statement(
            parameters=statement.named_parameters,
            reads=names_read(self._connection, sql, statement.type, [*self._names, *self._kept]),
            is_multi=statement.type == duckdb.StatementType.MULTI,
        )

    def _only_statement(self, sql: str, names: Collection[str]) -> duckdb.Statement:
        if len(sql) > _MAX_SQL_CHARACTERS:
            raise InvalidInput(
                "A query has at most {limit} characters.", code="query_too_large", limit=_MAX_SQL_CHARACTERS
            )
        try:
            statements = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise query_error(str(error), sql, names) from None
        if not statements:
            raise InvalidInput("The query is empty; write a SELECT statement.", code="query_error")
        if len(statements) > 1:
            raise InvalidInput(
                "Only one statement can run at a time; remove what follows the first.", code="query_error"
            )
        statement = statements[0]
        if statement.type not in (duckdb.StatementType.SELECT, duckdb.StatementType.MULTI):
            raise InvalidInput("Queries can only read: write a SELECT statement.", code="query_forbidden")
        return statement


class SchemaSession(QuerySession):
    """Views without rows, over columns instead of files: to check statements, not to run them."""

    def _select(self, source: Sequence[Any]) -> str:
        columns = ", ".join(f"null::{_sql_type(column)} as {quoted(column.name)}" for column in source)
        return f"select {columns} where false"


def _sql_type(column: Column) -> str:
    if column.type == "decimal":
        return f"decimal({column.precision or 18}, {column.scale or 0})"
    return _SQL_TYPES.get(column.type, "varchar")


def draws_at_random(sql: str) -> bool:
    """Whether it may give other rows when it runs again."""
    return _RANDOM.search(sql) is not None


def _too_long(seconds: float) -> InvalidInput:
    return InvalidInput(
        "The query took longer than {seconds} seconds; ask for less, or group and filter earlier.",
        code="query_too_long",
        seconds=seconds,
    )


def _values_of(names: set[str], parameters: Mapping[str, Any]) -> dict[str, Any]:
    if any(name.isdecimal() for name in names):
        raise InvalidInput("Name the parameters of a query ($region), “?” cannot be used.", code="query_error")
    given = {name.lower(): value for name, value in parameters.items()}
    missing = sorted(name for name in names if name.lower() not in given)
    if missing:
        raise InvalidInput(
            "The query asks for ${name}, but there is no such parameter.", code="query_error", name=missing[0]
        )
    return {name: given[name.lower()] for name in names}
