"""Tables of a PostgreSQL that others use are changed by one at a time, and whoever is in the way is named."""

from __future__ import annotations

import asyncio
import logging

import psycopg
import pytest
from sqlalchemy import text

from server.engines import postgresql_migrating
from server.engines.postgresql import PostgresqlDatabase
from server.errors import ConfigurationError
from server.storage.migrating import newest_revision
from server.storage.tables import OFTEN_CHANGED
from tests import postgresql


@pytest.fixture
def url(worker_id: str) -> str:
    return postgresql.new_database(f"migrating_{worker_id}")


async def revision(database: PostgresqlDatabase) -> str:
    async with database.read() as connection:
        return str((await connection.exec_driver_sql("select version_num from alembic_version")).scalar_one())


async def test_two_nodes_that_start_at_once_on_an_empty_database_both_do(url: str) -> None:
    nodes = [PostgresqlDatabase(url) for _ in range(3)]
    await asyncio.gather(*(node.migrate() for node in nodes))
    assert {await revision(node) for node in nodes} == {newest_revision()}
    await asyncio.gather(*(node.close() for node in nodes))


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_migrating, "_LOCK_SECONDS", 1)
    monkeypatch.setattr(postgresql_migrating, "PAUSES_SECONDS", (0.1,))


@pytest.mark.usefixtures("_impatient")
async def test_whoever_holds_a_table_is_named_and_nobody_waits_behind_us(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = PostgresqlDatabase(url)
    await database.migrate("0022")
    with psycopg.connect(url, application_name="nightly dump") as dump, caplog.at_level(logging.WARNING):
        dump.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")
        with pytest.raises(
            ConfigurationError, match=r"pid \d+ of postgres \(nightly dump, from this machine, for \d s"
        ):
            await database.migrate()
        assert "held by pid" in caplog.text
        assert await revision(database) == "0022"
        async with database.read() as connection:  # no lock of ours is left that readers would wait behind
            assert (await connection.execute(text("select count(*) from users"))).scalar_one() == 0
    await database.migrate()
    assert await revision(database) == newest_revision()
    await database.close()


@pytest.mark.usefixtures("_impatient")
async def test_whoever_upgrades_already_is_named_and_waited_for(url: str) -> None:
    database = PostgresqlDatabase(url)
    with psycopg.connect(url, application_name="jindu node a", autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", postgresql_migrating.MIGRATION)
        with pytest.raises(ConfigurationError, match="jindu node a"):
            await database.migrate()
        other.execute("SELECT pg_advisory_unlock(%s, %s)", postgresql_migrating.MIGRATION)
        await database.migrate()
    await database.close()


async def test_tables_that_change_all_the_time_are_cleaned_early_in_old_databases_and_new(url: str) -> None:
    settings = "select relname from pg_class where reloptions::text like '%%autovacuum_vacuum_scale_factor=0.02%%'"
    for revisions in (("0025", None), (None,)):
        database = PostgresqlDatabase(postgresql.new_database(str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])))
        for each in revisions:
            await database.migrate(each)
        async with database.read() as connection:
            assert set((await connection.exec_driver_sql(settings)).scalars()) == set(OFTEN_CHANGED)
        await database.close()


async def test_another_schema_than_ours_is_refused_where_somebody_else_upgrades(url: str) -> None:
    database = PostgresqlDatabase(url)
    with pytest.raises(ConfigurationError, match="no tables yet: run jindu db upgrade"):
        await database.require_newest()
    await database.migrate("0022")
    with pytest.raises(ConfigurationError, match=r"schema 0022, and this program needs .*run jindu db upgrade"):
        await database.require_newest()
    await database.migrate()
    await database.require_newest()
    async with database.write() as connection:
        await connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    for refused in (database.require_newest, database.migrate):
        with pytest.raises(ConfigurationError, match="this program is older"):
            await refused()
    await database.close()
