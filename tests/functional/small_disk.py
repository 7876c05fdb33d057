"""A disk of a few megabytes that tests can fill to its last byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SmallDisk:
    path: Path

    @property
    def free_bytes(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, *, but: int = 0) -> None:
        """As another program does, until nothing is left, or `but` bytes."""
        with (self.path / "ballast").open("ab", buffering=0) as stream:
            if but:
                os.posix_fallocate(stream.fileno(), 0, stream.seek(0, os.SEEK_END) + self.free_bytes - but)
                return
            for size in (_MIB, 4096):
                try:
                    while True:
                        stream.write(b"\0" * size)
                except OSError:
                    continue
        assert self.free_bytes == 0

    def make_room(self) -> None:
        (self.path / "ballast").unlink()


@contextmanager
def small_disk(path: Path, *, mib: int) -> Iterator[SmallDisk]:
    """Only root can have one; where nobody may mount, the test is skipped and says so."""
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here, so a full one was not tried: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
