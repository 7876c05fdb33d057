"""Every row of a database comes to another engine and back as it was, or the target stays empty."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from server.app.engines import open_database
from server.care.copying import CopiedDatabase, copy_database
from server.care.database_status import status_of
from server.care.problem import CareRefused
from server.clock import utc_now
from server.errors import ConfigurationError
from server.realtime.history import History
from server.settings import Settings
from server.storage.database import NODE, Database
from server.storage.tables import metadata, secrets, streams
from tests import postgresql
from tests.unit.care.made_up_data import MadeUpData


@pytest.fixture
def url(worker_id: str) -> str:
    """An empty one."""
    return postgresql.new_database(f"copied_{worker_id}")


@asynccontextmanager
async def opened(*, url: str = "", data: Path = Path(), name: str = "test") -> AsyncIterator[Database]:
    database = open_database(Settings(data=data, database_url=url), name=name)
    try:
        yield database
    finally:
        await database.close()


async def copied(source: Database, target: Database, **more: bool) -> CopiedDatabase:
    return await copy_database(source, target, **more)


async def count(database: Database) -> int:
    async with database.read() as connection:
        return sum(
            [
                (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                for table in metadata.sorted_tables
            ]
        )


async def test_every_value_comes_there_and_back(data: MadeUpData, url: str, tmp_path: Path) -> None:
    before = data.rows()
    async with opened(data=data.path) as source, opened(url=url) as target:
        there = await copied(source, target)
        assert there.row_count == 2 * len(metadata.tables)
    (tmp_path / "back").mkdir()
    async with opened(url=url) as source, opened(data=tmp_path / "back") as target:
        back = await copied(source, target)
    expected = dict(there.tables)
    del expected["secrets"], expected["streams"]
    assert {name: back.tables[name] for name in expected} == expected
    after = MadeUpData(tmp_path / "back").rows()
    assert [row for row in after.pop("secrets") if row[0] != "postgresql_identity"] == before.pop("secrets")
    assert after == before


async def positions(database: Database) -> dict[str, tuple[str, int]]:
    async with database.read() as connection:
        found = await connection.execute(select(streams.c.user_id, streams.c.epoch, streams.c.offset))
        return {row.user_id: (row.epoch, row.offset) for row in found}


async def served_once(data: MadeUpData) -> None:
    """As a server does that starts and stops in an orderly way."""
    async with opened(data=data.path) as database:
        await database.migrate()
        if await database.is_cut():
            await History(database).cut_all()


async def test_streams_go_on_in_the_copy_and_begin_anew_in_what_was_left(data: MadeUpData, url: str) -> None:
    await served_once(data)
    async with opened(data=data.path) as source, opened(url=url) as target:
        before = await positions(source)
        await copied(source, target)
        assert await positions(target) == before
    async with opened(url=url) as target:
        await target.migrate()
        assert not await target.is_cut()
    async with opened(data=data.path) as source:
        await source.migrate()
        assert await source.is_cut()


async def test_what_may_be_lost_in_the_source_is_not_covered_up(data: MadeUpData, url: str) -> None:
    async with opened(data=data.path) as source, opened(url=url) as target:  # nobody knows where its file comes from
        before = await positions(source)
        await copied(source, target)
        assert not {epoch for epoch, _ in before.values()} & {epoch for epoch, _ in (await positions(target)).values()}


async def test_numbers_that_the_database_counts_go_on(data: MadeUpData, url: str) -> None:
    async with opened(data=data.path) as source, opened(url=url) as target:
        await copied(source, target)
        for name in ("audit", "job_log"):
            table = metadata.tables[name]
            async with target.write() as connection:
                last = (await connection.execute(select(func.max(table.c.id)))).scalar_one()
                row = dict((await connection.execute(select(table).limit(1))).mappings().one())
                del row["id"]
                new = await connection.execute(insert(table).values(row).returning(table.c.id))
                assert new.scalar_one() == last + 1


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE jobs SET message = 'a' || char(0) || 'b' WHERE id LIKE '1%'",
            r"jobs\.message in the row 1{26} has .*NUL",
        ),
        (
            "UPDATE users SET time_zone = printf('%.70c', 'x') WHERE id LIKE '0%'",
            r"users\.time_zone in the row 0{26} .* 64",
        ),
        ("UPDATE query_runs SET rows = 3000000000", r"query_runs\.rows in the row 0{26} has the number 3000000000"),
    ],
)
async def test_what_postgresql_cannot_store_is_named_with_its_place(
    data: MadeUpData, url: str, statement: str, said: str
) -> None:
    data.execute(statement)
    async with opened(data=data.path) as source, opened(url=url) as target:
        with pytest.raises(CareRefused, match=said):
            await copied(source, target)
        assert await count(target) == 0


async def test_json_that_is_none_is_told_by_its_line(data: MadeUpData, url: str) -> None:
    data.execute("UPDATE jobs SET detail = 'NaN'")
    async with opened(data=data.path) as source, opened(url=url) as target:
        with pytest.raises(CareRefused, match=r"nothing was kept.*COPY jobs, line 1, column detail"):
            await copied(source, target)
        assert await count(target) == 0


async def test_nul_can_be_replaced_as_the_server_does(data: MadeUpData, url: str) -> None:
    data.execute("UPDATE jobs SET message = 'a' || char(0) || 'b'")
    async with opened(data=data.path) as source, opened(url=url) as target:
        await copied(source, target, replaces_nul=True)
        async with target.read() as connection:
            table = metadata.tables["jobs"]
            assert set((await connection.execute(select(table.c.message))).scalars()) == {"a�b"}


async def test_only_an_empty_database_of_another_place_is_filled(data: MadeUpData, url: str) -> None:
    async with opened(data=data.path) as source, opened(url=url) as target:
        await target.migrate()
        async with target.write() as connection:
            await connection.execute(insert(secrets).values(name="x", value="y", created_at=utc_now()))
        with pytest.raises(CareRefused, match="not empty"):
            await copied(source, target)
        with pytest.raises(CareRefused, match="name another"):
            await copied(source, source)


async def test_another_schema_is_not_copied(data: MadeUpData, url: str) -> None:
    data.execute("UPDATE alembic_version SET version_num = '0001'")
    async with opened(data=data.path) as source, opened(url=url) as target:
        with pytest.raises(ConfigurationError, match="jindu db upgrade"):
            await copied(source, target)


async def test_a_node_that_serves_either_is_found(data: MadeUpData, url: str) -> None:
    async with opened(url=url, name=f"{NODE}meadow:8000") as node, opened(url=url) as target:
        await node.migrate()
        assert await count(node) == 0  # and keeps the connection
        async with opened(data=data.path) as source:
            for pair in ((source, target), (target, source)):
                with pytest.raises(CareRefused, match="jindu node meadow:8000 is connected"):
                    await copied(*pair)


async def test_a_difference_is_found_and_nothing_kept(data: MadeUpData, url: str) -> None:
    """PostgreSQL itself changes what it is given, as a wrong conversion would."""
    async with opened(data=data.path) as source, opened(url=url) as target:
        await target.migrate()
        async with target.write() as connection:
            await connection.exec_driver_sql(
                "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN NEW.progress := NEW.progress + 1; RETURN NEW; END $$"
            )
            await connection.exec_driver_sql(
                "CREATE TRIGGER change BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION change()"
            )
        with pytest.raises(CareRefused, match="jobs was read with 2 rows and sum"):
            await copied(source, target)
        assert await count(target) == 0


async def test_how_it_stands_is_told_on_both(data: MadeUpData, url: str) -> None:
    async with opened(data=data.path) as source, opened(url=url) as target:
        empty = await status_of(target)
        assert (empty.schema, empty.rows) == (None, {})
        await copied(source, target)
        of_file, of_server = await status_of(source), await status_of(target)
    more = {"secrets": of_file.rows["secrets"] + 1}  # who PostgreSQL is
    assert of_file.rows | more == of_server.rows
    assert (of_file.engine, of_file.postgresql) == ("sqlite", None)
    assert of_server.postgresql is not None
    assert of_server.postgresql.order_of_text == "C.UTF-8 (UTF8)"
    assert sum(each.count for each in of_server.postgresql.connections) >= 1
    assert of_server.postgresql.room_for_connections > 300
