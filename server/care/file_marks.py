"""Whether a store of files is that of the database: both have the same mark, so that a wrong address is no loss.

A start puts the mark into a store that has none, unless rows name files that are not there. `files copy` gives the
place that it fills a mark of its own: the first start there makes it the mark, and the place where files were counts no
more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.findings import CareFinding, error
from server.care.named_files import MARK, UPLOADS, places_of_newest
from server.clock import new_id, utc_now
from server.errors import ConfigurationError, NotFound, StorageFull
from server.storage.blob_store import StorageAway, StorageRefuses
from server.storage.database import Database
from server.storage.scratch import Scratch
from server.storage.tables import secrets
from server.uploads.file_stores import FileStores

_LOG = logging.getLogger("jindu.storage")
_SETTLED, _COPIED = "files mark", "files copied mark"
_ANSWER_SECONDS = 5.0  # a store that is away must not keep a start for longer, and no transaction either


class Fit(Enum):
    OURS = auto()
    COPIED = auto()  # by `files copy`, and now used for the first time
    FREE = auto()  # there is nothing that would say otherwise
    ELSEWHERE = auto()  # rows name files that lie in another place
    UNKNOWN = auto()  # it does not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    settled: str
    copied: str


class FileMarks:
    """Of one store, which `place` names to people. `is_shared`: it may be taken for another one at all."""

    def __init__(self, stores: FileStores, scratch: Scratch | None, *, place: str, is_shared: bool) -> None:
        """No `scratch` for whoever only looks."""
        self._stores = stores
        self._scratch = scratch
        self.place = place
        self._is_shared = is_shared

    async def found(self) -> str | None:
        """The mark that the store has, empty without one; None when it does not answer.

        Raises `ConfigurationError` when it answers, and not with these keys: other nodes may have better ones.
        """
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return b"".join([piece async for piece in self._stores.blobs.stream(MARK)]).decode("ascii", "replace")
        except NotFound:
            return ""
        except StorageRefuses:
            raise ConfigurationError(
                "The store of files {place} answers, and refuses the keys that this node has. Look at "
                "JINDU_STORAGE_KEY_ID and JINDU_STORAGE_SECRET, and at what that key may do there.",
                place=self.place,
            ) from None
        except (StorageAway, TimeoutError):
            return None

    async def fit(self, connection: AsyncConnection, found: str | None) -> Fit:
        """What `found` means to the database. Of a server that never shared anything, nothing is asked."""
        known = await _known(connection)
        if not self._is_shared and not known.settled:
            return Fit.OURS
        if found is None:
            return Fit.UNKNOWN
        if found and found in (known.settled, known.copied):
            return Fit.OURS if found == known.settled else Fit.COPIED
        named = await places_of_newest(connection)
        if named and (known.settled or not await self._has_any(named)):
            return Fit.ELSEWHERE
        return Fit.FREE

    async def settle(self, connection: AsyncConnection, found: str | None) -> str:
        """In a transaction that nobody else writes beside; answers the mark, empty where nobody knows.

        Raises `ConfigurationError` when rows name files that lie elsewhere.
        """
        known = await _known(connection)
        if found is not None and found != known.settled:
            found = await self.found()  # another node may have put it there a moment ago
        fit = await self.fit(connection, found)
        if fit is Fit.ELSEWHERE:
            raise self.refusal()
        if fit is Fit.UNKNOWN:
            _LOG.warning(
                "the store of files does not answer, so nobody knows whether it is that of the database",
                extra={"action": "start"},
            )
        elif fit is not Fit.OURS:
            return await self._try_to_adopt(connection, found or "")
        return found or ""

    async def settle_alone(self, database: Database) -> None:
        """As `settle`, for a server that has the database for itself: most of them are asked nothing but a row."""
        async with database.read() as connection:
            if await self.fit(connection, None) is Fit.OURS:
                return
            found = await self.found()
            if await self.fit(connection, found) is Fit.OURS:
                return
        with suppress(StorageFull):  # which must not keep it from starting
            async with database.write() as connection:
                await self.settle(connection, found)

    def refusal(self) -> ConfigurationError:
        return ConfigurationError(
            "The files that the database names are not in {place}. Look at JINDU_STORAGE_URL (and at JINDU_DATA, if "
            "files lie there): it has to be what the other nodes have, and what this one had before. If all was moved "
            "on purpose, by other means than jindu files copy, or is lost for good: jindu files adopt.",
            place=self.place,
        )

    def finding(self) -> CareFinding:
        return error(
            "files_elsewhere", self.refusal().text, "Give JINDU_STORAGE_URL (and JINDU_DATA) as nodes have it."
        )

    async def adopt(self, connection: AsyncConnection) -> str:
        """Whatever it holds. Raises `StorageAway`."""
        found = await self.found()
        if found is None:
            raise StorageAway
        return await self._adopt(connection, found)

    async def note_copy(self, connection: AsyncConnection) -> None:
        """Files were copied here. Raises `StorageAway`."""
        known, found = await _known(connection), await self.found()
        if found and found in (known.settled, known.copied):
            return
        mark = new_id()
        await self._put(mark)
        await _set(connection, _COPIED, mark)

    async def _try_to_adopt(self, connection: AsyncConnection, found: str) -> str:
        try:
            return await self._adopt(connection, found)
        except (StorageAway, StorageFull) as error:
            _LOG.warning("the store of files could not be marked: %s", error.text, extra={"action": "start"})
            return ""

    async def _adopt(self, connection: AsyncConnection, found: str) -> str:
        mark = found or new_id()
        if not found:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await self._put(mark)
            except TimeoutError:
                raise StorageAway from None
        await _set(connection, _SETTLED, mark)
        await connection.execute(delete(secrets).where(secrets.c.name == _COPIED, secrets.c.value == mark))
        return mark

    async def _put(self, mark: str) -> None:
        assert self._scratch is not None
        async with self._scratch.place(".mark") as path:
            await asyncio.to_thread(path.write_text, mark, "ascii")
            await self._stores.blobs.publish(path, MARK)

    async def _has_any(self, places: Sequence[str]) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return any([await self._has(place) for place in places])
        except (StorageAway, TimeoutError):
            return True  # which it is not known to lack

    async def _has(self, place: str) -> bool:
        kind, _, key = place.partition("/")
        if kind == UPLOADS:
            return key in [found.upload_id async for found in self._stores.pieces.all()]
        try:
            await self._stores.blobs.size(key)
        except NotFound:
            return False
        return True


async def forget_marks(connection: AsyncConnection) -> None:
    """The rows have come from elsewhere: the next start looks where their files are."""
    await connection.execute(delete(secrets).where(secrets.c.name.in_((_SETTLED, _COPIED))))


async def _known(connection: AsyncConnection) -> _Known:
    rows = await connection.execute(
        select(secrets.c.name, secrets.c.value).where(secrets.c.name.in_((_SETTLED, _COPIED)))
    )
    values = {row.name: row.value for row in rows}
    return _Known(settled=values.get(_SETTLED, ""), copied=values.get(_COPIED, ""))


async def _set(connection: AsyncConnection, name: str, mark: str) -> None:
    await connection.execute(delete(secrets).where(secrets.c.name == name))
    await connection.execute(insert(secrets).values(name=name, value=mark, created_at=utc_now()))
