"""Where everything lies that is not a row."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from server.storage.blob_store import BlobStore
from server.uploads.pieces import Pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStores:
    """What was published, and what is on its way in."""

    blobs: BlobStore
    pieces: Pieces
    is_away: Callable[[], bool] = lambda: False
    watch: Callable[[], Coroutine[None, None, None]] | None = None  # keeps `is_away` true to what is
