"""A connection to SQLite: once to its thread for a statement, and transactions that end whatever becomes of them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from unittest import mock

import pytest

from server.engines.sqlite_connection import ReadStatements, WholeStatements, opened
from tests.waiting import until

_BUSY = "database is locked"
_SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        connection.execute("INSERT INTO t (name) VALUES ('a'), ('b')")
    connection.close()
    return path


@asynccontextmanager
async def connected(
    path: Path, kind: type[WholeStatements] = WholeStatements, begin: str = "BEGIN IMMEDIATE"
) -> AsyncIterator[WholeStatements]:
    connection = kind(partial(opened, path, ("busy_timeout=0",)), begin)
    assert await connection is connection
    try:
        yield connection
    finally:
        await connection.close()


async def rows_of(connection: WholeStatements, sql: str) -> list[tuple[object, ...]]:
    async with connection.cursor() as cursor:
        await cursor.execute(sql)
        return await cursor.fetchall()


async def test_a_transaction_of_one_statement_goes_to_the_thread_once_and_once_to_end(path: Path) -> None:
    async with connected(path) as connection:
        with mock.patch.object(connection, "_tx", wraps=connection._tx) as ways:
            connection.begin_with_next()
            assert await rows_of(connection, "SELECT name FROM t ORDER BY id") == [("a",), ("b",)]
            await connection.commit()
            await connection.rollback()  # as the pool does with each that comes back
            assert ways.put_nowait.call_count == 2


async def test_what_begins_without_a_statement_ends_without_a_word(path: Path) -> None:
    async with connected(path) as connection, connected(path) as other:
        connection.begin_with_next()
        await connection.commit()
        other.begin_with_next()
        await rows_of(other, "INSERT INTO t (name) VALUES ('c')")  # nobody is in its way
        assert await rows_of(connection, "SELECT count(*) FROM t") == [(2,)]  # and it begins nothing late
        await other.commit()
        assert await rows_of(connection, "SELECT count(*) FROM t") == [(3,)]


async def test_what_a_statement_says_is_known_after_its_rows(path: Path) -> None:
    async with connected(path) as connection, connection.cursor() as cursor:
        await cursor.execute("INSERT INTO t (name) VALUES ('c'), ('d') RETURNING name")
        assert (cursor.rowcount, cursor.lastrowid) == (2, 4)
        assert cursor.description is not None
        assert [each[0] for each in cursor.description] == ["name"]
        assert await cursor.fetchall() == [("c",), ("d",)]
        assert await cursor.fetchall() == []
        await cursor.executemany("UPDATE t SET name = name || ? WHERE id = ?", [("!", 1), ("?", 2)])
        assert (cursor.rowcount, cursor.description) == (2, None)


async def test_an_error_is_its_own_and_the_transaction_goes_back(path: Path) -> None:
    async with connected(path) as connection:
        connection.begin_with_next()
        await rows_of(connection, "INSERT INTO t (name) VALUES ('c')")
        with pytest.raises(sqlite3.IntegrityError, match=r"t\.name"):
            await rows_of(connection, "INSERT INTO t (name) VALUES ('a')")
        await connection.rollback()
        assert await rows_of(connection, "SELECT count(*) FROM t") == [(2,)]


async def test_a_transaction_that_cannot_end_can_still_go_back(path: Path) -> None:
    async with connected(path) as connection, connected(path) as other:
        connection.begin_with_next()
        await rows_of(connection, "INSERT INTO t (name) VALUES ('c')")
        full = sqlite3.OperationalError("database or disk is full")
        with mock.patch.object(connection, "on_thread", side_effect=full), pytest.raises(sqlite3.OperationalError):
            await connection.commit()
        await connection.rollback()
        other.begin_with_next()
        assert await rows_of(other, "SELECT count(*) FROM t") == [(2,)]


async def test_who_gives_up_a_statement_leaves_no_transaction(path: Path) -> None:
    async with connected(path) as connection, connected(path) as other:
        connection.begin_with_next()
        asked = asyncio.create_task(rows_of(connection, _SLOW))
        await asyncio.sleep(0)  # now the thread has it
        asked.cancel()
        await connection.rollback()  # comes after it
        other.begin_with_next()
        await rows_of(other, "INSERT INTO t (name) VALUES ('c')")
        await other.commit()


async def test_a_reader_is_gone_for_whoever_comes_after_it(path: Path) -> None:
    async with connected(path, ReadStatements, "BEGIN") as reader, connected(path) as writer:
        reader.begin_with_next()
        assert await rows_of(reader, "SELECT count(*) FROM t") == [(2,)]
        await rows_of(writer, "INSERT INTO t (name) VALUES ('c')")
        assert await rows_of(reader, "SELECT count(*) FROM t") == [(2,)]  # it reads what was when it began
        await reader.commit()
        assert await rows_of(reader, "SELECT count(*) FROM t") == [(3,)]

        async def is_copied_back() -> bool:
            (busy, _pages, _copied) = (await rows_of(writer, "PRAGMA wal_checkpoint(TRUNCATE)"))[0]
            return busy == 0

        await until(is_copied_back)


async def test_what_waits_for_a_lock_is_told_with_its_first_statement(path: Path) -> None:
    async with connected(path) as connection, connected(path) as other:
        connection.begin_with_next()
        await rows_of(connection, "SELECT 1")
        other.begin_with_next()
        with pytest.raises(sqlite3.OperationalError, match=_BUSY):
            await rows_of(other, "SELECT 1")


async def test_a_table_is_read_piece_by_piece_or_whole(path: Path) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1700) SELECT i FROM n"
    all_of_them = [(number,) for number in range(1, 1701)]
    async with connected(path) as connection:
        assert await rows_of(connection, numbers) == all_of_them
        async with connection.cursor() as cursor:
            await cursor.execute(numbers)
            pieces = [await cursor.fetchmany(size) for size in (1, 300, 700, 699, 5)]
            assert [len(piece) for piece in pieces] == [1, 300, 700, 699, 0]
            assert [row for piece in pieces for row in piece] == all_of_them
        async with connection.cursor() as cursor:
            await cursor.execute(numbers)
            assert await cursor.fetchmany(1600) == all_of_them[:1600]
            assert await cursor.fetchall() == all_of_them[1600:]
        async with connection.cursor() as cursor:
            await cursor.execute(numbers)  # and nobody wants them
        connection.begin_with_next()
        async with connection.cursor() as cursor:
            await cursor.execute(f"INSERT INTO t (name) {numbers} RETURNING id")
            assert len(await cursor.fetchall()) == 1700
        await connection.commit()
        assert await rows_of(connection, "SELECT count(*) FROM t") == [(1702,)]
