"""What child processes count: each writes its own small file, the parent adds them up.

No lock, no pipe that could fill, no thread in the child; what a child counted stays counted when it is killed. Works
for children that were forked and for those that were spawned and given the job.
"""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import tempfile
import threading
import uuid

_NUMBER = struct.Struct("<d")


class Tally:
    """The files of one job. Nothing is made before the first child counts."""

    def __init__(self, key: str) -> None:
        """`key` is a secret of the job: nobody else can know where its files will be."""
        self._settled: float | None = None
        self._folder = os.path.join(tempfile.gettempdir(), f"jindu-{key}")

    def total(self) -> float:
        """What all children have counted."""
        if self._settled is not None:
            return self._settled
        try:
            names = os.listdir(self._folder)
        except OSError:
            return 0.0
        return sum(self._read(name) for name in names)

    def settle(self) -> None:
        """The job ended: what they count from here on no longer matters."""
        self._settled = self.total()
        if os.path.isdir(self._folder):
            shutil.rmtree(self._folder, ignore_errors=True)

    def own_share(self) -> Share:
        """This process's file. Raises `OSError`."""
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        return Share(os.path.join(self._folder, f"{os.getpid()}-{uuid.uuid4().hex}"))

    def _read(self, name: str) -> float:
        try:
            with open(os.path.join(self._folder, name), "rb") as file:
                written = file.read(_NUMBER.size)
        except OSError:
            return 0.0
        return float(_NUMBER.unpack(written)[0]) if len(written) == _NUMBER.size else 0.0


class Share:
    """One process's count."""

    def __init__(self, path: str) -> None:
        with open(path, "xb+") as file:
            file.write(_NUMBER.pack(0.0))
            file.flush()
            self._map = mmap.mmap(file.fileno(), _NUMBER.size)
        self._lock = threading.Lock()
        self._count = 0.0

    def add(self, n: float) -> None:
        with self._lock:
            self._count += n
            self._map[:] = _NUMBER.pack(self._count)
