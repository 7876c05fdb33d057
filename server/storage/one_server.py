"""One server a data directory: a second one would take the first one's jobs for those of a crash and run them again."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.errors import ConfigurationError

RESTORING = "restoring"  # the folder that a restore fills, for as long as it is not over
_MOVING = "moving"  # in it, once what was there before is being moved


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


def begin_moving(data: Path) -> None:
    """From now on, durably, until the folder is gone, what is there is neither the old data nor the new."""
    (data / RESTORING / _MOVING).touch()
    folder = os.open(data / RESTORING, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_whole(data: Path) -> bool:
    """False where a restore was cut short after `begin_moving`; before that it has touched nothing."""
    return not (data / RESTORING / _MOVING).exists()


def require_whole(data: Path) -> None:
    """Raises `ConfigurationError`: a server would take half a restore for a new and empty directory."""
    if not is_whole(data):
        raise ConfigurationError(
            "A restore into {path} was cut short. Run it again with --replace; what was there before lies in "
            "before-restore-….",
            path=str(data.resolve()),
        )
