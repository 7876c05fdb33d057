"""Files of a store elsewhere and all rows into an archive, beside servers that run: files first, one view of the rows
last.

A store keeps nothing for a backup, and what is deleted is gone at once. But rows go before their files: whatever went
before it was copied is named by no later view. So nearly everything is copied beforehand, then the view is taken, and
in it what has come since. If something went before that, too, the view is taken again: each time less is left to copy,
and what a later view still names is lost indeed. What was copied and has no row in the last view is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TypeVar

from server.care.archive import ArchiveWriter, MemberWriter, is_place
from server.care.archiving import (
    VIEWS,
    Archived,
    BackupOrder,
    fix_view,
    require_room,
    size_of_database,
    write_tables,
)
from server.care.manifest import FileNote
from server.care.named_files import BLOB_KINDS, BLOBS, CACHE, UPLOADS, NamedFile, NamedFiles, named_files
from server.care.telling import FarTelling, Say
from server.errors import Gone, NotFound
from server.storage.blob_store import StorageAway
from server.uploads.file_stores import FileStores

_SMALL_BYTES = 1024 * 1024
_AT_ONCE = 16  # small files that come while those before them are written: so many megabytes of memory at most
_TRIES = 5
_PAUSE_SECONDS = 2.0
T = TypeVar("T")
_OPTIONAL = NamedFile(what="kept")


async def archive_store(
    order: BackupOrder, stores: FileStores, writer: ArchiveWriter, target: Path, say: Say
) -> Archived:
    """Raises `StorageAway`."""
    async with order.database.read() as connection:
        rows_bytes, named = await size_of_database(connection), await named_files(connection)
    say("looking for files")
    sizes = await _patiently(lambda: _sizes_of(stores, named))
    require_room(order, target, rows_bytes + sum(sizes.values()))
    say(f"copying {len(sizes)} files")
    files = StoreMembers(stores, writer, sizes, FarTelling(say, "copied", sum(sizes.values())))
    await files.copy({place: known for place, known in named.required.items() if not _may_grow(place, known)})
    lost: set[str] = set()
    for attempt in range(VIEWS):
        async with order.database.read() as connection:
            schema = await fix_view(connection)
            named = await named_files(connection)
            missing = await files.copy(named.required)
            if missing <= lost or attempt == VIEWS - 1:
                await files.copy({place: _OPTIONAL for place in sizes if _is_optional(place, named)})
                files.keep(named)
                say(f"reading the database (schema {schema})")
                tables, engine = await write_tables(writer, connection), connection.dialect.name
                break
            lost |= missing
    return Archived(schema=schema, engine=engine, tables=tables, files=files.notes, missing=sorted(missing))


class StoreMembers:
    """The files of a store that are members of an archive by now."""

    def __init__(
        self, stores: FileStores, writer: ArchiveWriter, sizes: Mapping[str, int], telling: FarTelling
    ) -> None:
        """`sizes`: of what was there when it began."""
        self._stores = stores
        self._writer = writer
        self._sizes = sizes
        self._telling = telling
        self._damaged: set[str] = set()  # not what was put into the store
        self.notes: dict[str, FileNote] = {}

    async def copy(self, wanted: Mapping[str, NamedFile]) -> set[str]:
        """Those that are not in the archive yet, or not as their rows have them; answers which of all are missing."""
        for place, known in wanted.items():
            if place in self.notes and not _is_as_known(place, self.notes[place], known):
                self._drop(place)
        rest = {place: known for place, known in wanted.items() if place not in self.notes}
        await self._copy_small({place: known for place, known in rest.items() if self._is_small(place)})
        for place, known in rest.items():
            if not self._is_small(place):
                await self._copy_streamed(place, known)
        return {place for place, known in wanted.items() if not self._is_right(place, known)}

    def keep(self, named: NamedFiles) -> None:
        """What no row has any more is in no archive."""
        for place in [place for place in self.notes if not named.may_be(place)]:
            self._drop(place)

    def _drop(self, place: str) -> None:
        self._writer.drop(place)
        self._damaged.discard(place)
        del self.notes[place]

    def _is_right(self, place: str, known: NamedFile) -> bool:
        note = self.notes.get(place)
        if note is None or not _is_as_known(place, note, known):
            return False
        return place not in self._damaged or known.sha256 == note.sha256

    def _is_small(self, place: str) -> bool:
        return place.startswith(f"{BLOBS}/") and self._sizes.get(place, _SMALL_BYTES) < _SMALL_BYTES

    async def _copy_small(self, wanted: Mapping[str, NamedFile]) -> None:
        coming: deque[tuple[str, asyncio.Task[tuple[bytes, str]]]] = deque()
        try:
            for place in sorted(wanted):
                if len(coming) == _AT_ONCE:
                    await self._write(*coming.popleft())
                coming.append((place, asyncio.create_task(self._content(place))))
            while coming:
                await self._write(*coming.popleft())
        finally:
            for _, task in coming:
                task.cancel()
            await asyncio.gather(*(task for _, task in coming), return_exceptions=True)

    async def _content(self, place: str) -> tuple[bytes, str]:
        noted = await self._noted(place)
        async with aclosing(self._blob(place)) as pieces:
            return b"".join([piece async for piece in pieces]), noted

    async def _write(self, place: str, coming: asyncio.Task[tuple[bytes, str]]) -> None:
        try:
            content, noted = await coming
        except NotFound:
            return
        with self._writer.member(place) as member:
            member.write(content)
        self._note(place, member.note, noted)
        self._telling.add(len(content))

    async def _copy_streamed(self, place: str, known: NamedFile) -> None:
        try:
            noted = await self._noted(place)
        except NotFound:
            return
        with self._writer.member(place) as member:
            is_whole = await self._stream_into(member, place, known)
        if is_whole:
            self._note(place, member.note, noted)
        else:
            self._writer.drop(place)

    async def _stream_into(self, member: MemberWriter, place: str, known: NamedFile) -> bool:
        """False when it went meanwhile."""
        try:
            async with aclosing(self._pieces(place, known)) as pieces:
                async for piece in pieces:
                    member.write(piece)
                    self._telling.add(len(piece))
        except (NotFound, Gone):
            return False
        return True

    def _note(self, place: str, note: FileNote, noted: str) -> None:
        self.notes[place] = note
        if noted not in ("", note.sha256):
            self._damaged.add(place)

    async def _noted(self, place: str) -> str:
        """Its checksum, as the store has it from whoever published it."""
        kind, _, key = place.partition("/")
        return "" if kind == UPLOADS else await _patiently(lambda: self._stores.blobs.sha256(key))

    def _pieces(self, place: str, known: NamedFile) -> AsyncGenerator[bytes, None]:
        """Of an upload what was acknowledged when the view was taken."""
        kind, _, key = place.partition("/")
        return self._stores.pieces.stream(key, size=known.at_least) if kind == UPLOADS else self._blob(place)

    async def _blob(self, place: str) -> AsyncGenerator[bytes, None]:
        """Cut off, it goes on where it was: files never change."""
        key, position, tries = place.partition("/")[2], 0, 0
        while True:
            try:
                async with aclosing(self._stores.blobs.stream(key, start=position)) as pieces:
                    async for piece in pieces:
                        yield piece
                        position, tries = position + len(piece), 0
            except StorageAway:
                tries += 1
                if tries == _TRIES:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """A store that is away for a moment must not cost what was copied in hours."""
    for _ in range(_TRIES - 1):
        with suppress(StorageAway):
            return await ask()
        await asyncio.sleep(_PAUSE_SECONDS)
    return await ask()


def _may_grow(place: str, known: NamedFile) -> bool:
    return place.startswith(f"{UPLOADS}/") and not known.is_whole


def _is_as_known(place: str, note: FileNote, known: NamedFile) -> bool:
    """Also that nobody has published another one since: a report that was made anew."""
    is_exact = place.startswith(f"{UPLOADS}/") or (known.is_whole and known.at_least)
    has_size = note.bytes == known.at_least if is_exact else note.bytes >= known.at_least
    return has_size and known.sha256 in ("", note.sha256)


def _is_optional(place: str, named: NamedFiles) -> bool:
    """No row needs it, and it is somebody's all the same. Before the last view it may yet be made anew."""
    return place not in named.required and named.may_be(place)


async def _sizes_of(stores: FileStores, named: NamedFiles) -> dict[str, int]:
    """Of all that rows may name and that is there."""
    sizes = {place: known.at_least for place, known in named.required.items() if place.startswith(f"{UPLOADS}/")}
    for kind in BLOB_KINDS:
        async for found in stores.blobs.under(kind):
            place = f"{BLOBS}/{found.key}"
            if not found.key.endswith(CACHE) and is_place(place) and named.may_be(place):
                sizes[place] = found.size
    return sizes
