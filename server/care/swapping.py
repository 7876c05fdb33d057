"""Puts restored data in the place of what is there: within the directory, which may be a mount, and nothing is deleted.

While things are moved no server starts (`storage.one_server`), also when that was cut short in the middle.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from server.care.problem import CareRefused
from server.storage.one_server import RESTORING, begin_moving, is_whole
from server.storage.privacy import make_directory

_DATABASE = "jindu.db"
_OURS = (_DATABASE, "jindu.db-wal", "jindu.db-shm", "jindu.db.mark", "secret.key", "uploads", "blobs", "backing-up")
# What may lie in a directory that counts as empty: the file system's own, what is made anew, what restores put aside.
_NO_DATA = ("lost+found", "reserve", "cache", RESTORING)
_ASIDE = "before-restore-"


def require_free(data: Path, *, replace: bool) -> None:
    """Raises `CareRefused` for a directory that is in use, and for one whose parts cannot be moved."""
    if mounts := [name for name in _OURS if os.path.ismount(data / name)]:
        raise CareRefused(
            "mount_inside",
            f"{data / mounts[0]} is a mount of its own, which cannot be put aside: unmount it, or restore into an "
            "empty directory.",
        )
    if replace or not data.exists():
        return
    found = [path.name for path in data.iterdir() if path.name not in _NO_DATA and not path.name.startswith(_ASIDE)]
    if found:
        raise CareRefused(
            "data_in_use",
            f"The data directory {data} holds something already ({min(found)}). Name an empty one with --data, or put "
            "what is there aside with --replace; it is not deleted.",
        )


@contextmanager
def staging(data: Path) -> Iterator[Path]:
    """A folder of its own below the data directory. What a restore that was cut short had put there goes first.

    It is removed in the end unless the swap itself is what failed.
    """
    folder = data / RESTORING
    shutil.rmtree(folder, ignore_errors=True)
    make_directory(folder)
    try:
        yield folder
    except BaseException:
        if is_whole(data):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder)
    sync_directory(data)


def swap_in(data: Path, folder: Path, now: datetime) -> Path | None:
    """Where what was there lies now; None when there was nothing. The database comes last."""
    _give_to_owner(data, folder)
    begin_moving(data)
    aside = None
    if present := [name for name in _OURS if (data / name).exists()]:
        aside = data / f"{_ASIDE}{now:%Y-%m-%dT%H%M%S.%fZ}"
        make_directory(aside)
        for name in present:
            (data / name).rename(aside / name)
        sync_directory(aside)
    restored = [path for path in folder.iterdir() if path.name in _OURS]
    for path in sorted(restored, key=lambda path: path.name == _DATABASE):
        path.rename(data / path.name)
    sync_directory(data)
    return aside


def _give_to_owner(data: Path, folder: Path) -> None:
    """Root restores for whoever the directory belongs to: their server could not read it otherwise."""
    owner = data.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for parent, directories, files in os.walk(folder):
        for name in (*directories, *files):
            os.chown(Path(parent, name), owner.st_uid, owner.st_gid)


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
