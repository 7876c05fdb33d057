"""The one place that knows whether there is room on the disk for more."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from server.errors import StorageFull
from server.storage.reserve import Reserve

T = TypeVar("T")
_LOOK_SECONDS = 0.5  # how long something may go on writing after the room for it has gone


class Space(StrEnum):
    """`low`: new data is refused. `full`: what was kept back is being used up too."""

    OK = "ok"
    LOW = "low"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStatistics:
    state: Space
    total_bytes: int
    free_bytes: int
    reserve_bytes: int
    min_free_bytes: int


class Room:
    """Asked by whatever brings in or makes data, before it begins and while it goes on."""

    def __init__(self, directory: Path, *, min_free_bytes: int, reserve: Reserve) -> None:
        self._directory = directory
        self._reserve = reserve
        self.min_free_bytes = min_free_bytes

    @property
    def state(self) -> Space:
        if self._reserve.is_needed:
            return Space.FULL
        return Space.LOW if self._free_bytes() < self.min_free_bytes else Space.OK

    def require(self, needed: int = 0) -> None:
        """Raises `StorageFull` when `needed` more bytes would leave less free than always has to be."""
        self.recover()
        free = self._free_bytes()
        if free - needed < self.min_free_bytes or self._reserve.is_needed:
            raise StorageFull(
                "The server's disk is full: {free} bytes are free, {needed} are needed and {reserve} stay reserved. "
                "What was stored is safe; free some space, then try again.",
                free=free,
                needed=needed,
                reserve=self.min_free_bytes,
            )

    def recover(self) -> None:
        """Keep room back again once there is enough. Costs next to nothing while there is not."""
        if self._reserve.is_needed:
            self._reserve.take()

    async def within(self, work: Coroutine[Any, Any, T], *, needed: int = 0) -> T:
        """What `work` returns; it is cancelled, and `StorageFull` raised, once there is too little room for it."""
        try:
            self.require(needed)
        except StorageFull:
            work.close()
            raise
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=_LOOK_SECONDS))[0]:
                self.require()
        except BaseException:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # it has stumbled over being stopped
            raise
        return task.result()

    def statistics(self) -> RoomStatistics:
        disk = shutil.disk_usage(self._directory)
        return RoomStatistics(
            state=self.state,
            total_bytes=disk.total,
            free_bytes=disk.free,
            reserve_bytes=self._reserve.held_bytes,
            min_free_bytes=self.min_free_bytes,
        )

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._directory).free
