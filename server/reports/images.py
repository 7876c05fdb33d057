"""Pictures in reports: proved to be harmless, and shown as they are."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import msgspec

from server.errors import InvalidInput
from server.jobs.worker_process import OnReport
from server.reports.picture_check import Damaged, fitting, whole
from server.reports.work import CopiedLogo, CopyRequest
from server.storage.full_disk import full_disk_named

MAX_BYTES = 2 * 1024 * 1024  # each report of a batch holds a copy
_LOGO_PIXELS = (600, 200)  # fine enough for print; every file of a report holds a copy
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


def copy_image(request: CopyRequest, report: OnReport) -> str:
    """Its sha256 in hexadecimal. Raises what `read_image` does, for damaged ones too, or `StorageFull`. Worker side."""
    content = _checked(request)
    with full_disk_named():
        request.target.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def copy_logo(request: CopyRequest, report: OnReport) -> CopiedLogo:
    """As `copy_image`, and no larger than it is ever seen."""
    content = fitting(_checked(request), *_LOGO_PIXELS)
    with full_disk_named():
        request.target.write_bytes(content)
    kind, width, height = _identified(content)
    return CopiedLogo(
        sha256=hashlib.sha256(content).hexdigest(), media_type=kind, size=len(content), width=width, height=height
    )


def _checked(request: CopyRequest) -> bytes:
    image = read_image(request.source, request.name)
    try:
        return whole(image.content, most=MAX_BYTES)
    except Damaged:
        raise InvalidInput(
            "The picture “{name}” is damaged or incomplete. Save it again as PNG or JPEG, and upload that file.",
            name=request.name,
        ) from None


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
