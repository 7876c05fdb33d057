"""PostgreSQL is killed, fails over, or hangs behind a line that stays open: it is told in time, and then it goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import func, insert, select, text

from server.clock import new_id, utc_now
from server.engines.postgresql import PostgresqlDatabase
from server.storage.database import Database, DatabaseAway
from server.storage.tables import secrets
from tests.freezing import FreezingLine, freezing_line
from tests.postgresql import OwnServer, own_server

PATIENCE = 0.5  # with it, nothing takes longer than two attempts of libpq's shortest, 2 seconds each


@pytest.fixture(scope="module")
def own(worker_id: str) -> Iterator[OwnServer]:
    with own_server(f"line-{worker_id}") as server:
        yield server


@pytest.fixture
def url(own: OwnServer) -> str:
    return own.new_database(f"line_{new_id()}")


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresqlDatabase]:
    database = PostgresqlDatabase(url, patience_seconds=PATIENCE)
    await database.migrate()
    yield database
    await database.close()


async def note(database: Database) -> None:
    async with database.write(shared=True) as connection:
        await connection.execute(insert(secrets).values(name=new_id(), value="x", created_at=utc_now()))


async def noted(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(secrets))).scalar_one()


async def used(database: Database) -> None:
    """By as many at once as there are connections, and some more."""
    await asyncio.gather(*(note(database) for _ in range(6)), *(noted(database) for _ in range(6)))


async def test_after_it_was_killed_and_started_again_nobody_meets_an_error(
    own: OwnServer, database: PostgresqlDatabase
) -> None:
    await used(database)
    await asyncio.to_thread(own.kill)
    for attempt in (note, noted):
        with pytest.raises(DatabaseAway):
            await attempt(database)
    await asyncio.to_thread(own.start)
    await used(database)
    assert await noted(database) == 12


@pytest.fixture
async def line(own: OwnServer) -> AsyncIterator[FreezingLine]:
    async with freezing_line(own.port) as line:
        yield line


@pytest.fixture
async def behind(own: OwnServer, url: str, line: FreezingLine) -> AsyncIterator[PostgresqlDatabase]:
    """The same, reached through a line that may freeze."""
    database = PostgresqlDatabase(url.replace(f":{own.port}/", f":{line.port}/"), patience_seconds=PATIENCE)
    await database.migrate()
    yield database
    line.thaw()
    await database.close()


async def test_a_line_that_stays_open_with_nobody_behind_it_is_dropped(
    behind: PostgresqlDatabase, line: FreezingLine
) -> None:
    await used(behind)
    line.freeze()
    began = time.monotonic()
    outcomes = await asyncio.gather(
        *(note(behind) for _ in range(4)), *(noted(behind) for _ in range(4)), return_exceptions=True
    )
    assert [type(each) for each in outcomes] == [DatabaseAway] * 8
    assert time.monotonic() - began < 15
    line.thaw()
    await used(behind)


async def test_in_the_middle_of_a_transaction_too(behind: PostgresqlDatabase, line: FreezingLine) -> None:
    async def freeze_between_two_statements() -> None:
        async with behind.write() as connection:
            await connection.execute(select(1))
            line.freeze()
            await connection.execute(select(2))

    with pytest.raises(DatabaseAway):
        async with asyncio.timeout(10):
            await freeze_between_two_statements()
    line.thaw()
    await used(behind)


async def test_a_request_that_is_given_up_meanwhile_does_not_hang_either(
    behind: PostgresqlDatabase, line: FreezingLine
) -> None:
    await used(behind)
    line.freeze()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await noted(behind)
    line.thaw()
    await used(behind)


async def test_what_only_takes_long_is_waited_for(database: PostgresqlDatabase) -> None:
    async with database.read() as connection:
        assert (await connection.execute(text(f"select 1 from pg_sleep({PATIENCE * 4})"))).scalar_one() == 1


async def test_what_turned_into_a_standby_is_left_with_all_its_lines(
    own: OwnServer, database: PostgresqlDatabase
) -> None:
    await used(database)
    own.execute("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    try:
        async with asyncio.timeout(10):
            while True:  # until the backends have heard of it
                try:
                    await note(database)
                except DatabaseAway:
                    break
        with pytest.raises(DatabaseAway):  # and it is not taken for the primary when it is connected to anew
            await note(database)
    finally:
        own.execute("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
    async with asyncio.timeout(10):
        while True:
            try:
                await used(database)
            except DatabaseAway:
                continue
            break
