"""Pages of lists: so many rows as were asked for, fewer when they are large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

PAGE_BYTES = 1024 * 1024  # of a list's rows: what is decoded and encoded in one piece
Key = TypeVar("Key")


def page_of(sizes: Iterable[tuple[Key, int]], *, limit: int, max_bytes: int = PAGE_BYTES) -> tuple[list[Key], bool]:
    """The keys of one page, given each row's key and size in order, and whether there are more.

    A page has at least one row, however large: else nobody would ever come past it.
    """
    keys: list[Key] = []
    left = max_bytes
    for key, size in sizes:
        left -= size or 0
        if len(keys) == limit or (keys and left < 0):
            return keys, True
        keys.append(key)
    return keys, False
