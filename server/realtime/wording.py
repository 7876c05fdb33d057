"""One message in the words of whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server.realtime import codec


class Wording:
    """A message that differs by language: written and encoded once for each language that somebody reads."""

    __slots__ = ("_frames", "_write", "type")

    def __init__(self, write: Callable[[str], Any]) -> None:
        """`write` makes the message in a language."""
        self._write = write
        self.type = ""  # of the message, once it was written
        self._frames: dict[str, bytes] = {}

    def frame(self, language: str, offset: int | None = None) -> bytes:
        """As JSON. Of a kept message, `offset` alone differs between readers: it is put into what all others share."""
        frame = self._frames.get(language)
        if frame is None:
            message = self._write(language)
            self.type = codec.type_of(message)
            frame = self._frames[language] = codec.encode(message)
        return frame if offset is None else b'%b,"offset":%d}' % (frame[:-1], offset)
