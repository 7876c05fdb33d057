"""What is kept for a time and then goes: how a kind of thing says how much of it there is, what is old, how it goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import BigInteger, Column, ColumnElement, Select, cast, func
from sqlalchemy.ext.asyncio import AsyncConnection

from server.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So many things, and the bytes they take: of files exactly, of rows about."""

    count: int = 0
    bytes: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(count=self.count + other.count, bytes=self.bytes + other.bytes)


class Keeping(Protocol):
    """One kind of thing. With an owner, only theirs are counted."""

    @property
    def kind(self) -> str: ...

    async def held(self, owner_id: str | None = None) -> Amount:
        """All there are, however old."""
        ...

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        """Those that may go, since nobody has needed them from `before` on."""
        ...

    async def remove_some(self, before: datetime) -> Amount | None:
        """One short step, after which others have their turn; None when nothing is left to go."""
        ...


class CountedRows:
    """A kind of thing that goes by itself, without a sweep: it is only counted. What has no `owner` is nobody's own."""

    def __init__(
        self,
        kind: str,
        database: Database,
        rows: Select[Any],
        size: ColumnElement[Any],
        *,
        owner: Column[Any] | None = None,
    ) -> None:
        self.kind = kind
        self._database = database
        self._rows = rows
        self._size = size
        self._owner = owner

    async def held(self, owner_id: str | None = None) -> Amount:
        if owner_id is None:
            rows = self._rows
        elif self._owner is None:
            return Amount()
        else:
            rows = self._rows.where(self._owner == owner_id)
        async with self._database.read() as connection:
            return await amount(connection, rows, self._size)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        return Amount()

    async def remove_some(self, before: datetime) -> Amount | None:
        return None


async def amount(connection: AsyncConnection, of: Select[Any], size: ColumnElement[Any]) -> Amount:
    """How many rows `of` has, whatever its columns, and the sum of their sizes."""
    total = cast(func.coalesce(func.sum(size), 0), BigInteger)  # PostgreSQL's sum of large integers is a decimal
    counted = of.with_only_columns(func.count(), total, maintain_column_froms=True)
    count, size_bytes = (await connection.execute(counted)).one()
    return Amount(count=count, bytes=size_bytes)


async def amount_of(
    database: Database, of: Select[Any], size: ColumnElement[Any], *, owner: Column[Any], owner_id: str | None
) -> Amount:
    """The same by itself, of one owner's or, without an `owner_id`, of everybody's; `owner` is the column that says."""
    async with database.read() as connection:
        return await amount(connection, of if owner_id is None else of.where(owner == owner_id), size)
