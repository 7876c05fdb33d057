"""The line from nodes to Valkey, on which words get lost."""

from __future__ import annotations

import asyncio
import random
import re

from tests.freezing import FreezingLine

_CHUNK_BYTES = 65_536
_PUBLISH = re.compile(rb"PUBLISH\r\n\$\d+\r\n(?=jindu)")


class WordsLine(FreezingLine):
    """In front of Valkey. Of what nodes publish, `loses` of it goes to a channel at which nobody listens."""

    def __init__(self, behind: int, *, seed: str) -> None:
        super().__init__(behind)
        self._random = random.Random(f"{seed} words")
        self.loses = 0.0
        self.lost = 0

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_there: bool) -> None:
        while data := await source.read(_CHUNK_BYTES):
            await self._flowing.wait()
            target.write(self._some_lost(data) if is_there and self.loses else data)
            await target.drain()
        target.write_eof()

    def _some_lost(self, data: bytes) -> bytes:
        """In the same number of bytes."""
        marked = bytearray(data)
        for found in _PUBLISH.finditer(data):
            if self._random.random() < self.loses:
                marked[found.end()] = ord("-")
                self.lost += 1
        return bytes(marked)
