"""Removes what nobody finishes: uploads past their time, and files that a crash left without a row."""

from __future__ import annotations

import asyncio
import logging

from server.clock import Clock
from server.storage.database import NOT_NOW
from server.uploads.files import UploadStore
from server.uploads.receiving import Receiver

_LOG = logging.getLogger(__name__)
_EVERY_SECONDS = 60.0


class ExpirySweep:
    """Looks at once, then every minute, as long as `watch` runs."""

    def __init__(
        self, *, store: UploadStore, receiver: Receiver, clock: Clock, every_seconds: float = _EVERY_SECONDS
    ) -> None:
        self._store = store
        self._receiver = receiver
        self._clock = clock
        self._every_seconds = every_seconds

    async def open(self) -> None:
        """Make the directory and remove stray files; only at start, when nothing is being written."""
        await asyncio.to_thread(self._store.directory.mkdir, parents=True, exist_ok=True)
        for stray in await self._store.strays():
            await asyncio.to_thread(stray.unlink)

    async def watch(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self.sweep()
            except Exception:
                _LOG.exception("uploads could not be looked through", extra={"action": "upload.expire"})
            await asyncio.sleep(self._every_seconds)

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
