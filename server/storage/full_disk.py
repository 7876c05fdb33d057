"""How a full disk shows itself, whichever library ran into it, as the one error that says what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import JinduError, StorageFull

_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# DuckDB and XlsxWriter raise errors of their own, which hold only the system's words.
_WORDS = ("No space left on device", "Disk quota exceeded", "File too large")
# SQLite says FULL for ENOSPC alone: a quota, a file limit and a wal-index that cannot grow are I/O errors to it.
_CODES = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP}
)


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Turn whatever a full disk or a used-up quota makes of the block into `StorageFull`."""
    try:
        yield
    except Exception as error:
        if is_full_disk(error):
            raise StorageFull from error
        raise


def is_full_disk(error: BaseException) -> bool:
    """Whether the disk had no room, as the system, SQLite or a library over either of them tells it."""
    if isinstance(error, JinduError):
        return False
    error = getattr(error, "orig", None) or error  # SQLAlchemy's, which workers do without
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) in _CODES
    if isinstance(error, OSError):
        return error.errno in _ERRORS
    return any(words in str(error) for words in _WORDS)
