"""What doctor mends, each asked for by its name. Files are put aside, never deleted."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from server.care.file_checks import ORPHANS, look_at_files
from server.care.machine_checks import OPEN_TO_OTHERS, open_paths
from server.care.problem import CareRefused
from server.care.swapping import sync_directory
from server.clock import utc_now
from server.storage.database import Database
from server.storage.privacy import make_directory

QUARANTINE = "quarantine"
_MOST_SHARE = 0.1
_YOUNG_SECONDS = 60.0


class Repaired(msgspec.Struct, frozen=True, kw_only=True):
    repair: str
    count: int
    bytes: int = 0
    aside: str | None = None


async def put_orphans_aside(database: Database, data: Path, *, really: bool) -> Repaired:
    """Raises `CareRefused` when it would be so many that something else is more likely to be wrong."""
    states = await look_at_files(database, data)
    if states.unreadable:
        raise CareRefused("files_unreadable", "Some files cannot be read: mend that first, then see what is an orphan.")
    if len(states.orphans) > _MOST_SHARE * states.count and not really:
        raise CareRefused(
            "too_many",
            f"{len(states.orphans)} of {states.count} files would be put aside, which looks as if the wrong database "
            "was asked. Compare with a backup; --really does it all the same.",
        )
    if not states.orphans:
        return Repaired(repair=ORPHANS, count=0)
    folder = data / QUARANTINE / _stamp(utc_now())
    moved = {place: size for place, size in sorted(states.orphans.items()) if _move(data, place, folder)}
    return Repaired(repair=ORPHANS, count=len(moved), bytes=sum(moved.values()), aside=str(folder))


async def close_to_others(_database: Database, data: Path, *, really: bool) -> Repaired:
    found = open_paths(data)
    for path in found:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return Repaired(repair=OPEN_TO_OTHERS, count=len(found))


REPAIRS: Mapping[str, Callable[..., Awaitable[Repaired]]] = {
    ORPHANS: put_orphans_aside,
    OPEN_TO_OTHERS: close_to_others,
}


def _move(data: Path, place: str, folder: Path) -> bool:
    """False for one that was published anew a moment ago."""
    source, target = data / place, folder / place
    make_directory(target.parent)
    try:
        if source.lstat().st_mtime > time.time() - _YOUNG_SECONDS:
            return False
        source.rename(target)
    except FileNotFoundError:
        return False
    sync_directory(target.parent)
    return True


def _stamp(now: datetime) -> str:
    return f"{now:%Y-%m-%dT%H%M%S.%fZ}"
