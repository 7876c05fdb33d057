"""Blocks of a file in memory that is taken again, which the system need not find and clear for each of them."""

from __future__ import annotations

import os
import sys
from io import FileIO

_UNUSED = 3  # references: of the list, of whoever goes through it, and of the question itself


class ReusedBlocks:
    """Reads pieces of a file; the memory of one is used again once nobody refers to it, nor to a view of it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._blocks: list[bytearray] = []

    def read(self, stream: FileIO, before: bytes = b"", *, most: int | None = None) -> bytearray:
        """`before`, and what the stream still has, up to the size, or to `most` bytes where these are fewer."""
        left = max(0, os.fstat(stream.fileno()).st_size - stream.tell())
        # Of a small file, a small block: to clear one of megabytes takes longer than to read it.
        size = len(before) + min(self._size if most is None else most, self._size, left + 1)
        block = self._taken(size)
        block[: len(before)] = before
        done = len(before)
        with memoryview(block) as view:
            while done < size and (count := stream.readinto(view[done:])):
                done += count
        del block[done:]
        return block

    def _taken(self, size: int) -> bytearray:
        block = self._unused(size)
        del block[size:]
        block.extend(bytes(size - len(block)))
        return block

    def _unused(self, size: int) -> bytearray:
        for block in self._blocks:
            if sys.getrefcount(block) == _UNUSED:
                return block
        self._blocks.append(block := bytearray(size))
        return block
