"""Runs the migrations that bring a database to the shape of `tables`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, select

from server.errors import ConfigurationError
from server.storage.tables import metadata

_LOG = logging.getLogger("jindu.storage")
# As Alembic makes it.
VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = "head") -> None:
    before = revision_of(connection)
    if revision == "head" and before == newest_revision():
        return
    _refuse_newer(before)
    if revision == "head" and before is None and not inspect(connection).get_table_names():
        _make_all_tables(connection)
        return
    from alembic import command  # here: it takes as long as a fifth of the start, and nearly none needs it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    with _rows_kept(connection):
        command.upgrade(config, revision)
    if before is not None:
        after = revision_of(connection)
        _LOG.info("the database was brought from version %s to %s", before, after, extra={"action": "migrate"})


def require_newest(found: str | None) -> None:
    """Raises `ConfigurationError` unless `found` is the schema of this program."""
    _refuse_newer(found)
    if found is None:
        raise ConfigurationError("The database has no tables yet: run jindu db upgrade once, which makes them.")
    if found != newest_revision():
        raise ConfigurationError(
            "The database has schema {found}, and this program needs {known}: make a backup, then run jindu db "
            "upgrade, which changes the tables.",
            found=found,
            known=newest_revision(),
        )


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > newest_revision():
        raise ConfigurationError(
            "The database has schema {found}, which a newer version of the program made; this program is older and "
            "knows schemas up to {known}. Install the newer version again, or restore a backup that was made before "
            "it.",
            found=found,
            known=newest_revision(),
        )


def _make_all_tables(connection: Connection) -> None:
    """In an empty database at once: going through all that ever changed is a third of the first start."""
    connection.rollback()
    with connection.begin():
        metadata.create_all(connection, checkfirst=False)
        VERSION.create(connection)
        connection.execute(insert(VERSION).values(version_num=newest_revision()))


@contextmanager
def _rows_kept(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by dropping the old one, at which it would delete all rows that refer to it, too."""
    if connection.dialect.name != "sqlite":
        yield
        return
    cursor = connection.connection.cursor()  # not through SQLAlchemy, which begins a transaction: it counts outside one
    cursor.execute("PRAGMA foreign_keys")
    [(before,)] = cursor.fetchall()
    cursor.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()  # of a migration that failed
        cursor.execute(f"PRAGMA foreign_keys={before}")
        cursor.close()


def revision_of(connection: Connection) -> str | None:
    """Of the last migration that the database went through; None for an empty one."""
    try:
        if not inspect(connection).has_table(VERSION.name):
            return None
        revision: str | None = connection.scalar(select(VERSION.c.version_num))
        return revision
    finally:
        connection.rollback()  # a migration commits only transactions that it has begun itself


def newest_revision() -> str:
    """Each script's name begins with its revision, and they follow one another in that order."""
    return max(path.stem.partition("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*.py"))
