"""What tests of engines have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from server.engines.postgresql import PostgresqlDatabase
from tests.databases import EmptyPostgresql
from tests.unit.engines.leases import add_person


@pytest.fixture(scope="module")
def shared_postgresql(worker_id: str) -> Iterator[EmptyPostgresql]:
    with closing(EmptyPostgresql(f"leases_{worker_id}")) as database:
        yield database


@pytest.fixture
async def shared_rows(shared_postgresql: EmptyPostgresql, tmp_path: Path) -> AsyncIterator[PostgresqlDatabase]:
    made = PostgresqlDatabase(shared_postgresql.put_into(tmp_path))
    await add_person(made, "alice")
    yield made
    await made.close()
