"""What is known of the database by whoever asks all the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.storage import database_watch
from server.storage.database import Database, DatabaseAway
from server.storage.database_watch import DatabaseStanding, DatabaseWatch
from server.storage.migrating import VERSION, newest_revision
from tests.waiting import until


class Counted:
    """A database as it is, or one that is away or takes its time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.looks = 0
        self.is_away = False
        self.answers = asyncio.Event()
        self.answers.set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        self.looks += 1
        await self.answers.wait()
        if self.is_away:
            raise DatabaseAway
        async with self._database.read() as connection:
            yield connection


@pytest.fixture
def counted(database: Database) -> Counted:
    return Counted(database)


async def test_a_hundred_who_ask_at_once_cost_one_look(counted: Counted) -> None:
    watch = DatabaseWatch(counted)
    assert set(await asyncio.gather(*(watch.standing() for _ in range(100)))) == {DatabaseStanding.OK}
    assert counted.looks == 1


async def test_tables_of_another_version_are_noticed_and_so_is_their_return(
    database: Database, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_watch, "_FRESH_SECONDS", 0.0)
    watch = DatabaseWatch(counted)
    for revision, wanted in (("9999", DatabaseStanding.OTHER_SCHEMA), (newest_revision(), DatabaseStanding.OK)):
        async with database.write() as connection:
            await connection.execute(update(VERSION).values(version_num=revision))
        assert await watch.standing() is wanted


async def test_one_that_is_away_is_told_so_at_once(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_watch, "_FRESH_SECONDS", 0.0)
    watch = DatabaseWatch(counted)
    counted.is_away = True
    assert await watch.standing() is DatabaseStanding.AWAY
    counted.is_away = False
    assert await watch.standing() is DatabaseStanding.OK


async def test_one_that_is_busy_is_not_away_until_it_has_been_for_long(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_watch, "_FRESH_SECONDS", 0.0)
    monkeypatch.setattr(database_watch, "_WAITED_SECONDS", 0.01)
    watch = DatabaseWatch(counted)
    counted.answers.clear()
    assert await watch.standing() is DatabaseStanding.OK
    monkeypatch.setattr(database_watch, "_PATIENCE_SECONDS", 0.0)
    assert await watch.standing() is DatabaseStanding.AWAY
    assert counted.looks == 1
    counted.answers.set()

    async def is_well() -> bool:
        return await watch.standing() is DatabaseStanding.OK

    await until(is_well)
    await watch.close()
