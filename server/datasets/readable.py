"""By which names somebody may read datasets in SQL: one's own, and with their owner those of others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from sqlalchemy import or_, select
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


async def readable(connection: AsyncConnection, principal: Principal, *, meant_by: str | None = None) -> Readable:
    """`orders` alone is one's own; or else that of another, when only one has shared such a dataset.

    What only the power of administrators opens is never meant by a name alone. `meant_by` is the id of whoever owns the
    template that is read: there a name alone is the dataset that it is to them, if the caller may see it. Nobody else's
    of that name takes its place.
    """
    author = principal if meant_by is None else replace(principal, user_id=meant_by)
    given = given_or_own(author, DATASETS)
    seen = may(principal, DATASETS)
    query = (
        select(
            datasets.c.id,
            datasets.c.name,
            datasets.c.owner_id,
            users.c.name.label("owner"),
            given.label("is_given"),
            seen.label("is_seen"),
        )
        .join(users, users.c.id == datasets.c.owner_id)
        .where(datasets.c.version.is_not(None), or_(seen, given))
        .order_by(datasets.c.name, users.c.name_key)
    )
    rows = (await connection.execute(query)).all()
    by_name = [row for row in rows if row.is_given]
    theirs = {row.name: row for row in by_name if row.owner_id == author.user_id}
    times = Counter(row.name for row in by_name if row.name not in theirs)
    alone = {row.name: row for row in by_name if times[row.name] == 1}
    short = {name: row.id for name, row in (alone | theirs).items() if row.is_seen}
    named = {
        with_owner(row.owner, row.name): row.id for row in rows if row.is_seen and row.owner.lower() not in _NOT_OWNERS
    }
    own = tuple(name for name, row in theirs.items() if row.is_seen)
    others = (with_owner(row.owner, row.name) for row in rows if row.owner_id != author.user_id)
    return Readable(ids=named | short, offered=(*own, *(name for name in others if name in named)))
