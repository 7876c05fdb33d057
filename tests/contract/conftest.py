"""What each protocol promises, tried on every engine that fulfils it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from server.app.engines import open_database
from server.settings import Settings
from server.storage.database import Database
from tests.databases import EmptyDatabase, EmptyPostgresql, EmptySqlite

OpenDatabase = Callable[[], Database]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def each_database(
    request: pytest.FixtureRequest, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmptyDatabase]:
    if request.param == "sqlite":
        yield EmptySqlite(tmp_path_factory.mktemp("contract"))
        return
    with closing(EmptyPostgresql(f"contract_{worker_id}")) as database:
        yield database


@pytest.fixture
def open_another(each_database: EmptyDatabase, tmp_path: Path) -> OpenDatabase:
    """Opens one database, as often as it is called: each is what one more node would have of it."""
    settings = Settings(data=tmp_path, database_url=each_database.put_into(tmp_path))
    return lambda: open_database(settings)
