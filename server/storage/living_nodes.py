"""Which nodes live: each says so again and again, with what it was set up with as far as all have to agree on it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import utc_now
from server.storage.tables import nodes

UNHEARD = timedelta(seconds=10)  # several beats: a node that says nothing for so long was killed, or is frozen
UNMARKED = "-"
_FORGOTTEN = timedelta(days=1)


class NodeSetup(msgspec.Struct, frozen=True, kw_only=True):
    """No secret and no address is in it."""

    key: str  # a keyed hash of the secret key
    files: str  # how its `storage_url` begins; empty for files in the data directory
    mark: str = ""  # of the store of files, or UNMARKED; empty as long as it does not answer
    broker: str = ""  # by which others know it there; empty without one
    hears: bool = False  # whether its broker answers, and hears it


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingNode:
    """`id` is of one start; `seen_at` is by the database's clock, so that those of nodes may differ."""

    id: str
    name: str
    host: str
    seen_at: datetime
    setup: NodeSetup


async def living_nodes(connection: AsyncConnection, *, but: Collection[str] = ()) -> Sequence[LivingNode]:
    """Those that were heard of a moment ago, by name, without those with an id of `but`."""
    since = await _moment(connection) - UNHEARD
    rows = select(nodes).where(nodes.c.seen_at > since, nodes.c.id.not_in(but)).order_by(nodes.c.name, nodes.c.id)
    return [_node(row) for row in await connection.execute(rows)]


async def say_alive(connection: AsyncConnection, *, start_id: str, name: str, host: str, setup: NodeSetup) -> None:
    """In a transaction that writes; also for a node that was forgotten meanwhile."""
    told = {"name": name, "host": host, "seen_at": await _moment(connection), "setup": msgspec.to_builtins(setup)}
    if not (await connection.execute(update(nodes).where(nodes.c.id == start_id).values(told))).rowcount:
        await connection.execute(insert(nodes).values(id=start_id, **told))


async def forget_node(connection: AsyncConnection, start_id: str) -> None:
    await connection.execute(delete(nodes).where(nodes.c.id == start_id))


async def forget_silent_nodes(connection: AsyncConnection) -> None:
    await connection.execute(delete(nodes).where(nodes.c.seen_at < await _moment(connection) - _FORGOTTEN))


async def forget_nodes_of_backup(connection: AsyncConnection, made_at: datetime) -> None:
    """Those that lived when it was made: they do not live on where it is restored."""
    await connection.execute(delete(nodes).where(nodes.c.seen_at > made_at - UNHEARD))


async def _moment(connection: AsyncConnection) -> datetime:
    if connection.dialect.name == "sqlite":  # which no other machine has
        return utc_now()
    found: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    return found


def _node(row: Row[Any]) -> LivingNode:
    return LivingNode(
        id=row.id, name=row.name, host=row.host, seen_at=row.seen_at, setup=msgspec.convert(row.setup, NodeSetup)
    )
