"""Files that were being put into an S3 store in parts when whoever did it was killed: they take room, and no list of
objects has them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree import ElementTree

import aiohttp
from yarl import URL

from server.clock import Clock, utc_now
from server.engines.s3_files import BLOBS
from server.engines.s3_signing import SignedAddresses
from server.storage.blob_store import FoundBlob, StorageAway

_LOG = logging.getLogger("jindu.storage")
_OLD = timedelta(days=1)  # nobody puts a file for so long
_EVERY_SECONDS = 3600.0
_TIMES = aiohttp.ClientTimeout(total=30)
_GONE = 404  # somebody else aborted it, or it was finished


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    key: str
    upload_id: str
    at: datetime


class S3Leftovers:
    """Of all blobs below the prefix. It needs a key and a secret of its own: `obstore` has no such requests."""

    def __init__(self, signed: SignedAddresses, *, clock: Clock = utc_now) -> None:
        self._signed = signed
        self._clock = clock

    async def found(self, *, older_than: timedelta = _OLD) -> list[FoundBlob]:
        """Raises `StorageAway`. How large they are is not known."""
        before = self._clock() - older_than
        async with self._session() as session:
            return [
                FoundBlob(key=each.key, size=0, changed_at=each.at)
                async for each in self._begun(session)
                if each.at < before
            ]

    async def remove(self, *, older_than: timedelta = _OLD) -> int:
        """Raises `StorageAway`. How many there were."""
        before, count = self._clock() - older_than, 0
        async with self._session() as session:
            for each in [each async for each in self._begun(session) if each.at < before]:
                await self._ask(session, "DELETE", each.key, {"uploadId": each.upload_id})
                count += 1
        return count

    async def watch(self) -> None:
        """Remove old ones again and again, until cancelled."""
        while True:
            with suppress(StorageAway):
                if count := await self.remove():
                    _LOG.info("removed %s files that were never put whole", count, extra={"action": "storage"})
            await asyncio.sleep(_EVERY_SECONDS)

    async def _begun(self, session: aiohttp.ClientSession) -> AsyncIterator[_Begun]:
        prefix = f"{self._signed.prefix}/{BLOBS}/".lstrip("/")  # nothing else is put in parts
        query = {"uploads": "", "prefix": prefix}
        while True:
            content = await self._ask(session, "GET", "", query)
            try:
                told = _Told(content)
            except (ElementTree.ParseError, ValueError) as error:  # of whatever answered in its place
                raise StorageAway from error
            for each in told.begun:
                yield each
            if not told.is_cut or not told.next["key-marker"]:
                return
            query |= told.next

    async def _ask(self, session: aiohttp.ClientSession, method: str, key: str, query: dict[str, str]) -> bytes:
        address = URL(self._signed.request(method, key, query), encoded=True)
        try:
            async with session.request(method, address) as response:
                if method != "DELETE" or response.status != _GONE:
                    response.raise_for_status()
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StorageAway from error

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=_TIMES, cookie_jar=aiohttp.DummyCookieJar())


class _Told:
    """A page of the list."""

    def __init__(self, content: bytes) -> None:
        root = ElementTree.fromstring(content)  # noqa: S314 – from our own store
        self.begun = [
            _Begun(
                key=_text(each, "Key"),
                upload_id=_text(each, "UploadId"),
                at=datetime.fromisoformat(_text(each, "Initiated")),
            )
            for each in root.iterfind("{*}Upload")
        ]
        self.is_cut = _text(root, "IsTruncated") == "true"
        self.next = {"key-marker": _text(root, "NextKeyMarker"), "upload-id-marker": _text(root, "NextUploadIdMarker")}


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}", "")
