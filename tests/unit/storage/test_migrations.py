"""What a migration fills in for rows that were there before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from server.storage.migrating import newest_revision, revision_of, upgrade
from server.storage.tables import (
    batch_words,
    batches,
    dataset_versions,
    findables,
    job_keys,
    job_log,
    jobs,
    reports,
)
from tests import postgresql


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> str:
    """Of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'old.db'}"
    return postgresql.new_database(f"old_{worker_id}").replace("postgresql://", "postgresql+psycopg://")


def test_a_database_knows_how_far_it_is(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert revision_of(connection) is None
        upgrade(connection, "0003")
        assert revision_of(connection) == "0003"
        upgrade(connection)
        assert revision_of(connection) == newest_revision()
        shape = set(sa.inspect(connection).get_table_names())
        upgrade(connection)  # changes nothing
        assert set(sa.inspect(connection).get_table_names()) == shape
    engine.dispose()


def test_a_new_database_has_what_an_old_one_got_by_all_migrations(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        upgrade(connection)
        made_at_once = shape_of(connection)
        everything = sa.MetaData()
        everything.reflect(connection)
        everything.drop_all(connection)
        connection.commit()
        upgrade(connection, newest_revision())
        assert shape_of(connection) == made_at_once
    engine.dispose()


def shape_of(connection: sa.Connection) -> dict[str, Any]:
    """Of every table, whatever the order of its columns."""
    found = sa.inspect(connection)
    shape: dict[str, Any] = {}
    for name in found.get_table_names():
        shape[name] = {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"], plain_default(column["default"]))
                for column in found.get_columns(name)
            ),
            "key": found.get_pk_constraint(name),
            "indexes": sorted(map(plain_index, found.get_indexes(name)), key=lambda index: str(index["name"])),
            "unique": sorted(found.get_unique_constraints(name), key=lambda unique: str(unique["name"])),
            "foreign": sorted(found.get_foreign_keys(name), key=lambda key: str(key["name"])),
            "checks": sorted(found.get_check_constraints(name), key=lambda check: str(check["name"])),
        }
    return shape


def plain_index(index: Mapping[str, Any]) -> dict[str, Any]:
    """With texts for the conditions of those that are of some rows alone, which cannot be compared."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return {**index, "dialect_options": options}


def plain_default(default: str | None) -> str:
    """Without the type that PostgreSQL remembers of the day it was given."""
    return str(default).partition("::")[0].strip("()")


def test_bytes_on_disk_are_counted_for_what_is_there_already(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        upgrade(connection, "0003")
        old = sa.MetaData()
        old.reflect(connection)
        add(connection, old, "users", id="u", name="a", name_key="a", password_hash="", role="editor", created_at=NOW)
        add(connection, old, "datasets", id="d", owner_id="u", name="orders", created_at=NOW, updated_at=NOW)
        for number, mode, size in ((1, "create", 10), (2, "append", 25), (3, "restore", 10), (4, "append", 14)):
            values = {"dataset_id": "d", "number": number, "mode": mode, "bytes": size, "row_count": 1}
            add(connection, old, "dataset_versions", **values, files="[]", columns="[]", created_at=NOW)
        given = {"name": "b", "template_name": "t", "template_version": 1, "template_source": "", "language": "en"}
        for batch_id in ("full", "empty"):
            moments = {"clock": NOW, "created_at": NOW, "time_zone": "UTC"}
            add(connection, old, "batches", id=batch_id, owner_id="u", job_id=batch_id, **given, **moments)
        for number, artifacts in enumerate(('[{"size": 3}, {"size": 4}]', "[]", '[{"size": 5}]')):
            row = {"id": str(number), "batch_id": "full", "owner_id": "u", "position": number, "title": ""}
            add(connection, old, "reports", **row, state="succeeded", artifacts=artifacts)
        connection.commit()
        upgrade(connection, "0004")
        own = connection.execute(sa.select(dataset_versions.c.own_bytes).order_by(dataset_versions.c.number))
        assert list(own.scalars()) == [10, 15, 0, 4]
        assert dict(connection.execute(sa.select(batches.c.id, batches.c.bytes)).all()) == {"full": 12, "empty": 0}  # type: ignore[arg-type]
    engine.dispose()


def test_keys_move_into_their_table_and_jobs_keep_what_refers_to_them(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.commit()
        upgrade(connection, "0006")
        old = sa.MetaData()
        old.reflect(connection)
        add(connection, old, "users", id="u", name="a", name_key="a", password_hash="", role="editor", created_at=NOW)
        job = {"owner_id": "u", "kind": "data_import", "title": "t", "state": "failed", "unit": "rows"}
        for job_id, key, fingerprint in (("1", "k", "f"), ("2", "older", None), ("3", None, None)):
            add(connection, old, "jobs", id=job_id, **job, created_at=NOW, idempotency_key=key, fingerprint=fingerprint)
            add(connection, old, "job_log", job_id=job_id, attempt=1, at=NOW, level="info", message=f"line of {job_id}")
        connection.commit()
        upgrade(connection)
        keys = connection.execute(sa.select(job_keys).order_by(job_keys.c.job_id)).all()
        assert keys == [("u", "k", "f", "1", ""), ("u", "older", "data_import", "2", "")]
        assert list(connection.execute(sa.select(jobs.c.id).order_by(jobs.c.id)).scalars()) == ["1", "2", "3"]
        lines = connection.execute(sa.select(job_log.c.message).order_by(job_log.c.id)).scalars()
        assert list(lines) == ["line of 1", "line of 2", "line of 3"]
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        connection.execute(jobs.delete())
        assert connection.execute(sa.select(job_log.c.id)).all() == connection.execute(sa.select(job_keys)).all() == []
    engine.dispose()


def test_jobs_get_their_places_by_their_ids_and_say_how_they_ended(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        upgrade(connection, "0007")
        old = sa.MetaData()
        old.reflect(connection)
        add(connection, old, "users", id="u", name="a", name_key="a", password_hash="", role="editor", created_at=NOW)
        later, earlier = "2026-01-01 00:00:21.500000", "2025-12-31 23:00:00.000000"
        for job_id, kind, state, result, ended in (
            ("c", "batch_report", "succeeded", '{"failed": 1}', later),
            ("a", "data_import", "succeeded", '{"rejected_count": 0}', earlier),
            ("d", "data_import", "failed", None, later),
            ("b", "external", "running", None, None),
        ):
            row = {"id": job_id, "kind": kind, "state": state, "result": result, "finished_at": ended}
            given = {"owner_id": "u", "title": "t", "unit": "rows", "progress": 7, "total": 2**40}
            add(connection, old, "jobs", **row, **given, created_at=NOW, started_at=NOW)
        add(connection, old, "job_log", job_id="a", attempt=1, at=NOW, level="info", message="a line")
        connection.commit()
        upgrade(connection)
        shown = sa.select(jobs.c.id, jobs.c.sequence, jobs.c.outcome, jobs.c.took_seconds).order_by(jobs.c.sequence)
        assert connection.execute(shown).all() == [
            ("a", 1, "complete", None),
            ("b", 2, None, None),
            ("c", 3, "partial", 21.5),
            ("d", 4, None, 21.5),
        ]
        assert connection.execute(sa.select(jobs.c.progress, jobs.c.total)).first() == (7, 2**40)
        assert connection.execute(sa.select(job_log.c.message)).scalars().all() == ["a line"]
    engine.dispose()


def test_chinese_that_is_there_already_is_found_by_how_it_sounds(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        upgrade(connection, "0041")
        old = sa.MetaData()
        old.reflect(connection)
        add(connection, old, "users", id="u", name="a", name_key="a", password_hash="", role="editor", created_at=NOW)
        job = {"id": "j", "owner_id": "u", "kind": "batch_report", "title": "销售.csv", "state": "succeeded"}
        add(connection, old, "jobs", **job, sequence=1, unit="reports", created_at=NOW)
        batch = {"id": "b", "sequence": 1, "owner_id": "u", "job_id": "j", "name": "销售", "template_name": "t"}
        more = {"template_version": 1, "template_source": "", "clock": NOW, "language": "en", "time_zone": "UTC"}
        add(connection, old, "batches", **batch, **more, created_at=NOW)
        report = {"id": "r", "batch_id": "b", "owner_id": "u", "position": 1, "title": "月报", "words": "月报"}
        add(connection, old, "reports", **report, parameters="{}", state="succeeded")
        add(connection, old, "batch_words", batch_id="b", words="销售 t 月报")
        add(connection, old, "findables", kind="job", name="销售.csv", job_id="j", words="~kjob ^ 销 售 csv $")
        add(connection, old, "findables", kind="user", name="a", user_id="u", words="~kuser ^ a $")
        connection.commit()
        upgrade(connection)
        words = sa.select(findables.c.words).order_by(findables.c.id)
        sounds = "~~xiaoshou ~~xs ~~xiaoshu ~~shou ~~shu"
        assert list(connection.scalars(words)) == [f"~kjob ^ 销 售 csv $ {sounds}", "~kuser ^ a $"]
        of_report = "~~yuebao ~~yb ~~rubao ~~rb ~~bao"
        assert connection.scalar(sa.select(reports.c.words)) == f"月报 {of_report}"
        own = " ".join(f"={each}" for each in sounds.split())
        assert connection.scalar(sa.select(batch_words.c.words)) == f"销售 t 月报 {own} {of_report}"
    engine.dispose()


NOW = "2026-01-01 00:00:00.000000"


def add(connection: sa.Connection, old: sa.MetaData, table: str, **values: Any) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(sa.text(f'INSERT INTO "{table}" ({names}) VALUES ({places})'), values)
    assert table in old.tables


def test_decimals_that_were_doubles_are_called_so(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        upgrade(connection, "0010")
        old = sa.MetaData()
        old.reflect(connection)
        add(connection, old, "users", id="u", name="a", name_key="a", password_hash="", role="editor", created_at=NOW)
        add(connection, old, "datasets", id="d", owner_id="u", name="orders", created_at=NOW, updated_at=NOW)
        columns = '[{"name": "id", "type": "integer"}, {"name": "amount", "type": "decimal", "format": "1,234.5"}]'
        values = {"dataset_id": "d", "mode": "create", "bytes": 1, "row_count": 1, "files": "[]", "created_at": NOW}
        add(connection, old, "dataset_versions", **values, number=1, columns=columns)
        add(connection, old, "dataset_versions", **values, number=2, columns="[]")
        connection.commit()
        upgrade(connection)
        stored = connection.execute(sa.select(dataset_versions.c.columns).order_by(dataset_versions.c.number)).scalars()
        assert list(stored) == [
            [{"name": "id", "type": "integer"}, {"name": "amount", "type": "float", "format": "1,234.5"}], [],
        ]  # fmt: skip
    engine.dispose()
