"""Every database: no transaction is lost, readers cannot write, migrations fit the tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from server.clock import utc_now
from server.storage import tables
from server.storage.database import Database
from server.storage.word_tables import is_beside_the_tables
from tests.contract.conftest import OpenDatabase


@pytest.fixture
async def database(open_another: OpenDatabase) -> AsyncIterator[Database]:
    database = open_another()
    await database.migrate()
    yield database
    await database.close()


async def note(database: Database, name: str) -> None:
    async with database.write() as connection:
        await connection.execute(tables.secrets.insert().values(name=name, value="x", created_at=utc_now()))


async def noted(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(tables.secrets))).scalar_one()


def is_declared(_object: object, name: str, kind: str, _is_there: bool, _other: object) -> bool:
    """All but what the engines have beside the words of `findables` (`storage/word_tables.py`)."""
    return not is_beside_the_tables(name) and (kind, name) not in {
        ("column", "vector"),
        ("index", "ix_findables_vector"),
    }


async def test_migrations_make_exactly_the_declared_tables(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"include_object": is_declared})
        return list(compare_metadata(context, tables.metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    await note(database, "kept")
    await database.migrate()
    assert await noted(database) == 1


async def test_a_reader_cannot_write(database: Database) -> None:
    async with database.read() as connection:
        with pytest.raises(DBAPIError, match=r"read-?only"):
            await connection.execute(tables.secrets.delete())


async def test_concurrent_read_then_write_transactions_all_succeed(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(tables.secrets.insert().values(name="n", value="0", created_at=utc_now()))

    async def increment() -> None:
        async with database.write() as connection:
            value = (await connection.execute(select(tables.secrets.c.value))).scalar_one()
            await connection.execute(tables.secrets.update().values(value=str(int(value) + 1)))

    await asyncio.gather(*(increment() for _ in range(100)))
    async with database.read() as connection:
        assert (await connection.execute(select(tables.secrets.c.value))).scalar_one() == "100"


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async def fail_after_writing() -> None:
        async with database.write() as connection:
            await connection.execute(tables.secrets.insert().values(name="a", value="x", created_at=utc_now()))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await fail_after_writing()
    assert await noted(database) == 0


async def test_a_cancelled_transaction_leaves_nothing_and_does_not_block_the_next(database: Database) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with database.write() as connection:
            await connection.execute(tables.secrets.insert().values(name="a", value="x", created_at=utc_now()))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(note(database, "b"), timeout=5)
    assert await noted(database) == 1


async def test_readers_see_committed_rows_while_a_writer_is_in_the_middle(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(tables.secrets.insert().values(name="a", value="x", created_at=utc_now()))
        assert await noted(database) == 0
    assert await noted(database) == 1


async def test_a_reader_sees_what_was_there_when_it_first_looked(database: Database) -> None:
    async with database.read() as connection:
        count = select(func.count()).select_from(tables.secrets)
        assert (await connection.execute(count)).scalar_one() == 0
        await note(database, "later")
        assert (await connection.execute(count)).scalar_one() == 0
    assert await noted(database) == 1


async def test_nobody_else_writes_during_a_transaction(database: Database, open_another: OpenDatabase) -> None:
    other = open_another()
    async with database.write() as connection:
        await connection.execute(tables.secrets.insert().values(name="a", value="x", created_at=utc_now()))
        waiting = [asyncio.create_task(write_after(each, "a")) for each in (database, other)]
        await asyncio.wait(waiting, timeout=0.2)
        assert not any(task.done() for task in waiting)
    assert await asyncio.gather(*waiting) == ["x", "x"]
    await other.close()


async def write_after(database: Database, name: str) -> str:
    async with database.write() as connection:
        query = select(tables.secrets.c.value).where(tables.secrets.c.name == name)
        return str((await connection.execute(query)).scalar_one())


async def test_one_that_is_shared_waits_for_one_that_is_not(database: Database) -> None:
    async def write_shared() -> int:
        async with database.write(shared=True) as connection:
            return (await connection.execute(select(func.count()).select_from(tables.secrets))).scalar_one()

    async with database.write() as connection:
        waiting = asyncio.create_task(write_shared())
        await asyncio.wait([waiting], timeout=0.1)
        await connection.execute(tables.secrets.insert().values(name="a", value="x", created_at=utc_now()))
        assert not waiting.done()
    assert await waiting == 1


async def test_text_of_all_kinds_comes_back_as_it_was(database: Database) -> None:
    for number, value in enumerate(("", "王小明", "😀", "a'b\"c\\", "\r\n\t", "\u202e")):
        async with database.write() as connection:
            await connection.execute(
                tables.secrets.insert().values(name=str(number), value=value, created_at=utc_now())
            )
        async with database.read() as connection:
            query = select(tables.secrets.c.value).where(tables.secrets.c.name == str(number))
            assert (await connection.execute(query)).scalar_one() == value


async def test_names_come_in_the_order_of_their_code_points(database: Database) -> None:
    names = ["b", "B", "a", "_", "é", "z", "aa", "a_", "王", "-a"]
    for name in names:
        await note(database, name)
    async with database.read() as connection:
        found = await connection.execute(select(tables.secrets.c.name).order_by(tables.secrets.c.name))
        assert list(found.scalars()) == sorted(names)


async def test_it_goes_on_after_an_orderly_stop_and_after_none(open_another: OpenDatabase) -> None:
    first = open_another()
    await first.migrate()
    assert await first.is_cut()  # there is no telling: it is new
    await first.close()
    second = open_another()
    await second.migrate()
    assert not await second.is_cut()  # and is left as a killed process leaves it
    third = open_another()
    await third.migrate()
    assert not await third.is_cut()
    for database in (second, third):
        await database.close()
