"""Where everything lies that is not a row."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.storage.blob_store import BlobStore, FoundBlob
from server.uploads.pieces import Pieces


class Leftovers(Protocol):
    """What was being put into the store when whoever did it was killed, and what no list of its files has."""

    async def found(self) -> Sequence[FoundBlob]:
        """Those that nobody works at any more. Raises `StorageAway`."""

    async def watch(self) -> None:
        """Remove those again and again, until cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStores:
    """What was published, and what is on its way in."""

    blobs: BlobStore
    pieces: Pieces
    is_away: Callable[[], bool] = lambda: False
    watch: Callable[[], Coroutine[None, None, None]] | None = None  # keeps `is_away` true to what is
    leftovers: Leftovers | None = None
