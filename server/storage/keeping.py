"""What is kept for a time and then goes: how a kind of thing says how much of it there is, what is old, how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func


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


def amount(of: Select[Any], size: ColumnElement[Any]) -> Select[int, int]:
    """`of` with its columns replaced by how many rows there are and the sum of their sizes."""
    total = cast(func.coalesce(func.sum(size), 0), BigInteger)  # PostgreSQL's sum of large integers is a decimal
    return of.with_only_columns(func.count(), total, maintain_column_froms=True)


def amount_of(row: Sequence[Any]) -> Amount:
    return Amount(count=row[0], bytes=row[1])
