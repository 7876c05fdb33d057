"""Rows and files against each other: what is named and not there, what is there and not named, what was changed."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from server.care.findings import CareFinding, error, some, warning
from server.care.frozen_files import places_in
from server.care.named_files import NamedFile, NamedFiles, named_files
from server.storage.database import Database

_YOUNG_SECONDS = 86_400.0  # what is published waits for its row for seconds; the server's own sweeps wait a day, too
_READ_BYTES = 1024 * 1024
_PARQUET = b"PAR1"
ORPHANS = "orphan_blobs"


@dataclass(slots=True)
class FileStates:
    """By place in the data directory; an orphan with its size."""

    missing: set[str] = field(default_factory=set)
    unreadable: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    orphans: dict[str, int] = field(default_factory=dict)
    count: int = 0

    @property
    def orphan_bytes(self) -> int:
        return sum(self.orphans.values())


async def look_at_files(database: Database, data: Path, *, thorough: bool = False) -> FileStates:
    """Also beside a server that runs: what comes or goes meanwhile is neither missing nor an orphan."""
    states = FileStates()
    before = time.time() - _YOUNG_SECONDS
    there = set(_readable(data, states))
    named = await _named(database)
    states.count = len(there)
    for place in named.required:
        _look(data, place, named.required[place], states, thorough=thorough)
    if states.missing:
        again = await _named(database)  # its row may have gone with it
        states.missing &= again.required.keys()
    for place in there:
        if not named.may_be(place):
            _note_orphan(data, place, states, before=before)
    return states


def check_files(states: FileStates, *, can_be_put_aside: bool = True) -> Iterator[CareFinding]:
    if states.missing:
        yield error(
            "files_missing",
            f"{len(states.missing)} files that rows name are not there, such as {min(states.missing)}.",
            "Take them from a backup: unzip FILE PLACE, then put them back under the same name, with mode 0600.",
            count=len(states.missing),
            places=some(states.missing),
        )
    if states.unreadable:
        place = min(states.unreadable)
        yield error(
            "files_unreadable",
            f"{len(states.unreadable)} files cannot be read, such as {place}: {states.unreadable[place]}.",
            "Look at their owner and mode, and at the disk (dmesg); they are not taken for missing or for orphans.",
            count=len(states.unreadable),
            places=some(states.unreadable),
        )
    if states.changed:
        yield error(
            "files_changed",
            f"{len(states.changed)} files are not what was stored, such as {min(states.changed)}.",
            "Take them from a backup, and have the disk looked at.",
            count=len(states.changed),
            places=some(states.changed),
        )
    if states.orphans:
        yield warning(
            ORPHANS,
            f"{len(states.orphans)} files with {states.orphan_bytes:,} bytes belong to nothing, such as "
            f"{min(states.orphans)}.",
            f"doctor --repair {ORPHANS} puts them into quarantine/ (nothing is deleted)."
            if can_be_put_aside
            else "Delete them with the tools of the store, once you know them.",
            repair=ORPHANS if can_be_put_aside else None,
            count=len(states.orphans),
            bytes=states.orphan_bytes,
            places=some(states.orphans),
        )


async def _named(database: Database) -> NamedFiles:
    async with database.read() as connection:
        return await named_files(connection)


def _readable(data: Path, states: FileStates) -> Iterator[str]:
    def unreadable(failure: OSError) -> None:
        states.unreadable[Path(failure.filename).relative_to(data).as_posix()] = str(failure.strerror)

    yield from places_in(data, unreadable=unreadable)


def _look(data: Path, place: str, known: NamedFile, states: FileStates, *, thorough: bool) -> None:
    if any(place.startswith(f"{folder}/") for folder in states.unreadable):
        return  # nobody can tell
    try:
        with (data / place).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            is_whole = size == known.at_least if known.is_whole and known.at_least else size >= known.at_least
            if not is_whole or (thorough and not _is_as_stored(stream.fileno(), place, known)):
                states.changed.add(place)
            else:
                stream.read(1)
    except FileNotFoundError:
        states.missing.add(place)
    except OSError as failure:
        states.unreadable[place] = failure.strerror or errno.errorcode.get(failure.errno or 0, "")


def _is_as_stored(descriptor: int, place: str, known: NamedFile) -> bool:
    """By its checksum, where rows know one; Parquet says at both ends what it is."""
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        if known.sha256:
            running = hashlib.sha256()
            while piece := stream.read(_READ_BYTES):
                running.update(piece)
            return running.hexdigest() == known.sha256
        if not place.endswith(".parquet"):
            return True
        begins = stream.read(len(_PARQUET)) == _PARQUET
        stream.seek(-len(_PARQUET), os.SEEK_END)
        return begins and stream.read() == _PARQUET


def _note_orphan(data: Path, place: str, states: FileStates, *, before: float) -> None:
    try:
        status = (data / place).lstat()
    except OSError:
        return
    if status.st_mtime < before:
        states.orphans[place] = status.st_size
