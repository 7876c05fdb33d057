"""Where published files lie: immutable, under keys of ours, never under names that people chose."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from server.errors import Unavailable

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


class StorageAway(Unavailable):
    """The store of files does not answer at this moment; what was stored is safe. Try again shortly."""

    code = "storage_away"


class StorageRefuses(StorageAway):
    """The store of files refuses the keys that this server has; an administrator has to look at them."""


class FileDamaged(StorageAway):
    """A file came damaged from the store of files; try again, and have the store looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBlob:
    """`changed_at` is when it was published last."""

    key: str
    size: int
    changed_at: datetime


class BlobStore(Protocol):
    """Files that are there whole or not at all. Keys are `<kind>/<id>/<file>`; see `require_key`."""

    async def publish(self, scratch: Path, key: str) -> None:
        """Take over the file at `scratch` (see `Scratch`), durably. Raises `StorageFull`.

        The same key again is the same content, published once more: that makes it new for whoever sweeps by age.
        """

    async def publish_together(self, files: Mapping[str, Path]) -> None:
        """Several by key, all or none: those that are in place are deleted when another is refused."""

    def fetch(self, keys: Sequence[str]) -> AbstractAsyncContextManager[tuple[Path, ...]]:
        """Local files to read, in the order of `keys`; only inside the block. Raises `NotFound`."""

    def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` on, before `end`, in pieces. Raises `NotFound`."""

    async def size(self, key: str) -> int:
        """In bytes; raises `NotFound`."""

    def address(self, key: str, *, said: Mapping[str, str]) -> str | None:
        """Where a browser may get it by itself, for a moment, with these headers; None where it is to be sent."""

    async def sha256(self, key: str) -> str:
        """Of its content, as it was when it was published, in hexadecimal; empty where nobody noted it.

        Raises `NotFound`.
        """

    async def delete(self, *keys: str) -> None:
        """Those that are not there are deleted already."""

    def under(self, prefix: str) -> AsyncIterator[FoundBlob]:
        """All whose keys begin with `<prefix>/`, in no order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """One published file, for whoever sends it."""

    store: BlobStore
    key: str

    async def size(self) -> int:
        return await self.store.size(self.key)

    def address(self, *, said: Mapping[str, str]) -> str | None:
        return self.store.address(self.key, said=said)

    def stream(self, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        return self.store.stream(self.key, start=start, end=end)


@dataclass(frozen=True, slots=True)
class BlobThroughUs:
    """The same for whoever must ask for each byte: an address at the store would outlive the right to it."""

    blob: StoredBlob

    async def size(self) -> int:
        return await self.blob.size()

    def address(self, *, said: Mapping[str, str]) -> str | None:
        return None

    def stream(self, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        return self.blob.stream(start=start, end=end)


async def delete_under(blobs: BlobStore, prefix: str) -> None:
    """Delete every blob whose key begins with `<prefix>/`."""
    await blobs.delete(*[found.key async for found in blobs.under(prefix)])


def require_key(key: str) -> str:
    """Raises `ValueError` for what could lie elsewhere than among the blobs: a key never comes from outside."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a blob key: {key!r}")
    return key
