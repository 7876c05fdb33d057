"""What each protocol promises, tried on every engine that fulfils it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from server.app.engines import open_database
from server.settings import Settings
from server.storage.database import Database

OpenDatabase = Callable[[], Database]


@pytest.fixture(params=["sqlite", "postgresql"])
def open_another(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> OpenDatabase:
    """Opens one database, as often as it is called: each is what one more node would have of it. No table is there."""
    url = ""
    if request.param == "postgresql":
        from tests import postgresql

        url = postgresql.new_database(f"contract_{worker_id}")
    return lambda: open_database(Settings(data=tmp_path, database_url=url))
