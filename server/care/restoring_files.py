"""Files out of an archive, and what keeps them from being written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from server.care.problem import CareRefused, damaged
from server.errors import JinduError


def write_file(path: Path, pieces: Iterator[bytes]) -> None:
    """Durable, and readable by us alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        for piece in pieces:
            stream.write(piece)
        stream.flush()
        os.fsync(descriptor)


@contextmanager
def failures_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CareRefused("write_failed", f"It could not be written: {error.strerror} ({error.filename}).") from error
    except sa.exc.IntegrityError as error:
        raise damaged(f"its rows do not fit together ({error.orig})") from error
    except DBAPIError as error:
        raise CareRefused("database_failed", f"The database could not be filled: {error.orig}.") from error
    except JinduError as error:
        raise CareRefused(error.specific_code, error.text) from error
