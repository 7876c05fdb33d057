"""Decoding that goes on after bytes that are no text, so that only their rows are rejected."""

from __future__ import annotations

import codecs
import re
from array import array

import pyarrow as pa

Bytes = bytes | bytearray
KEEP_BYTES = "jindu-keep-bytes"


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    """Undecodable bytes become lone surrogates, which no text holds: the row is rejected, the file goes on."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


def as_one(block: Bytes, kind: pa.DataType) -> pa.Array:
    """A block as the only value of a column of texts or bytes, for Arrow to look at: in other threads meanwhile."""
    offsets = pa.py_buffer(array("i", [0, len(block)]))
    return pa.Array.from_buffers(kind, 1, [None, offsets, pa.py_buffer(block)])


def is_utf8(block: Bytes) -> bool:
    try:
        as_one(block, pa.string()).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def text_with_bytes(block: Bytes) -> str:
    """UTF-8 as text; each byte that is none is a lone surrogate, also where it was one before it became UTF-8."""
    text = block.decode("utf-8", "surrogateescape")
    return _KEPT.sub(_byte_again, text) if "\udced" in text else text


_KEPT = re.compile("\udced([\udcb2\udcb3])([\udc80-\udcbf])")


def _byte_again(kept: re.Match[str]) -> str:
    return chr(0xDC00 + ((ord(kept[1]) & 3) << 6 | (ord(kept[2]) & 0x3F)))


codecs.register_error(KEEP_BYTES, _keep_bytes)


def is_text(cell: str) -> bool:
    """Whether nothing of it stands for such bytes."""
    return not any("\ud800" <= character < "\ue000" for character in cell)
