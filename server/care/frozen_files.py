"""Keeps files from going while a backup copies them: a second name for each, which takes no room.

What is published never changes, and an upload's acknowledged bytes stay as they are. So a second name is a copy: the
server may delete the first one meanwhile.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from server.care.named_files import BLOBS, CACHE, MARK, UPLOADS
from server.care.problem import CareRefused

FOLDER = "backing-up"
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV, errno.EMLINK, errno.EACCES)


class FrozenFiles:
    """`take` gives every file that is there a second name; repeated, it adds those that came since.

    On a file system without second names `is_firm` is false, and files are read where they lie.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        self._data = data
        self._folder = folder
        self.is_firm = True
        self.places: set[str] = set()

    def take(self) -> None:
        for place in places_in(self._data):
            if place not in self.places:
                self._freeze(place)

    def path(self, place: str) -> Path:
        return (self._folder if self.is_firm else self._data) / place

    def _freeze(self, place: str) -> None:
        target = self._folder / place
        with suppress(FileNotFoundError):  # deleted at this moment
            if self.is_firm:
                try:
                    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    os.link(self._data / place, target, follow_symlinks=False)
                except OSError as error:
                    if error.errno not in _NO_LINKS:
                        raise
                    self.is_firm = False
            self.places.add(place)


def _fail(error: OSError) -> None:
    raise error


def places_in(data: Path, *, unreadable: Callable[[OSError], None] = _fail) -> Iterator[str]:
    """Every file that people's things are made of: nothing that is being made, and no cache.

    `unreadable` is told of directories that cannot be looked into: what lies there is not missing.
    """
    for kind in (BLOBS, UPLOADS):
        if not (data / kind).is_dir():
            continue
        for parent, directories, files in os.walk(data / kind, onerror=unreadable):
            if Path(parent) == data / BLOBS:
                directories[:] = [name for name in directories if name != "partial"]
                files[:] = [name for name in files if name != MARK]
            below = Path(parent).relative_to(data).as_posix()
            yield from (f"{below}/{name}" for name in files if name != CACHE and _is_file(Path(parent, name)))


def _is_file(path: Path) -> bool:
    """What is neither a file nor gone was made by nobody of us, and may never end when it is read."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


@contextmanager
def frozen(data: Path) -> Iterator[FrozenFiles]:
    """Raises `CareRefused` while another backup runs; what one left that was killed goes now."""
    folder = data / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise CareRefused(
            "data_not_writable",
            f"The data directory {data} cannot be written to ({error.strerror}): run the backup as the server's user.",
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CareRefused("backup_runs", "Another backup of this data directory runs; wait for it.") from None
        _empty(folder)
        try:
            yield FrozenFiles(data, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _empty(folder: Path) -> None:
    for left in folder.iterdir():
        shutil.rmtree(left, ignore_errors=True)
