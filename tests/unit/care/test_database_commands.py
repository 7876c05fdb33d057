"""`db upgrade`, `db status` and `db copy`: what they print, what they leave as exit status, and what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from server.storage.migrating import newest_revision
from server.storage.one_server import held
from server.storage.tables import metadata
from tests import postgresql
from tests.process import ROOT
from tests.unit.care.conftest import Run
from tests.unit.care.made_up_data import MadeUpData

NEWEST = newest_revision()


@pytest.fixture
def url(worker_id: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """As the settings have it."""
    address = postgresql.new_database(f"commands_{worker_id}")
    monkeypatch.setenv("JINDU_DATABASE_URL", address)
    return address


def test_status_of_a_file(run: Run, data: MadeUpData) -> None:
    status, out, _ = run("db", "status", "--data", data.path)
    assert status == 0
    assert f"place        {data.path / 'jindu.db'}" in out
    assert f"schema       {NEWEST}\n" in out
    assert "           2  jobs" in out


def test_status_of_a_server_that_has_no_tables_yet_and_once_it_has(run: Run, data: MadeUpData, url: str) -> None:
    status, out, _ = run("db", "status", "--data", data.path)
    assert status == 1
    assert f"schema       none (this program has {NEWEST}: run jindu db upgrade)" in out
    assert run("db", "upgrade", "--data", data.path)[0] == 0
    with psycopg.connect(url, application_name="a dump") as dump:
        dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        dump.execute("SELECT count(*) FROM users")
        status, out, _ = run("db", "status", "--data", data.path)
    assert status == 0
    assert "text order   C.UTF-8 (UTF8)" in out
    assert "           1  a dump" in out
    assert "transactions ago: a dump (pid" in out
    status, out, _ = run("db", "status", "--data", data.path, "--json")
    told = json.loads(out)
    assert (told["engine"], told["schema"], told["rows"]["jobs"]) == ("postgresql", NEWEST, 0)


@pytest.mark.usefixtures("url")
def test_an_upgrade_makes_tables_and_says_so_once(run: Run, data: MadeUpData) -> None:
    status, out, _ = run("db", "upgrade", "--data", data.path)
    assert (status, "was brought to schema" in out) == (0, True)
    status, out, _ = run("db", "upgrade", "--data", data.path, "--json")
    told = json.loads(out)
    assert (status, told["schema_before"], told["schema"]) == (0, NEWEST, NEWEST)


def test_an_upgrade_of_a_file_waits_for_no_server(run: Run, data: MadeUpData) -> None:
    with held(data.path):
        status, _, complaint = run("db", "upgrade", "--data", data.path)
    assert (status, "Another server runs" in complaint) == (2, True)
    status, out, _ = run("db", "upgrade", "--data", data.path)
    assert (status, f"has schema {NEWEST} already" in out) == (0, True)
    status, _, complaint = run("db", "upgrade", "--data", data.path / "slip")
    assert (status, "no data directory" in complaint) == (2, True)
    assert not (data.path / "slip").exists()


def test_a_copy_tells_its_sums_and_stops_at_what_is_not_empty(run: Run, data: MadeUpData, url: str) -> None:
    status, out, progress = run("db", "copy", "--from", "sqlite", "--to", "postgresql", "--data", data.path)
    assert status == 0, progress
    assert f"{2 * len(metadata.tables)} rows in {len(metadata.tables)} tables were copied" in out
    assert "are equal on both sides" in out
    assert f"copying {2 * len(metadata.tables)} rows …\ncomparing both …" in progress
    status, out, complaint = run("db", "copy", "--from", "sqlite", "--to", url, "--data", data.path, "--json")
    assert (status, json.loads(out)["error"]["code"]) == (2, "database_in_use")
    assert "not empty" in complaint
    (data.path / "elsewhere").mkdir()
    to = f"sqlite:///{data.path}/elsewhere/jindu.db"
    status, out, _ = run("db", "copy", "--from", "postgresql", "--to", to, "--data", data.path, "--json")
    told = json.loads(out)
    assert (status, told["to"], told["tables"]["jobs"]["rows"]) == (0, f"{data.path}/elsewhere/jindu.db", 2)


@pytest.mark.usefixtures("url")
def test_a_copy_is_refused_beside_a_server(run: Run, data: MadeUpData) -> None:
    with held(data.path):
        status, _, complaint = run("db", "copy", "--from", "sqlite", "--to", "postgresql", "--data", data.path)
    assert (status, "Another server runs" in complaint) == (2, True)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("sqlite", "postgresql", "JINDU_DATABASE_URL"),
        ("sqlite:////tmp/other.db", "sqlite", "called jindu.db"),
        ("sqlite", "mysql://host/name", "postgresql://"),
        ("sqlite", "sqlite", "name another one"),
    ],
)
def test_what_is_no_place_to_copy_to_is_said(run: Run, data: MadeUpData, source: str, target: str, said: str) -> None:
    status, _, complaint = run("db", "copy", "--from", source, "--to", target, "--data", data.path)
    assert (status, said in complaint) == (2, True), complaint


def test_a_file_that_is_not_there_is_no_new_and_empty_one(run: Run, tmp_path: Path, url: str) -> None:
    status, _, complaint = run("db", "copy", "--from", "sqlite", "--to", url, "--data", tmp_path)
    assert (status, "There is no database in" in complaint) == (2, True)
    assert list(tmp_path.glob("jindu.db*")) == []


def test_doctor_adds_up_connections_and_warns_of_old_views(
    run: Run, data: MadeUpData, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("db", "upgrade", "--data", data.path)[0] == 0
    monkeypatch.setenv("JINDU_DATABASE_WRITERS", "300")
    with psycopg.connect(url, application_name="jindu node a"), psycopg.connect(url, application_name="a dump") as dump:
        dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        dump.execute("SELECT count(*) FROM users")
        monkeypatch.setattr("server.care.database_checks._OLD_SNAPSHOT_SECONDS", 0)
        _, out, _ = run("doctor", "--data", data.path)
    assert "connections_short: PostgreSQL has room for 397 connections; twice 1 nodes with 306 each" in out
    assert "old_snapshot: a dump (pid" in out


def test_one_that_is_killed_in_the_middle_leaves_nothing_and_is_begun_again(
    run: Run, data: MadeUpData, url: str
) -> None:
    """As a power cut does: a table of PostgreSQL is held, so that there is a middle."""
    assert run("db", "upgrade", "--data", data.path)[0] == 0
    command = [sys.executable, str(ROOT / "run.py"), "db", "copy", "--from", "sqlite", "--to", "postgresql"]
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as watcher:
        holder.execute("LOCK TABLE uploads IN SHARE MODE")
        with subprocess.Popen([*command, "--data", str(data.path)], stderr=subprocess.PIPE, text=True) as process:
            waits = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COPY uploads%'"
            )
            deadline = time.monotonic() + 20
            while watcher.execute(waits).fetchone() == (0,):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.kill()
    status, out, complaint = run("db", "copy", "--from", "sqlite", "--to", "postgresql", "--data", data.path)
    assert status == 0, complaint
    assert "are equal on both sides" in out
