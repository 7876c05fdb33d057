"""Parts of a workbook as they are unpacked, piece by piece and past the size that they declare."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from server.errors import FileProblem

# What a part that others could read may raise here.
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError, ElementTree.ParseError,
    StopIteration, ValueError, OSError, IndexError,
)  # fmt: skip
_BLOCK = 1024 * 1024
_OVERLAP = 64


def unpacked(path: Path, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member, read past the size it declares: other readers do not stop there."""
    left = member.file_size
    with path.open("rb") as stream:
        stream.seek(max(0, member.header_offset))
        head = stream.read(30)
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise damaged()
        stream.seek(sum(struct.unpack("<HH", head[26:30])), 1)
        packed = member.compress_size
        inflate = zlib.decompressobj(-15) if member.compress_type == zipfile.ZIP_DEFLATED else None
        while packed > 0 and (block := stream.read(min(_BLOCK, packed))):
            packed -= len(block)
            while block:
                piece = block if inflate is None else _inflated(inflate, block)
                block = b"" if inflate is None else inflate.unconsumed_tail
                left -= len(piece)
                if left < 0:
                    raise damaged()
                yield piece


def _inflated(inflate: Any, block: bytes) -> bytes:
    try:
        piece: bytes = inflate.decompress(block, _BLOCK)
    except zlib.error as error:
        raise damaged() from error
    return piece


def damaged() -> FileProblem:
    return FileProblem(
        "The Excel file is damaged or cut off; open it in a spreadsheet program, save it again and upload that.",
        code="damaged_workbook",
    )


def overlapping(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        yield rest + piece
        rest = piece[-_OVERLAP:]


def parse(
    pieces: Iterator[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        for piece in pieces:
            parser.Parse(piece, False)
        parser.Parse(b"", True)  # the reader would wait for ever for the end of what was cut off
    except expat.ExpatError as error:
        raise damaged() from error
