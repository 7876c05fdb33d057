"""What is PostgreSQL's alone: how it is reached, what it must be like, and what happens when it goes away."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import select, text

from server.app.engines import open_database
from server.clock import utc_now
from server.engines.postgresql import PostgresqlDatabase
from server.errors import ConfigurationError
from server.settings import Settings
from server.storage.database import DatabaseAway
from server.storage.tables import metadata, secrets, stream_messages, streams
from tests import postgresql


@pytest.fixture
def url(worker_id: str) -> str:
    """Of a database that belongs to somebody who may do nothing else."""
    name = f"postgresql_{worker_id}"
    address = postgresql.new_database(name)
    with psycopg.connect(address, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'jindu'").fetchone() is None:
            connection.execute("CREATE ROLE jindu LOGIN")
        connection.execute(f'ALTER DATABASE "{name}" OWNER TO jindu')
    return address.replace("//postgres:", "//jindu:")


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresqlDatabase]:
    database = PostgresqlDatabase(url)
    await database.migrate()
    yield database
    await database.close()


async def note(database: PostgresqlDatabase, name: str, value: str = "x") -> None:
    async with database.write() as connection:
        await connection.execute(secrets.insert().values(name=name, value=value, created_at=utc_now()))


async def noted(database: PostgresqlDatabase) -> dict[str, str]:
    async with database.read() as connection:
        rows = (await connection.execute(select(secrets.c.name, secrets.c.value))).all()
    return {row.name: row.value for row in rows}


def end_all_connections(url: str) -> None:
    """As a restart does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_a_restart_between_two_transactions_costs_nobody_anything(database: PostgresqlDatabase, url: str) -> None:
    await note(database, "before")
    await noted(database)
    end_all_connections(url)
    await note(database, "after")
    assert set(await noted(database)) == {"before", "after"}


async def test_a_restart_within_a_transaction_is_told_as_temporary_and_leaves_nothing(
    database: PostgresqlDatabase, url: str
) -> None:
    async def write_through_a_restart() -> None:
        async with database.write() as connection:
            await connection.execute(secrets.insert().values(name="lost", value="x", created_at=utc_now()))
            end_all_connections(url)
            await connection.execute(text("SELECT 1"))

    with pytest.raises(DatabaseAway) as raised:
        await write_through_a_restart()
    assert (raised.value.temporary, raised.value.status) == (True, 503)
    assert await noted(database) == {}


async def test_text_that_it_cannot_store_is_stored_as_near_as_can_be(database: PostgresqlDatabase) -> None:
    await note(database, "title", "a\0b \ud800 😀")
    assert await noted(database) == {"title": "a�b � 😀"}


async def test_a_dump_that_was_loaded_is_noticed(database: PostgresqlDatabase) -> None:
    assert [await database.is_cut() for _ in range(2)] == [True, False]
    async with database.write() as connection:
        for change in (metadata.drop_all, metadata.create_all):
            await connection.run_sync(change, tables=[streams, stream_messages])
    assert [await database.is_cut() for _ in range(2)] == [True, False]


async def test_a_database_of_another_encoding_is_refused_and_the_right_one_named(worker_id: str) -> None:
    wrong = PostgresqlDatabase(postgresql.new_database(f"wrong_{worker_id}", options="ENCODING 'LATIN1' LOCALE 'C'"))
    with pytest.raises(ConfigurationError, match=r"LOCALE 'C\.UTF-8'"):
        await wrong.migrate()
    await wrong.close()


async def test_a_database_that_cannot_be_reached_is_named_without_its_password() -> None:
    nowhere = PostgresqlDatabase("postgresql://jindu:the-password@127.0.0.1:1/reports?application_name=x")
    with pytest.raises(ConfigurationError, match=r"jindu:\*\*\*@127\.0\.0\.1:1/reports") as raised:
        await nowhere.migrate()
    assert "refused" in raised.value.text
    assert "the-password" not in repr(raised.value)
    await nowhere.close()


async def test_while_it_cannot_be_reached_everything_is_told_to_come_again(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = PostgresqlDatabase("postgresql://jindu:the-password@127.0.0.1:1/reports")
    for _ in range(2):
        with pytest.raises(DatabaseAway):
            await noted(nowhere)
    assert [record.levelname for record in caplog.records if record.name == "jindu.storage"] == ["ERROR"]
    assert "the-password" not in caplog.text
    await nowhere.close()


@pytest.mark.parametrize("address", ["postgresql://:the-password@:x:y/", "mysql://a:the-password@host/name"])
def test_an_address_that_is_none_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://") as raised:
        open_database(Settings(database_url=address))
    assert "the-password" not in raised.value.text


def test_without_its_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "server.engines.postgresql")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"jindu-server\[postgresql\]"):
        open_database(Settings(database_url="postgresql://host/name"))


async def test_connections_have_limits_and_a_name_and_the_address_has_the_last_word(url: str) -> None:
    joint = "&" if "?" in url else "?"
    database = PostgresqlDatabase(
        f"{url}{joint}options=-c%20statement_timeout%3D7s&keepalives_idle=9", name="jindu node meadow:8000"
    )
    settings = ("application_name", "idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout")
    shown = [f"current_setting('{name}')" for name in (*settings, "transaction_isolation", "transaction_read_only")]
    query = text(f"select {', '.join(shown)}")
    async with database.write() as connection:
        found = tuple((await connection.execute(query)).one())
    assert found == ("jindu node meadow:8000", "1min", "30s", "7s", "read committed", "off")
    async with database.read() as connection:
        assert tuple((await connection.execute(query)).one())[4:] == ("repeatable read", "on")
    await database.close()


async def test_of_two_that_wait_for_each_other_one_is_told_to_come_again_and_left_nothing(
    database: PostgresqlDatabase,
) -> None:
    for name in ("a", "b"):
        await note(database, name)
    both_have_one = asyncio.Barrier(2)

    async def change(*names: str) -> None:
        async with database.write(shared=True) as connection:
            for name in names:
                await connection.execute(secrets.update().where(secrets.c.name == name).values(value="-".join(names)))
                if name == names[0]:
                    await both_have_one.wait()

    found = await asyncio.gather(change("a", "b"), change("b", "a"), return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["DatabaseAway", "NoneType"]
    assert await noted(database) in ({"a": "a-b", "b": "a-b"}, {"a": "b-a", "b": "b-a"})
