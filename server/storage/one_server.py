"""One server a data directory: a second one would take the first one's jobs for those of a crash and run them again."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.errors import ConfigurationError

RESTORING = "restoring"  # the folder that a restore fills, for as long as it is not over


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Until left, or until this process ends, however it does. Raises `ConfigurationError` while another one has it."""
    # The directory itself is locked: a file for that could not be made on a full disk, and would have to be explained.
    directory = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                "Another server runs on the data directory {path}; stop it first, or name another with --data.",
                path=str(data.resolve()),
            ) from None
        yield
    finally:
        os.close(directory)


def require_whole(data: Path) -> None:
    """Raises `ConfigurationError` where a restore was cut short: what is there is neither the old data nor the new."""
    if (data / RESTORING).exists():
        raise ConfigurationError(
            "A restore into {path} was cut short. Run it again with --replace; what was there before lies in "
            "before-restore-….",
            path=str(data.resolve()),
        )
