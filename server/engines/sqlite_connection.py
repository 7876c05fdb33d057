"""A connection to SQLite that goes to its thread once for a statement.

`aiosqlite` goes there and back for each call of the DB-API: a statement is four (a cursor, what it does, its rows, the
end of the cursor), and the beginning and the end of a transaction and its return to the pool are five more. Each costs
more than most of what we ask SQLite: two threads wake each other through the kernel and wait for the interpreter's
lock. Here a statement and all its rows are one, `BEGIN` goes along with the first statement, and where nothing was
begun there is nothing to end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import aiosqlite

_T = TypeVar("_T")
_AT_ONCE = 500  # rows that come with their statement: nearly all that there are, unless a table is copied


class StatementResult(NamedTuple):
    """What a statement leaves: `rows` are the first that it has, and `cursor` has the others."""

    description: Sequence[Any] | None
    rows: list[Any]
    rowcount: int
    lastrowid: int | None
    cursor: sqlite3.Cursor | None = None


class WholeStatements(aiosqlite.Connection):
    """What SQLAlchemy asks of a connection: one thing at a time."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], begin: str) -> None:
        super().__init__(connector, _AT_ONCE)
        self._thread.daemon = True  # as SQLAlchemy has it: whoever forgets to close must not keep a program alive
        self._begin = begin
        self._is_to_begin = False
        self._may_have_begun = False

    def cursor(self) -> WholeStatement:  # type: ignore[override]
        return WholeStatement(self)

    def begin_with_next(self) -> None:
        """Nothing is read or written before the first statement: a transaction that begins with it is not late."""
        self._is_to_begin = True

    async def run(self, work: Callable[[sqlite3.Connection], StatementResult]) -> StatementResult:
        begin = self._begin if self._is_to_begin else None
        # Also when whoever asks gives up: what is at work in the thread begins nevertheless.
        self._may_have_begun, self._is_to_begin = True, False
        return await self.on_thread(partial(_begun, begin, work))

    async def commit(self) -> None:
        await self._end(sqlite3.Connection.commit)

    async def rollback(self) -> None:
        await self._end(sqlite3.Connection.rollback)

    async def _end(self, end: Callable[[sqlite3.Connection], None]) -> None:
        self._is_to_begin = False
        if self._may_have_begun:
            await self.on_thread(end)  # raises when the disk is full, and then there is still something to end
            self._may_have_begun = False

    async def on_thread(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        result: _T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return result


class ReadStatements(WholeStatements):
    """One whose transactions change nothing: nobody waits for their end, which comes before whatever is next."""

    async def _end(self, end: Callable[[sqlite3.Connection], None]) -> None:
        self._is_to_begin = False
        if self._may_have_begun:
            self._tx.put_nowait((None, partial(end, self._conn)))
            self._may_have_begun = False


class WholeStatement:
    """What SQLAlchemy asks of a cursor. Unless it has very many rows, nothing of it stays in the database."""

    def __init__(self, connection: WholeStatements) -> None:
        self.arraysize = 1
        self._connection = connection
        self._result = _NOTHING

    @property
    def description(self) -> Sequence[Any] | None:
        return self._result.description

    @property
    def rowcount(self) -> int:
        return self._result.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._result.lastrowid

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._result = await self._connection.run(partial(_one, sql, parameters))

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        self._result = await self._connection.run(partial(_many, sql, parameters))

    async def fetchall(self) -> list[Any]:
        """Those that nobody has had yet."""
        cursor, rows = self._result.cursor, self._result.rows
        if cursor is not None:
            rows = rows + await self._connection.on_thread(lambda _: cursor.fetchall())
        await self.close()
        return rows

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next `size` of them, fewer at the end."""
        size = size or self.arraysize
        cursor, rows = self._result.cursor, self._result.rows
        if cursor is not None and len(rows) < size:
            rows = rows + await self._connection.on_thread(lambda _: cursor.fetchmany(max(size, _AT_ONCE)))
        self._result = self._result._replace(rows=rows[size:])
        return rows[:size]

    async def close(self) -> None:
        cursor, self._result = self._result.cursor, self._result._replace(rows=[], cursor=None)
        if cursor is not None:
            await self._connection.on_thread(lambda _: cursor.close())


_NOTHING = StatementResult(None, [], -1, None)


def opened(path: Path, pragmas: Sequence[str]) -> sqlite3.Connection:
    """One for any thread, that begins no transaction of itself."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _begun(begin: str | None, work: Callable[[sqlite3.Connection], _T], connection: sqlite3.Connection) -> _T:
    if begin is not None:
        connection.execute(begin)
    return work(connection)


def _one(sql: str, parameters: Sequence[Any], connection: sqlite3.Connection) -> StatementResult:
    return _result_of(connection.execute(sql, parameters))


def _many(sql: str, parameters: Iterable[Sequence[Any]], connection: sqlite3.Connection) -> StatementResult:
    return _result_of(connection.executemany(sql, parameters))


def _result_of(cursor: sqlite3.Cursor) -> StatementResult:
    # First the rows: what a statement that returns some has changed is known after the last of them.
    rows = cursor.fetchmany(_AT_ONCE) if cursor.description is not None else []
    result = StatementResult(cursor.description, rows, cursor.rowcount, cursor.lastrowid)
    if len(rows) == _AT_ONCE:
        return result._replace(cursor=cursor)
    cursor.close()
    return result
