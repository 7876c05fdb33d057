"""Pictures of templates: copied once, kept while a batch shows them, gone a day after the last one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from server.clock import utc_now
from server.engines.local_files import LocalFiles
from server.reports.image_library import ImageLibrary
from server.storage.scratch import Scratch


class Shelf:
    """A library that only sweeps; `used` is what batches show."""

    def __init__(self, directory: Path) -> None:
        self.blobs = LocalFiles(directory)
        self.scratch = Scratch(directory / "partial")
        self.used: set[str] = set()
        self.now = utc_now()
        nobody = cast(Any, None)
        self.library = ImageLibrary(
            nobody,
            nobody,
            blobs=self.blobs,
            scratch=self.scratch,
            workers=nobody,
            room=nobody,
            used=self._used,
            clock=lambda: self.now,
        )

    async def _used(self) -> Collection[str]:
        return self.used

    async def put(self, key: str) -> None:
        path = self.scratch.path()
        path.write_bytes(b"logo")
        await self.blobs.publish(path, key)

    async def keys(self) -> set[str]:
        return {found.key async for found in self.blobs.under("images")}


async def test_a_picture_that_no_batch_shows_goes_after_a_day(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    await shelf.put("images/shown")
    await shelf.put("images/unused")
    shelf.used = {"images/shown"}
    shelf.now += timedelta(hours=23)
    await shelf.library.sweep()
    assert await shelf.keys() == {"images/shown", "images/unused"}
    shelf.now += timedelta(hours=2)
    await shelf.library.sweep()
    assert await shelf.keys() == {"images/shown"}
