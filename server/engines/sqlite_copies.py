"""A copy of the database file before its tables are changed, beside it: what a new version does can be taken back."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from server.clock import utc_now
from server.errors import StorageFull
from server.storage.privacy import make_directory

_LOG = logging.getLogger("jindu.storage")
FOLDER = "backups"
_NAMED = re.compile(r"-schema-(?P<found>[^-]+)-before-(?P<wanted>[^-]+)-")
_SPARE_BYTES = 1024 * 1024


def copy_before_change(database: Path, *, found: str, wanted: str) -> Path:
    """Nobody else writes at this moment. Raises `StorageFull` when there is no room for it. Blocks: use a thread."""
    folder = database.parent / FOLDER
    make_directory(folder)
    size = sum(path.stat().st_size for path in (database, _log_of(database)) if path.exists())
    if shutil.disk_usage(folder).free < size + _SPARE_BYTES:
        raise StorageFull(
            "The database is copied before its tables are changed, and there is no room for that: free {needed} bytes.",
            needed=size + _SPARE_BYTES,
        )
    target = folder / f"{database.stem}-schema-{found}-before-{wanted}-{utc_now():%Y-%m-%dT%H%M%S.%fZ}.db"
    partial = target.with_suffix(".partial")
    try:
        _copy(database, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    _remove_old(target, sorted(folder.glob(f"{database.stem}-schema-*.db"), key=lambda path: path.stat().st_mtime))
    _LOG.info(
        "copied the database (schema %s) to %s before it is changed to schema %s",
        found,
        target,
        wanted,
        extra={"action": "migrate"},
    )
    return target


def _remove_old(made: Path, copies: Sequence[Path]) -> None:
    """What stays, of `copies` from old to new: one a version of this change, which may have been cut short again and
    again, and the newest of the changes before."""
    groups = {path: match.groups() for path in copies if (match := _NAMED.search(path.name))}
    found, wanted = groups[made]
    others = [path for path, group in groups.items() if group[1] != wanted]
    again = [path for path, group in groups.items() if group == (found, wanted) and path != made]
    for old in (*others[:-1], *again):
        old.unlink(missing_ok=True)


def _copy(database: Path, partial: Path) -> None:
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(partial)) as copy:
        source.backup(copy)  # all of it in one step, with what is still in its log
        copy.execute("PRAGMA journal_mode=DELETE")  # one file alone, wherever somebody takes it
        if (told := copy.execute("PRAGMA quick_check(1)").fetchone()) != ("ok",):
            raise sqlite3.DatabaseError(f"the database is damaged: {told[0]}")
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")
