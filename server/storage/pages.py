"""Pages of lists: so many rows as were asked for, fewer when they are large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Column, ColumnElement, Text, and_, cast, func, literal, or_

from server.errors import InvalidInput

PAGE_BYTES = 1024 * 1024  # of a list's rows: what is decoded and encoded in one piece
_MOST_DIGITS = 18  # what a column can be compared with
Key = TypeVar("Key")
Item = TypeVar("Item")


class Listing(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """One page of a list: `total` counts all of it, `next_cursor` asks for the next page and is None on the last."""

    items: list[Item]
    next_cursor: str | None
    total: int


def place_of(cursor: str) -> int:
    """Where a list in the order of numbers goes on. Raises `InvalidInput`."""
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= _MOST_DIGITS):
        raise InvalidInput("This cursor is not one of ours; start again without it.")
    return int(cursor)


class NameOrder:
    """By name, and those of one name, which have different owners, by their ids."""

    def __init__(self, name: Column[str], row_id: Column[str]) -> None:
        self.columns = (name, row_id)

    def after(self, cursor: str | None) -> list[ColumnElement[bool]]:
        if cursor is None:
            return []
        name, _, row_id = cursor.rpartition("/")
        own_name, own_id = self.columns
        return [or_(own_name > name, and_(own_name == name, own_id > row_id))]

    @staticmethod
    def cursor(name: str, row_id: str) -> str:
        return f"{name}/{row_id}"


def size_of(*columns: ColumnElement[Any]) -> ColumnElement[int]:
    """How many characters these columns of a row hold."""
    lengths = (func.coalesce(func.length(cast(column, Text)), 0) for column in columns)
    return sum(lengths, start=literal(0))


def page_of(sizes: Iterable[tuple[Key, int]], *, limit: int, max_bytes: int = PAGE_BYTES) -> tuple[list[Key], bool]:
    """The keys of one page, given each row's key and size in order, and whether there are more.

    A page has at least one row, however large: else nobody would ever come past it.
    """
    keys: list[Key] = []
    left = max_bytes
    for key, size in sizes:
        left -= size
        if len(keys) == limit or (keys and left < 0):
            return keys, True
        keys.append(key)
    return keys, False
