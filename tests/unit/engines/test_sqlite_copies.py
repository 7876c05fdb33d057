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


async def test_the_last_two_stay(old: Path) -> None:
    (old.parent / "backups").mkdir()
    for age, name in ((30, "jindu-schema-1.db"), (20, "jindu-schema-2.db"), (10, "mine.db")):
        (old.parent / "backups" / name).touch()
        os.utime(old.parent / "backups" / name, (age, age))
    await migrated(old)
    assert [path.name[:14] for path in copies(old)] == ["mine.db", "jindu-schema-1", "jindu-schema-0"]


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
