"""A real database with Alice and Bob in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from server.auth.permissions import Role
from server.auth.users import User, UserStore
from server.clock import new_id, utc_now
from server.storage.database import Database
from tests.databases import EmptyDatabase, opened_in


@dataclass
class MovableClock:
    """Time that passes when a test says so."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment

    def pass_time(self, **units: float) -> None:
        self.moment += timedelta(**units)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(utc_now())


@pytest.fixture
async def database(tmp_path: Path, empty_database: EmptyDatabase) -> AsyncIterator[Database]:
    database = opened_in(tmp_path, empty_database)
    yield database
    await database.close()


async def _add(database: Database, name: str) -> User:
    user = User(id=new_id(), name=name, role=Role.EDITOR, password_hash="", created_at=utc_now())
    async with database.write() as connection:
        assert await UserStore(database).add(connection, user) is None
    return user


@pytest.fixture
async def alice(database: Database) -> User:
    return await _add(database, "Alice")


@pytest.fixture
async def bob(database: Database) -> User:
    return await _add(database, "Bob")
