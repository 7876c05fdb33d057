"""The database: one writer that loses no transaction, readers that cannot write, migrations that fit the tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from server.clock import utc_now
from server.storage import tables
from server.storage.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}")
    await database.migrate()
    yield database
    await database.close()


async def note(database: Database, name: str) -> None:
    async with database.write() as connection:
        await connection.execute(tables.secrets.insert().values(name=name, value="x", created_at=utc_now()))


async def noted(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(tables.secrets))).scalar_one()


async def test_migrations_make_exactly_the_declared_tables(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    await note(database, "kept")
    await database.migrate()
    assert await noted(database) == 1


async def test_a_reader_cannot_write(database: Database) -> None:
    async with database.read() as connection:
        with pytest.raises(OperationalError, match="readonly"):
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
