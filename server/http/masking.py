"""Refuses WebSocket frames that a client did not mask, which RFC 6455 (5.1) demands and aiohttp does not ask for."""

from __future__ import annotations

from typing import Protocol

_MASKED, _LENGTH = 0x80, 0x7F
_MASK_BYTES = 4
_SHORT_HEAD = 2 + _MASK_BYTES
_LONGEST_HEAD = 10  # without the mask: two bytes and a length of eight
# A frame with reserved bits: aiohttp ends with 1002 what sends one. It takes the place of an unmasked frame.
_NO_FRAME = b"\xf1\x80\x00\x00\x00\x00"


class Reader(Protocol):
    """aiohttp's `WebSocketReader`, as far as it is used here."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]: ...

    def feed_eof(self) -> None: ...


class MaskedReader:
    """Stands before the reader of a WebSocket and looks at the heads of the frames that pass."""

    __slots__ = ("_head", "_left", "_reader")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._left = 0  # bytes of the present frame that have not come yet
        self._head = b""  # of the present frame, as long as its length is not known

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        # Nearly always one short frame comes as a whole.
        if not self._left and not self._head and len(data) >= _SHORT_HEAD:
            size = data[1]
            if size & _MASKED and len(data) == (size & _LENGTH) + _SHORT_HEAD and size & _LENGTH < 126:
                return self._reader.feed_data(data)
        return self._reader.feed_data(self._masked_part(data))

    def feed_eof(self) -> None:
        self._reader.feed_eof()

    def _masked_part(self, data: bytes) -> bytes:
        """What of `data` may be read now; an unmasked frame, and all after it, is replaced by what is no frame."""
        if len(self._head) == 1:  # was held back: only the second byte says whether a frame is masked
            data, self._head = self._head + data, b""
        at = min(self._left, len(data))
        self._left -= at
        while at < len(data):
            head = self._head + data[at : at + _LONGEST_HEAD]
            if len(head) == 1:
                self._head = head
                return data[:at]
            if not head[1] & _MASKED:
                return data[:at] + _NO_FRAME
            length = _frame_length(head)
            if length is None:
                self._head = head
                return data
            length -= len(self._head)
            self._head = b""
            step = min(length, len(data) - at)
            self._left = length - step
            at += step
        return data


def _frame_length(head: bytes) -> int | None:
    """Of a masked frame, all its bytes; None when more of its head must be known."""
    size = head[1] & _LENGTH
    if size < 126:
        return _SHORT_HEAD + size
    extra = 2 if size == 126 else 8
    if len(head) < 2 + extra:
        return None
    return _SHORT_HEAD + extra + int.from_bytes(head[2 : 2 + extra], "big")
