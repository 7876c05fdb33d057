"""Immutable files by key: written beside, made durable, then moved into place in one step."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.clock import new_id
from server.errors import NotFound, StorageFull

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


class Blobs:
    """Files under one directory. Keys are ours (`datasets/<id>/<n>.parquet`), never names that people chose."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial = root / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Where a published blob lies; raises `NotFound` when there is none."""
        path = self._place(key)
        if not path.is_file():
            raise NotFound
        return path

    def new_partial(self, suffix: str = "") -> Path:
        """A fresh place to write before `publish`; what a crash leaves here is removed at the next start."""
        return self._partial / f"{new_id()}{suffix}"

    def publish(self, partial: Path, key: str) -> Path:
        """Make `partial` durable under `key`; from then on it never changes. Blocks on the disk: use a thread."""
        path = self._place(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with full_disk_named():
            with partial.open("rb") as stream:
                os.fsync(stream.fileno())
            partial.replace(path)
            _sync_directory(path.parent)
        return path

    def delete(self, key: str) -> None:
        self._place(key).unlink(missing_ok=True)

    def delete_under(self, prefix: str) -> None:
        """Remove every blob whose key begins with `<prefix>/`."""
        shutil.rmtree(self._place(prefix), ignore_errors=True)

    def keys_under(self, prefix: str) -> Iterator[str]:
        """Keys of the blobs right under `<prefix>/`."""
        directory = self._place(prefix)
        if directory.is_dir():
            yield from (f"{prefix}/{path.name}" for path in directory.iterdir())

    def clear_partials(self) -> None:
        """Remove what an earlier process left unpublished; only at start, when nothing is being written."""
        shutil.rmtree(self._partial)
        self._partial.mkdir()

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free

    def _place(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a blob key: {key!r}")
        return self.root / key


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Turn "no space left" and quota errors of the block into `StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull from error
        raise


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
