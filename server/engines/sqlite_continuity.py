"""Notices at the start that the database is not what the last process left: put back from a backup, or cut by a power
cut. What was told to clients since may then be missing from it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from server.storage.full_disk import is_full_disk

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    file: tuple[int, int]  # which one it is, wherever it lies
    boot: str
    content: tuple[int, int] | None  # its size and time of change after an orderly stop


@dataclass(frozen=True, slots=True)
class Continuity:
    """Compares the database file with a mark beside it. `begin` once it is open, `end` once it is closed."""

    database: Path
    mark: Path

    def is_broken(self) -> bool:
        """Also when there is no telling, as with a new or a moved data directory: then nothing but a reload is lost."""
        try:
            known = msgspec.json.decode(self.mark.read_bytes(), type=_Mark)
            found = self.database.stat()
        except (OSError, msgspec.DecodeError):
            return True
        if known.file != (found.st_dev, found.st_ino):
            return True
        if known.content is not None:
            return known.content != (found.st_size, found.st_mtime_ns)
        # SQLite removes its log in an orderly stop only. Where it is gone after a crash, somebody copied a backup over
        # the file, which nobody may do beside a log that belongs to another content.
        was_replaced = not self.database.with_name(f"{self.database.name}-wal").exists()
        # A process that was killed loses no commit; a machine that was may lose the last ones (synchronous=NORMAL).
        return was_replaced or known.boot != _boot_id()

    def begin(self) -> None:
        found = self.database.stat()
        self._write(_Mark(file=(found.st_dev, found.st_ino), boot=_boot_id(), content=None))

    def end(self) -> None:
        found = self.database.stat()
        content = (found.st_size, found.st_mtime_ns)
        self._write(_Mark(file=(found.st_dev, found.st_ino), boot=_boot_id(), content=content))

    def forget(self) -> None:
        """Whoever begins next is to find it broken."""
        self.mark.unlink(missing_ok=True)

    def _write(self, mark: _Mark) -> None:
        new = self.mark.with_name(self.mark.name + ".new")
        try:
            new.write_bytes(msgspec.json.encode(mark))
            os.replace(new, self.mark)
        except OSError as error:
            if not is_full_disk(error):
                raise
            # No mark is a broken one, which costs a reload; an old one could hide what a power cut takes.
            new.unlink(missing_ok=True)
            self.mark.unlink(missing_ok=True)


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text("ascii").strip()
    return ""
