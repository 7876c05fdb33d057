"""Room on the disk that is kept back, so that people can still sign in, cancel and delete when it is full."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

from server.storage.full_disk import is_full_disk

_LOG = logging.getLogger("jindu.storage")
_SHARE_OF_DISK = 8  # a small disk keeps back less than was asked for
_LAST_BYTES = 256 * 1024  # for the next start alone: SQLite's shared index and what is written before anybody comes


class Reserve:
    """A file that holds nothing. It shrinks when room is needed, and grows again once there is plenty.

    A last bit is kept for the next start, lest others fill the disk meanwhile. `size` 0 keeps nothing back.
    """

    def __init__(self, path: Path, *, wanted_bytes: int) -> None:
        self._path = path
        self.size = min(wanted_bytes, shutil.disk_usage(path.parent).total // _SHARE_OF_DISK)
        self._last_bytes = min(_LAST_BYTES, self.size // 4)
        self._is_held = path.exists() and path.stat().st_size == self.size > 0

    @property
    def held_bytes(self) -> int:
        return self.size if self._is_held else 0

    @property
    def is_needed(self) -> bool:
        """Whether it was given for lack of room, or could not be taken for the same reason."""
        return self.size > 0 and not self._is_held

    def give_if_needed(self) -> None:
        """Before each transaction: the system answers this from memory."""
        if self._is_held and shutil.disk_usage(self._path.parent).free < self.size // 4:
            self.give()

    def give(self) -> None:
        """Let whoever writes next have the room. Repeating it does no harm."""
        if not self._is_held:
            return
        self._is_held = False
        with suppress(FileNotFoundError):  # somebody who looked for room has deleted it
            os.truncate(self._path, self._last_bytes)
        _LOG.warning(
            "the disk is full: the %s bytes that were kept back are for signing in, cancelling and deleting",
            self.size,
            extra={"action": "give_reserve"},
        )

    def begin(self) -> None:
        """At a start, before the database is opened: gives the last bit too if even that is missing."""
        self.give_if_needed()
        is_short = shutil.disk_usage(self._path.parent).free < 2 * _LAST_BYTES
        if not self.size or (is_short and not self._is_held):
            self._path.unlink(missing_ok=True)

    def take(self) -> None:
        """Keep the room back (again) if that leaves as much free. Blocks on the disk: use a thread."""
        if self._is_held or not self.size or shutil.disk_usage(self._path.parent).free < 2 * self.size:
            return
        try:
            with self._path.open("ab") as stream:
                os.posix_fallocate(stream.fileno(), 0, self.size)
                os.truncate(stream.fileno(), self.size)  # it was larger, before the setting was made smaller
        except OSError as error:
            self._path.unlink(missing_ok=True)
            if not is_full_disk(error):
                _LOG.warning("no room can be kept back here: %s", error, extra={"action": "take_reserve"})
                self.size = 0
            return  # else somebody was faster: there is not that much room after all
        self._is_held = True
