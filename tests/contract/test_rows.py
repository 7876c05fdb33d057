"""What a unique key decides, on every database: who was first, and what everybody else finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import delete, select

from server.clock import utc_now
from server.storage.database import Database
from server.storage.rows import insert_missing, insert_or_get
from server.storage.tables import secrets
from tests.contract.conftest import OpenDatabase


@pytest.fixture
async def database(open_another: OpenDatabase) -> AsyncIterator[Database]:
    database = open_another()
    yield database
    await database.close()


def row(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "created_at": utc_now()}


async def test_the_first_one_is_inserted_and_the_others_get_it(database: Database) -> None:
    async with database.write() as connection:
        first, is_new = await insert_or_get(connection, secrets, row("a", "first"), key=("name",))
        assert (first.value, is_new) == ("first", True)
    async with database.write() as connection:
        again, is_new = await insert_or_get(connection, secrets, row("a", "second"), key=("name",))
        assert (again.value, is_new) == ("first", False)
        other, is_new = await insert_or_get(connection, secrets, row("b", "second"), key=("name",))
        assert (other.value, is_new) == ("second", True)


async def test_one_that_is_gone_can_be_inserted_again(database: Database) -> None:
    async with database.write() as connection:
        await insert_or_get(connection, secrets, row("a", "first"), key=("name",))
        await connection.execute(delete(secrets))
        again, is_new = await insert_or_get(connection, secrets, row("a", "second"), key=("name",))
    assert (again.value, is_new) == ("second", True)


async def test_only_those_that_are_missing_are_added(database: Database) -> None:
    async with database.write() as connection:
        await insert_missing(connection, secrets, [], key=("name",))
        await insert_missing(connection, secrets, [row("a", "1"), row("b", "1")], key=("name",))
        await insert_missing(connection, secrets, [row("b", "2"), row("c", "2")], key=("name",))
    async with database.read() as connection:
        found = await connection.execute(select(secrets.c.name, secrets.c.value).order_by(secrets.c.name))
        assert [tuple(each) for each in found] == [("a", "1"), ("b", "1"), ("c", "2")]
