"""The bytes of uploads, wherever they lie: they come in order, and are made durable before they are acknowledged."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from server.errors import Gone

BYTES_MISSING = "Bytes that were sent before are missing on the server; upload the file again."


class UploadGone(Gone):
    """The uploaded file is gone; upload it again."""

    code = "upload_gone"


@contextmanager
def going_is_told(path: Path) -> Iterator[None]:
    """Whatever fails in the block because the file at `path` went meanwhile is `UploadGone`."""
    try:
        yield
    except Exception:
        if path.exists():
            raise
        raise UploadGone from None


class RunningHash:
    """sha256 of the first `position` bytes, carried on from request to request so that nothing is read twice."""

    def __init__(self) -> None:
        self.position = 0
        self._hash = hashlib.sha256()

    def update(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self.position += len(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class UploadFile(Protocol):
    """One upload, open to take more bytes from `start` on; `written` says how far they came.

    `hash` is of the whole upload, None once it cannot tell; `check` is another one, of the new bytes only.
    """

    start: int
    written: int
    acknowledged: int
    hash: RunningHash | None
    check: Any

    async def append(self, data: bytes) -> None:
        """Raises `StorageFull`; `written` then says how much of it was taken."""

    async def settle(self) -> int:
        """As `sync`, but who sends quickly is not held up by what is on its way: that counts with the next one."""

    async def sync(self) -> int:
        """Make everything written durable; answers how many bytes of the upload that are."""

    async def cut(self, offset: int) -> None:
        """Forget what lies beyond `offset`, and with it the hashes, unless nothing lay there."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the uploads that a file is made of, with all its bytes."""

    upload_id: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundUpload:
    """Bytes that lie under an id; `changed_at` is when the last of them came."""

    upload_id: str
    changed_at: datetime


class Pieces(Protocol):
    """The bytes of all uploads, by id."""

    async def create(self, upload_id: str) -> None:
        """A place for bytes, empty. Raises `StorageFull`."""

    async def open(
        self, upload_id: str, *, offset: int, writer: int, running_hash: RunningHash | None, check: Any = None
    ) -> UploadFile:
        """What lies beyond `offset` was never acknowledged and goes. Raises `Gone` when less is there.

        `writer` is higher with each time: what an earlier one still brings, on another node, counts for nothing.
        """

    def whole(self, upload_id: str, *, size: int) -> AbstractAsyncContextManager[Path]:
        """Its `size` bytes as one local file, to be read inside the block. Raises `UploadGone`.

        Whatever fails in the block because they went meanwhile is `UploadGone`: each reader has words of its own.
        """

    def stream(self, upload_id: str, *, size: int) -> AsyncGenerator[bytes, None]:
        """Its `size` bytes, in order. Raises `UploadGone`."""

    async def sha256(self, upload_id: str, *, size: int) -> str:
        """Of its `size` bytes, in hexadecimal. Raises `UploadGone`."""

    async def join(self, parts: Sequence[Part], upload_id: str) -> tuple[int, str]:
        """Make one durable upload of others, which stay; answers its size and sha256.

        Raises `StorageFull`, and `Gone` when a part has vanished; then, and when it is cancelled, there is none.
        """

    async def discard(self, *upload_ids: str) -> None:
        """Those that are not there are gone already."""

    def all(self) -> AsyncIterator[FoundUpload]:
        """Whatever lies here, in no order."""
