"""Rows against the files of a store elsewhere: what `file_checks` says of a disk, said of that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta

from server.care.file_checks import FileStates
from server.care.findings import CareFinding, error, note, some, warning
from server.care.named_files import BLOB_KINDS, BLOBS, CACHE, UPLOADS, NamedFile, NamedFiles, named_files
from server.clock import utc_now
from server.errors import Gone, NotFound
from server.storage.blob_store import StorageAway
from server.storage.database import Database
from server.storage.file_pieces import sha256_of
from server.uploads.file_stores import FileStores, Leftovers

_YOUNG = timedelta(days=1)  # what is published waits for its row for seconds; the server's own sweeps wait a day, too


def store_away(text: str) -> CareFinding:
    return error(
        "storage_away", text, "See that JINDU_STORAGE_URL, its bucket and its keys are right, and that the store runs."
    )


class StoreLook:
    """One look, also beside servers that run: what comes or goes meanwhile is neither missing nor an orphan."""

    def __init__(self, database: Database, stores: FileStores, *, thorough: bool) -> None:
        """`thorough` reads every file whose checksum a row knows: that a store lists one proves little."""
        self._database = database
        self._blobs, self._pieces = stores.blobs, stores.pieces
        self._thorough = thorough
        self._states = FileStates()
        self._sizes: dict[str, int] = {}
        self._old: set[str] = set()

    async def run(self) -> FileStates:
        """Raises `StorageAway`."""
        await self._list(before=utc_now() - _YOUNG)
        named = await self._named()
        for place, known in named.required.items():
            await self._look(place, known)
        if self._states.missing:
            self._states.missing &= (await self._named()).required.keys()  # its row may have gone with it
        self._states.orphans = {place: self._sizes[place] for place in self._old if not named.may_be(place)}
        self._states.count = len(self._sizes)
        return self._states

    async def _list(self, *, before: datetime) -> None:
        for kind in BLOB_KINDS:
            async for found in self._blobs.under(kind):
                if not found.key.endswith(CACHE):
                    self._note(f"{BLOBS}/{found.key}", found.size, found.changed_at < before)
        async for upload in self._pieces.all():
            self._note(f"{UPLOADS}/{upload.upload_id}", 0, upload.changed_at < before)

    def _note(self, place: str, size: int, is_old: bool) -> None:
        self._sizes[place] = size
        if is_old:
            self._old.add(place)

    async def _look(self, place: str, known: NamedFile) -> None:
        if place not in self._sizes:
            self._states.missing.add(place)
        elif not self._has_size(place, known) or (self._thorough and not await self._is_as_stored(place, known)):
            self._states.changed.add(place)

    def _has_size(self, place: str, known: NamedFile) -> bool:
        """That of an upload is known once it is read."""
        size = self._sizes[place]
        exactly = known.is_whole and known.at_least
        return place.startswith(f"{UPLOADS}/") or (size == known.at_least if exactly else size >= known.at_least)

    async def _is_as_stored(self, place: str, known: NamedFile) -> bool:
        """By the checksum that its row knows, and by that which the store has from whoever published it."""
        kind, _, key = place.partition("/")
        noted = ""
        try:
            if kind == UPLOADS:
                sha256 = await self._pieces.sha256(key, size=known.at_least)
            else:
                noted = await self._blobs.sha256(key)
                async with aclosing(self._blobs.stream(key)) as pieces:
                    sha256 = await sha256_of(pieces)
        except (NotFound, Gone):
            return False
        return all(each in ("", sha256) for each in (known.sha256, noted))

    async def _named(self) -> NamedFiles:
        async with self._database.read() as connection:
            return await named_files(connection)


async def check_leftovers(leftovers: Leftovers) -> AsyncIterator[CareFinding]:
    try:
        left = await leftovers.found()
    except StorageAway:
        yield note(
            "unfinished_not_listed",
            "The store does not say which files were put into it in parts and never finished.",
            "Let its key list and abort multipart uploads, or give the bucket a rule that aborts them after a day.",
        )
        return
    if left:
        yield warning(
            "unfinished_objects",
            f"{len(left)} files were put into the store in parts and never finished, such as {left[0].key}; they take "
            "room, and no list of objects has them.",
            "A node that runs removes them within an hour. If they stay, see whether its key may list and abort "
            "multipart uploads.",
            count=len(left),
            places=some([each.key for each in left]),
        )
