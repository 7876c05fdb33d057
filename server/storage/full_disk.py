"""How a full disk shows itself, whichever library ran into it, as the one error that says what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import JinduError, StorageFull

_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# DuckDB and XlsxWriter raise errors of their own, which hold only the system's words.
_WORDS = ("No space left on device", "Disk quota exceeded", "File too large")


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
    """Whether the disk had no room, as the system or a library over it tells it."""
    if isinstance(error, JinduError):
        return False
    if isinstance(error, OSError):
        return error.errno in _ERRORS
    return any(words in str(error) for words in _WORDS)
