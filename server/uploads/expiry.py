"""Removes what nobody finishes: uploads past their time, and files that a crash left without a row."""

from __future__ import annotations

import logging
from datetime import timedelta

from server.clock import Clock
from server.storage.database import NOT_NOW
from server.storage.repeating import ONCE_IT_SERVES, repeat
from server.uploads.files import UploadStore
from server.uploads.pieces import Pieces
from server.uploads.receiving import Receiver

_LOG = logging.getLogger(__name__)
_EVERY_SECONDS = 60.0
_STRAY_AFTER = timedelta(days=1)  # a row follows its bytes within seconds


class ExpirySweep:
    """Looks soon, then every minute, as long as `watch` runs."""

    def __init__(
        self,
        *,
        store: UploadStore,
        pieces: Pieces,
        receiver: Receiver,
        clock: Clock,
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        self._store = store
        self._pieces = pieces
        self._receiver = receiver
        self._clock = clock
        self._every_seconds = every_seconds

    async def watch(self) -> None:
        """Run until cancelled."""
        await repeat(
            self._look,
            every_seconds=self._every_seconds,
            log=_LOG,
            failed="uploads could not be looked through",
            action="upload.expire",
            first_after_seconds=min(self._every_seconds, ONCE_IT_SERVES),
        )

    async def _look(self) -> None:
        await self.sweep()
        await self.sweep_strays()

    async def sweep_strays(self) -> None:
        """Discard bytes without a row: a crash left them between making a place for them and storing the upload."""
        before = self._clock() - _STRAY_AFTER
        old = [found.upload_id async for found in self._pieces.all() if found.changed_at < before]
        if old:  # finished uploads are old too: these have a row
            await self._pieces.discard(*await self._store.unknown(old))

    async def sweep(self) -> None:
        for upload in await self._store.expired(self._clock()):
            try:
                await self._receiver.discard(upload.id)
            except NOT_NOW:  # said in the log already
                return
            except Exception:  # the others must still go; this one is tried again a minute later
                _LOG.exception("upload could not be removed", extra={"action": "upload.expire", "upload_id": upload.id})
            else:
                _LOG.info("upload expired", extra={"action": "upload.expire", "upload_id": upload.id})
