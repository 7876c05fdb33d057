"""By which names somebody may read datasets in SQL: one's own, and with their owner those of others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, given_or_own, may
from server.auth.permissions import Principal
from server.datasets.dataset import with_owner
from server.storage.tables import datasets, users

# DuckDB has them, or would look into its own things: nobody's `"main"."orders"` can be written.
_NOT_OWNERS = frozenset({"main", "temp", "system", "memory", "information_schema", "pg_catalog"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """Ids of datasets by their names: `orders`, `mei.orders`. `offered` are those that are proposed to an author."""

    ids: dict[str, str]
    offered: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.ids)


async def readable(connection: AsyncConnection, principal: Principal) -> Readable:
    """`orders` alone is one's own; or else that of another, when only one has shared such a dataset.

    What only the power of administrators opens is never meant by a name alone.
    """
    given = given_or_own(principal, DATASETS).label("is_given")
    query = (
        select(datasets.c.id, datasets.c.name, datasets.c.owner_id, users.c.name.label("owner"), given)
        .join(users, users.c.id == datasets.c.owner_id)
        .where(datasets.c.version.is_not(None), may(principal, DATASETS))
        .order_by(datasets.c.name, users.c.name_key)
    )
    rows = (await connection.execute(query)).all()
    own = {row.name: row.id for row in rows if row.owner_id == principal.user_id}
    shared = [row for row in rows if row.owner_id != principal.user_id]
    times = Counter(row.name for row in shared if row.is_given)
    alone = {row.name: row.id for row in shared if row.is_given and times[row.name] == 1}
    named = {with_owner(row.owner, row.name): row.id for row in rows if row.owner.lower() not in _NOT_OWNERS}
    others = tuple(with_owner(row.owner, row.name) for row in shared if with_owner(row.owner, row.name) in named)
    return Readable(ids=named | alone | own, offered=(*own, *others))
