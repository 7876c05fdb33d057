"""Addresses that mail came back from for good: nothing more goes there until somebody says so."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id
from server.storage.rows import insert_missing
from server.storage.tables import held_addresses, users
from server.texts import Phrase, phrase

_AT_ONCE = 500  # addresses a statement


class HeldAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Of one owner: what they send goes there no more. `said` are the other side's words, `batch_id` is where it came
    back."""

    id: str
    owner_id: str
    owner: str
    address: str
    said: str
    batch_id: str
    created_at: datetime


async def hold_address(
    connection: AsyncConnection, *, owner_id: str, address: str, said: str, batch_id: str, now: datetime
) -> None:
    """One that is held already stays as it is."""
    row = {
        "id": new_id(),
        "owner_id": owner_id,
        "address": address.casefold(),
        "said": said,
        "batch_id": batch_id,
        "created_at": now,
    }
    await insert_missing(connection, held_addresses, [row], key=("owner_id", "address"))


async def hold_for(
    connection: AsyncConnection, new_owner_id: str, which: sa.ColumnElement[bool], *, now: datetime
) -> None:
    """Those of somebody else are held for them as well: mail that they send in another's place goes there no more."""
    names = ("address", "said", "batch_id")
    found = await connection.execute(sa.select(*(held_addresses.c[name] for name in names)).where(which))
    rows = [dict(row) | {"id": new_id(), "owner_id": new_owner_id, "created_at": now} for row in found.mappings()]
    await insert_missing(connection, held_addresses, rows, key=("owner_id", "address"))


async def held_words(connection: AsyncConnection, owner_id: str, address: str) -> str | None:
    """What was said when it came back; None for an address that mail goes to."""
    this = (held_addresses.c.owner_id == owner_id, held_addresses.c.address == address.casefold())
    found: str | None = await connection.scalar(sa.select(held_addresses.c.said).where(*this))
    return found


def held_back(address: str, said: str) -> Phrase:
    """Before it is sent: what becomes of mail to such an address."""
    return phrase("Mail to {address} is held back: it came back for good ({said}).", address=address, said=said)


async def free_address(connection: AsyncConnection, owner_id: str, address: str) -> bool:
    """Whether it was held."""
    this = (held_addresses.c.owner_id == owner_id, held_addresses.c.address == address.casefold())
    return bool((await connection.execute(sa.delete(held_addresses).where(*this))).rowcount)


async def held_among(connection: AsyncConnection, owner_id: str, addresses: Collection[str]) -> dict[str, str]:
    """Those that no mail goes to, in small letters, each with what was said when it came back."""
    wanted = sorted({address.casefold() for address in addresses})
    query = sa.select(held_addresses.c.address, held_addresses.c.said).where(held_addresses.c.owner_id == owner_id)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = held_addresses.c.address.in_(wanted[start : start + _AT_ONCE])
        found |= {row.address: row.said for row in await connection.execute(query.where(some))}
    return found


async def held_of(
    connection: AsyncConnection, which: sa.ColumnElement[bool], *, limit: int, skip: int = 0
) -> list[HeldAddress]:
    """The newest first."""
    names = [name for name in HeldAddress.__struct_fields__ if name != "owner"]
    query = (
        sa.select(*(held_addresses.c[name] for name in names), users.c.name.label("owner"))
        .join(users, users.c.id == held_addresses.c.owner_id)
        .where(which)
        .order_by(held_addresses.c.id.desc())
        .limit(limit)
        .offset(skip)
    )
    rows: list[Any] = list((await connection.execute(query)).mappings())
    return [msgspec.convert({str(name): value for name, value in row.items()}, HeldAddress) for row in rows]
