"""One file out of its parts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

from server.errors import Gone
from server.storage.full_disk import full_disk_named
from server.uploads.pieces import BYTES_MISSING

_READ_BYTES = 1024 * 1024


class Stopped(Exception):
    """Somebody asked to end it before everything was written."""


def join_files(parts: Sequence[Path], whole: Path, *, stop: Event) -> tuple[int, str]:
    """Write `parts`, one after the other, into a durable file; answers its size and sha256. Blocks: use a thread.

    The parts stay as they are, so that after a crash or on a full disk it can be done once more.
    Raises `StorageFull`, `Gone` when a part has vanished, and `Stopped` soon after `stop` was set: no half file stays.
    """
    joined = hashlib.sha256()
    try:
        with full_disk_named():
            whole.touch(mode=0o600)
            with whole.open("wb") as target:
                for chunk in _chunks_of(parts, stop):
                    joined.update(chunk)
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
    except FileNotFoundError as error:
        whole.unlink()
        raise Gone(BYTES_MISSING) from error
    except BaseException:
        whole.unlink(missing_ok=True)
        raise
    return whole.stat().st_size, joined.hexdigest()


def _chunks_of(parts: Sequence[Path], stop: Event) -> Iterator[bytes]:
    for part in parts:
        with part.open("rb") as source:
            while chunk := source.read(_READ_BYTES):
                if stop.is_set():
                    raise Stopped
                yield chunk
