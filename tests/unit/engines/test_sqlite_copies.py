"""Before a new version changes the tables, the database as it was is beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from server.engines.sqlite import SqliteDatabase
from server.errors import ConfigurationError, StorageFull
from server.storage.migrating import newest_revision, upgrade
from tests.unit.storage.test_migrations import shape_of

OLD = "0014"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of an older version, with something in it."""
    path = tmp_path / "jindu.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        upgrade(connection, OLD)
        connection.exec_driver_sql("INSERT INTO secrets VALUES ('a', 'b', '2026-01-01')")
        connection.commit()
    engine.dispose()
    return path


async def migrated(path: Path) -> None:
    database = SqliteDatabase(path)
    try:
        await database.migrate()
    finally:
        await database.close()


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob("backups/*"), key=lambda each: each.stat().st_mtime)


def schema(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


async def test_a_change_of_the_tables_leaves_a_copy_that_can_be_put_back(old: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(old)) as beside:
        beside.execute("PRAGMA journal_mode=WAL")
        beside.execute("INSERT INTO secrets VALUES ('in the log', 'b', '2026-01-01')")
        beside.commit()
        await migrated(old)
    assert schema(old) == newest_revision()
    (copy,) = copies(old)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert schema(copy) == OLD
    with closing(sqlite3.connect(copy)) as connection:
        assert [name for (name,) in connection.execute("SELECT name FROM secrets ORDER BY name")] == ["a", "in the log"]
    await migrated(old)  # nothing to change
    assert copies(old) == [copy]
    shutil.copy(copy, tmp_path / "back.db")
    await migrated(tmp_path / "back.db")


async def test_a_new_database_needs_none(tmp_path: Path) -> None:
    await migrated(tmp_path / "jindu.db")
    assert not (tmp_path / "backups").exists()


async def test_those_of_this_change_and_the_newest_of_those_before_stay(old: Path) -> None:
    """A change that is cut short at each start must not push out what was there before it began."""
    newest = newest_revision()
    (old.parent / "backups").mkdir()
    for age, name in enumerate(
        (
            "jindu-schema-0001-before-0002-x.db",
            "jindu-schema-0002-before-0003-x.db",
            f"jindu-schema-0004-before-{newest}-x.db",
            f"jindu-schema-{OLD}-before-{newest}-x.db",
            "mine.db",
        )
    ):
        (old.parent / "backups" / name).touch()
        os.utime(old.parent / "backups" / name, (age, age))
    await migrated(old)
    left = [path.name.removeprefix("jindu-schema-").partition("-2")[0] for path in copies(old)]
    assert left == ["0002-before-0003-x.db", f"0004-before-{newest}-x.db", "mine.db", f"{OLD}-before-{newest}"]


async def test_without_room_for_it_nothing_is_changed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", ["total", "used", "free"])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    with pytest.raises(StorageFull, match="copied before"):
        await migrated(old)
    assert schema(old) == OLD
    assert copies(old) == []


async def test_the_tables_of_a_newer_version_are_left_alone(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(ConfigurationError, match=r"schema 9999.*newer version"):
        await migrated(old)
    assert schema(old) == "9999"
    assert copies(old) == []


async def test_a_change_that_was_cut_short_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    """Each change and its number are one transaction: the tables are always those that the number says."""
    path, began = tmp_path / "jindu.db", "0003"
    _at(path, began)
    seen = {began}
    for stops_after in range(2, 400, 14):
        database = SqliteDatabase(path)
        count = 0

        def stop(*_: object, most: int = stops_after) -> None:
            nonlocal count
            count += 1
            if count == most:
                raise InterruptedError

        sa.event.listen(database._writer.sync_engine, "before_cursor_execute", stop)
        try:
            await database.migrate()
        except InterruptedError:
            found = schema(path)
        else:
            break
        finally:
            await database.close()
        if found not in seen:
            seen.add(found)
            _at(tmp_path / f"{found}.db", found)
            assert _shape(path) == _shape(tmp_path / f"{found}.db")
    assert len(seen) > 3
    assert schema(path) == newest_revision()


def _at(path: Path, revision: str) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        upgrade(connection, revision)
    engine.dispose()


def _shape(path: Path) -> dict[str, object]:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        shape = shape_of(connection)
    engine.dispose()
    return shape
