"""The file of an unfinished upload: appended to, made durable, and cut back to what was acknowledged."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from server.errors import Gone
from server.storage.full_disk import full_disk_named

BYTES_MISSING = "Bytes that were sent before are missing on the server; upload the file again."
_READ_BYTES = 1024 * 1024


class RunningHash:
    """sha256 of the first `position` bytes, carried on from request to request so that nothing is read twice."""

    def __init__(self) -> None:
        self.position = 0
        self._hash = hashlib.sha256()

    def update(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self.position += len(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class PartialFile:
    """Appends to one upload from `offset` on. Everything here blocks on the disk: call it in a thread."""

    def __init__(self, path: Path, *, offset: int, running_hash: RunningHash | None, check: Any = None) -> None:
        """What lies beyond `offset` was never acknowledged and goes. `check` is another hash, of the new bytes only."""
        self._descriptor = os.open(path, os.O_WRONLY)
        self.start = self.written = self.acknowledged = offset
        self.hash = running_hash
        self.check = check
        if os.fstat(self._descriptor).st_size < offset:
            self.close()
            raise Gone(BYTES_MISSING)
        self.cut(offset)

    def append(self, data: bytes) -> None:
        """Raises `StorageFull` when the disk is; `written` says how far it came."""
        rest = memoryview(data)
        with full_disk_named():
            while rest:
                count = os.write(self._descriptor, rest)
                self._account(rest[:count])
                rest = rest[count:]

    def _account(self, data: memoryview) -> None:
        self.written += len(data)
        if self.hash is not None:
            self.hash.update(data)
        if self.check is not None:
            self.check.update(data)

    def sync(self) -> int:
        """Make everything written durable; answers how many bytes that are."""
        with full_disk_named():
            os.fsync(self._descriptor)
        return self.written

    def cut(self, offset: int) -> None:
        """Forget what lies beyond `offset`. The hashes are then of no use any more, unless nothing lay there."""
        os.ftruncate(self._descriptor, offset)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        if self.written > offset:
            self.hash = None
        self.written = offset

    def close(self) -> None:
        os.close(self._descriptor)


def create_file(path: Path) -> None:
    with full_disk_named():
        path.touch(mode=0o600, exist_ok=False)


def hash_file(path: Path) -> str:
    """sha256 of a whole file, in hexadecimal. Blocks: use a thread."""
    with path.open("rb") as stream:
        running = hashlib.sha256()
        while chunk := stream.read(_READ_BYTES):
            running.update(chunk)
    return running.hexdigest()
