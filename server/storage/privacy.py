"""Keeps the data directory to the user who runs the server: it holds the key, the database and everybody's files."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from server.errors import ConfigurationError

_LOG = logging.getLogger("jindu.storage")
_UMASK = 0o077
_DIRECTORY, _FILE = 0o700, 0o600


def be_private() -> None:
    """What this process and its workers make from now on is readable by their user alone."""
    os.umask(_UMASK)


def make_directory(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY)


def require_writable(directory: Path) -> None:
    """Raises `ConfigurationError` with the command that helps; often a volume, made by root, of a container."""
    there = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigurationError(
            "{path} cannot be written to by user {user}; it belongs to user {owner}. As root: chown -R {user} {path} "
            "(of a container: docker run --rm --user 0 -v VOLUME:{path} IMAGE chown -R {user} {path}).",
            path=str(there.absolute()),
            user=os.getuid(),
            owner=there.stat().st_uid,
        )


def close_to_others(directory: Path) -> None:
    """What an older version left open. Looks through everything only when one of the outer doors was.

    A directory of somebody else (a mount point) may refuse; then it stays as it is, which the log tells.
    """
    outermost = [directory, *directory.glob("*"), *directory.glob("blobs/*")]
    if not any(path.stat().st_mode & _UMASK for path in outermost):
        return
    try:
        for path in _all_of(directory):
            if path.stat().st_mode & _UMASK:
                path.chmod(_DIRECTORY if path.is_dir() else _FILE)
    except OSError as error:
        _LOG.warning("others on this machine may read the data: %s", error, extra={"action": "close_to_others"})


def _all_of(directory: Path) -> Iterator[Path]:
    yield directory
    for parent, directories, files in os.walk(directory):
        yield from (Path(parent, name) for name in (*directories, *files) if not Path(parent, name).is_symlink())
