"""A database in one file: one writer at a time, readers that cannot write, and no room told as such."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from server.clock import utc_now
from server.engines.sqlite import SqliteDatabase, is_full
from server.errors import StorageFull
from server.storage.reserve import Reserve
from server.storage.tables import secrets, tokens

MIB = 1024 * 1024


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "jindu.db")
    await database.migrate()
    yield database
    await database.close()


async def note(database: SqliteDatabase, name: str, value: str = "x") -> None:
    async with database.write() as connection:
        await connection.execute(insert(secrets).values(name=name, value=value, created_at=utc_now()))


async def count(database: SqliteDatabase) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(secrets))).scalar_one()


async def let_nothing_grow(database: SqliteDatabase) -> None:
    async with database.write() as connection:
        await connection.execute(text("PRAGMA max_page_count = 1"))  # as few as there are, that is


async def test_what_raises_changes_nothing(database: SqliteDatabase) -> None:
    async def breaks_off() -> None:
        async with database.write() as connection:
            await connection.execute(insert(secrets).values(name="a", value="x", created_at=utc_now()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaks_off()
    assert await count(database) == 0
    await note(database, "a")


async def test_writers_come_one_after_the_other_and_none_is_turned_away(database: SqliteDatabase) -> None:
    async def add_one_more() -> None:
        async with database.write() as connection:
            found = (await connection.execute(select(func.count()).select_from(secrets))).scalar_one()
            await asyncio.sleep(0)
            await connection.execute(insert(secrets).values(name=str(found), value="x", created_at=utc_now()))

    await asyncio.gather(*(add_one_more() for _ in range(50)))
    assert await count(database) == 50


async def test_a_reader_sees_one_moment_and_waits_for_no_writer(database: SqliteDatabase) -> None:
    await note(database, "a")
    async with database.read() as connection:
        before = (await connection.execute(select(func.count()).select_from(secrets))).scalar_one()
        await note(database, "b")
        after = (await connection.execute(select(func.count()).select_from(secrets))).scalar_one()
    assert (before, after, await count(database)) == (1, 1, 2)


async def test_a_reader_cannot_write(database: SqliteDatabase) -> None:
    await note(database, "a")
    with pytest.raises(OperationalError, match="readonly"):
        async with database.read() as connection:
            await connection.execute(delete(secrets))
    assert await count(database) == 1


async def test_nothing_belongs_to_somebody_who_is_not_there(database: SqliteDatabase) -> None:
    row = {"id": "t", "secret_hash": "h", "user_id": "nobody", "name": "n", "scopes": [], "created_at": utc_now()}
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await connection.execute(insert(tokens).values(row))


async def test_without_room_nothing_is_changed_and_it_is_said_once(
    database: SqliteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    await let_nothing_grow(database)
    for _ in range(3):
        with pytest.raises(StorageFull):
            await note(database, "large", "x" * MIB)
    assert await count(database) == 0
    assert [record.message for record in caplog.records if "no room to grow" in record.message] != []
    assert len([record for record in caplog.records if "no room to grow" in record.message]) == 1
    await note(database, "small")  # what fits is stored


async def test_what_was_kept_back_is_given_before_anybody_is_refused_again(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", wanted_bytes=MIB)
    reserve.take()
    database = SqliteDatabase(tmp_path / "jindu.db", reserve=reserve)
    await database.migrate()
    await let_nothing_grow(database)
    with pytest.raises(StorageFull):
        await note(database, "large", "x" * MIB)
    assert reserve.held_bytes == 0
    await database.close()


async def test_another_error_is_not_taken_for_a_full_disk(database: SqliteDatabase) -> None:
    await note(database, "a")
    with pytest.raises(IntegrityError) as raised:
        await note(database, "a")
    assert not is_full(raised.value)


async def test_migrating_twice_changes_nothing_and_a_clean_end_is_known_to_the_next_start(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "jindu.db")
    await database.migrate()
    assert await database.is_cut()  # nobody knows what was there before
    await note(database, "a")
    await database.close()
    again = SqliteDatabase(tmp_path / "jindu.db")
    await again.migrate()
    assert not await again.is_cut()
    assert await count(again) == 1
    await again.close()
