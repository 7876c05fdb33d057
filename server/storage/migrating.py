"""Runs the migrations that bring a database to the shape of `tables`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

_LOG = logging.getLogger("jindu.storage")
_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = "head") -> None:
    before = revision_of(connection)
    if revision == "head" and before == newest_revision():
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
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(select(column("version_num")).select_from(table("alembic_version")))
        return revision
    finally:
        connection.rollback()  # a migration commits only transactions that it has begun itself


def newest_revision() -> str:
    """Each script's name begins with its revision, and they follow one another in that order."""
    return max(path.stem.partition("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*.py"))
