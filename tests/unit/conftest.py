"""A real database with two people in it, without a server around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from server.clock import utc_now
from server.storage.database import Database
from server.storage.tables import users
from tests.databases import EmptyDatabase, opened_in


@pytest.fixture
async def database(tmp_path: Path, empty_database: EmptyDatabase) -> AsyncIterator[Database]:
    """Alice and Bob may own things in it."""
    database = opened_in(tmp_path, empty_database)
    async with database.write() as connection:
        people = [
            {"id": name, "name": name, "name_key": name, "password_hash": "", "role": "editor", "created_at": utc_now()}
            for name in ("alice", "bob")
        ]
        await connection.execute(insert(users), people)
    yield database
    await database.close()
