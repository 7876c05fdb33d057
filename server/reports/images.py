"""Pictures in reports: found among their owner's uploads, proved to be harmless, and kept as they were."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from server.errors import InvalidInput, NotFound
from server.jobs.shared_workers import SharedWorkers
from server.jobs.workers import OnReport
from server.storage.blobs import Blobs
from server.storage.full_disk import full_disk_named
from server.storage.room import Room
from server.uploads.files import Upload, UploadStore
from server.uploads.removed import removed_named

MAX_BYTES = 2 * 1024 * 1024  # each report of a batch holds a copy
_PREFIX = "images"
_CHECK_SECONDS = 20.0
_MAX_PIXELS = 25_000_000  # a picture is unpacked to four bytes a pixel
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: what every reader knows
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A PNG or JPEG; `width` and `height` in its own pixels."""

    content: bytes
    media_type: str
    width: int
    height: int

    @property
    def data_address(self) -> str:
        """As a page or a drawing that needs no other file names it."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


def read_image(path: Path, name: str) -> Image:
    """Raises `InvalidInput` for what is no PNG or JPEG, or too large. Only the header is believed, nothing unpacked."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InvalidInput(
            "The picture “{name}” has {size} bytes; at most {limit} are possible. Make it smaller.",
            name=name,
            size=size,
            limit=MAX_BYTES,
        )
    content = path.read_bytes()
    kind, width, height = _identified(content)
    if not kind or not width or not height:
        raise InvalidInput("“{name}” is no picture that reports can show; use a PNG or JPEG file.", name=name)
    if width * height > _MAX_PIXELS:
        raise InvalidInput(
            "The picture “{name}” is {width} × {height} pixels large; make it smaller.",
            name=name,
            width=width,
            height=height,
        )
    return Image(content=content, media_type=kind, width=width, height=height)


class CopyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which upload is said to be a picture, what it is called, and where its copy goes."""

    source: Path
    name: str
    target: Path


def copy_image(request: CopyRequest, report: OnReport) -> str:
    """Its sha256 in hexadecimal. Raises what `read_image` does, or `StorageFull`. Worker side."""
    image = read_image(request.source, request.name)
    with full_disk_named():
        request.target.write_bytes(image.content)
    return hashlib.sha256(image.content).hexdigest()


class ImageLibrary:
    """Where the pictures that a template names come from: the newest whole upload of that name."""

    def __init__(self, uploads: UploadStore, blobs: Blobs, workers: SharedWorkers, room: Room) -> None:
        self._uploads = uploads
        self._blobs = blobs
        self._workers = workers
        self._room = room

    async def pinned(self, owner_id: str, names: Iterable[str]) -> dict[str, str]:
        """Blob keys by name, of copies that stay when the upload goes. Raises `InvalidInput` naming what is missing."""
        return {name: await self._pin(owner_id, name) for name in names}

    async def paths(self, owner_id: str, names: Iterable[str]) -> dict[str, Path]:
        return image_paths(await self.pinned(owner_id, names), self._blobs)

    async def remove_unused(self, used: Collection[str]) -> None:
        """Delete copies that no batch shows any more; only at start, when nothing is being ordered or drawn."""
        await asyncio.to_thread(self._remove_all_but, used)

    def _remove_all_but(self, used: Collection[str]) -> None:
        for key in list(self._blobs.keys_under(_PREFIX)):
            if key not in used:
                self._blobs.delete(key)

    async def _pin(self, owner_id: str, name: str) -> str:
        upload = await self._uploads.newest_whole(owner_id, name)
        if upload is None:
            raise InvalidInput(
                "The template shows “{name}”, but you have no uploaded file of that name. Upload the picture first.",
                name=name,
            )
        return await self._copy(owner_id, upload, name)

    async def _copy(self, owner_id: str, upload: Upload, name: str) -> str:
        self._room.require(upload.size or 0)
        partial = self._blobs.new_partial()
        request = CopyRequest(source=upload.path, name=name, target=partial)
        try:
            with removed_named(upload):
                sha256: str = await self._workers.run(owner_id, copy_image, request, timeout_seconds=_CHECK_SECONDS)
            return await asyncio.to_thread(self._publish_once, partial, sha256)
        finally:
            await asyncio.shield(asyncio.to_thread(partial.unlink, missing_ok=True))

    def _publish_once(self, partial: Path, sha256: str) -> str:
        # Named by its content: the same logo in a hundred batches is one file.
        key = f"{_PREFIX}/{sha256}"
        try:
            self._blobs.path(key)
        except NotFound:
            self._blobs.publish(partial, key)
        return key


def image_paths(pinned: Mapping[str, str], blobs: Blobs) -> dict[str, Path]:
    return {name: blobs.path(key) for name, key in pinned.items()}


def _identified(content: bytes) -> tuple[str, int, int]:
    """Media type, width, height; an empty type for anything else. PNG: RFC 2083, 11.2.1; JPEG: ITU T.81, B.2.2."""
    if content.startswith(_PNG) and content[12:16] == b"IHDR" and len(content) >= 24:
        return "image/png", int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    return "", 0, 0


def _jpeg(content: bytes) -> tuple[str, int, int]:
    position = 2
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker in _JPEG_FRAMES:
            height = int.from_bytes(content[position + 5 : position + 7])
            return "image/jpeg", int.from_bytes(content[position + 7 : position + 9]), height
        if marker == 0xFF or marker in _JPEG_WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
            continue
        position += 2 + max(2, int.from_bytes(content[position + 2 : position + 4]))
    return "", 0, 0
