"""The database that a test gets: one with every table and no row, on the engine that `--database` names."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Dialect, Engine, event

from server.app.engines import open_database
from server.settings import Settings
from server.storage.database import Database

_COMPILED: dict[type[Dialect], tuple[Dialect, dict[Any, Any]]] = {}


@event.listens_for(Engine, "engine_connect")
def _compile_once(connection: Connection) -> None:
    """Compiled once for all databases of one kind: for each test's, that takes longer than to run what is compiled."""
    dialect, compiled = _COMPILED.setdefault(type(connection.dialect), (connection.dialect, {}))
    connection.dialect = dialect
    connection.execution_options(compiled_cache=compiled)


class EmptyDatabase(Protocol):
    """Migrated once and given to each test: migrating is half of a server's start."""

    def put_into(self, data: Path) -> str:
        """Have it there, without rows; what the setting `database_url` has to say."""
        ...


class EmptySqlite:
    def __init__(self, directory: Path) -> None:
        asyncio.run(_migrate(open_database(Settings(data=directory))))
        self._file = directory / "jindu.db"

    def put_into(self, data: Path) -> str:
        for leftover in data.glob("jindu.db*"):
            leftover.unlink()
        shutil.copy(self._file, data)
        return ""


class EmptyPostgresql:
    """One for each pytest worker, emptied for each test."""

    def __init__(self, name: str) -> None:
        from tests import postgresql  # where only SQLite is tried, nothing else need be installed

        self.url = postgresql.new_database(name)
        asyncio.run(_migrate(open_database(Settings(database_url=self.url))))
        self._emptying = postgresql.Emptying(self.url)
        self._is_fresh = False

    def for_next_test(self) -> str:
        """Emptied here, so that the first `put_into` of the test need not do it again."""
        self._emptying.run()
        self._is_fresh = True
        return self.url

    def put_into(self, data: Path) -> str:
        if not self._is_fresh:
            self._emptying.run()
        self._is_fresh = False
        return self.url

    def close(self) -> None:
        self._emptying.close()


def opened_in(directory: Path, empty: EmptyDatabase) -> Database:
    return open_database(Settings(data=directory, database_url=empty.put_into(directory)))


async def _migrate(database: Database) -> None:
    await database.migrate()
    await database.close()
