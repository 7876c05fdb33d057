"""Moving to PostgreSQL and back by the command itself: 100,000 jobs with their logs, 1,000 datasets. `make bench`."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server.app.engines import open_database
from server.settings import Settings
from tests import postgresql
from tests.process import ROOT

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]
JOBS, DATASETS, USERS = 100_000, 1_000, 100
MOST_SECONDS = 60.0
MOST_MIB = 300
OTHER = {"secrets": None, "streams": None}  # a copy says who PostgreSQL is; a file that nobody knows cuts streams
NOW = datetime(2026, 11, 1, tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
RESULT = json.dumps({"dataset": "orders", "version": 3, "rows": 12_400, "rejected": 2})
COLUMNS = json.dumps(
    [{"name": f"column_{number}", "type": "decimal(12,2)", "source": f"C{number}"} for number in range(30)]
)
STATISTICS = json.dumps(
    {f"column_{number}": {"min": number, "max": number * 1_000, "nulls": 0} for number in range(30)}
)
ENDED = 12_400, 12_400, "rows", RESULT, NOW, NOW, NOW, "complete"
OF_VERSION = 12_400, 10**6, COLUMNS, STATISTICS, NOW


def rows() -> Iterator[tuple[str, str, Iterable[tuple[Any, ...]]]]:
    """By table: its columns, and rows as they are drawn."""
    ids = [f"{n:026}" for n in range(USERS)]
    yield (
        "users",
        "id name name_key password_hash role created_at",
        ((ids[n], f"user{n}", f"user{n}", "x", "editor", NOW) for n in range(USERS)),
    )
    yield "streams", "user_id epoch offset", ((each, "e" * 26, JOBS // USERS) for each in ids)
    yield (
        "jobs",
        "id sequence kind owner_id title state progress total unit result created_at started_at finished_at outcome",
        (
            (f"{n:026}", n + 1, "data_import", ids[n % USERS], f"orders-{n}.csv → orders", "succeeded", *ENDED)
            for n in range(JOBS)
        ),
    )
    yield (
        "job_log",
        "id job_id attempt at level message",
        ((n + 1, f"{n // 2:026}", 1, NOW, "info", f"read {n * 100} rows of the file") for n in range(2 * JOBS)),
    )
    body = b'{"job_id":"01hf","state":"succeeded","progress":100}'
    yield (
        "stream_messages",
        "user_id offset at type body",
        ((ids[n % USERS], n // USERS + 1, NOW, "job", body) for n in range(JOBS)),
    )
    yield (
        "datasets",
        "id owner_id name version created_at updated_at",
        ((f"d{n:025}", ids[n % USERS], f"dataset_{n}", 3, NOW, NOW) for n in range(DATASETS)),
    )
    yield (
        "dataset_versions",
        "dataset_id number mode files row_count bytes columns statistics created_at",
        (
            (f"d{n % DATASETS:025}", n // DATASETS + 1, "replace", f'["datasets/{n}/data.parquet"]', *OF_VERSION)
            for n in range(3 * DATASETS)
        ),
    )
    yield (
        "audit",
        "at user_id user_name action subject subject_id",
        ((NOW, ids[n % USERS], f"user{n % USERS}", "job.started", f"orders-{n}", f"{n:026}") for n in range(JOBS)),
    )


def fill(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for table, columns, values in rows():
            names = [f'"{name}"' for name in columns.split()]
            statement = f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({", ".join("?" * len(names))})'
            connection.executemany(statement, values)


@pytest.fixture
def url() -> str:
    return postgresql.new_database("copy_bench")


def copy(data: Path, url: str, source: str, target: str) -> tuple[dict[str, Any], float, float]:
    """What it told, seconds, and its largest memory in MiB."""
    environ = {**os.environ, "JINDU_DATABASE_URL": url}
    began = time.monotonic()
    command = [sys.executable, "run.py", "db", "copy", "--from", source, "--to", target, "--data", str(data), "--json"]
    with (data / "out").open("w+") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        out.seek(0)
        told = json.load(out)
    seconds = time.monotonic() - began
    print(
        f"  {source} → {target}: {seconds:.1f} s, CPU of the command {used.ru_utime + used.ru_stime:.1f} s, "
        f"largest {used.ru_maxrss / 1024:.0f} MiB"
    )
    return told, seconds, used.ru_maxrss / 1024


def test_a_filled_database_moves_within_a_minute_and_back(tmp_path: Path, url: str) -> None:
    async def migrate() -> None:
        database = open_database(Settings(data=tmp_path))
        await database.migrate()
        await database.close()

    asyncio.run(migrate())
    fill(tmp_path / "jindu.db")
    print(f"\n{(tmp_path / 'jindu.db').stat().st_size / 2**20:.0f} MiB in SQLite")
    there, seconds, most = copy(tmp_path, url, "sqlite", "postgresql")
    (tmp_path / "before").mkdir()
    for file in tmp_path.glob("jindu.db*"):
        file.rename(tmp_path / "before" / file.name)
    back, seconds_back, most_back = copy(tmp_path, url, "postgresql", "sqlite")
    print(f"  {sum(table['rows'] for table in there['tables'].values()):,} rows")
    assert there["tables"] | OTHER == back["tables"] | OTHER
    assert max(seconds, seconds_back) < MOST_SECONDS
    assert max(most, most_back) < MOST_MIB
