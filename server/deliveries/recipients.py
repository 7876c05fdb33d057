"""Who of those that a delivery names may see what it is made from: asked as users of this server, at that moment.

Rights are of whole datasets, so a query that ran as the recipient would find the same rows as the owner's, or none at
all: to ask whether they may see each dataset is to ask whether the report would be the same for them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, DATASETS, seers
from server.storage.tables import users
from server.texts import Phrase, phrase

_AT_ONCE = 500  # addresses a statement


async def left_out(
    connection: AsyncConnection, addresses: Collection[str], datasets: Mapping[str, str]
) -> dict[str, Phrase]:
    """Why each of those who may not see all of `datasets` (ids by name) gets nothing, by their address in small
    letters. Where several accounts read mail at one address, one of them that may is enough."""
    wanted = sorted({address.casefold() for address in addresses})
    found: dict[str, Phrase] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        found |= await _of_some(connection, wanted[start : start + _AT_ONCE], datasets)
    return found


async def openers(connection: AsyncConnection, addresses: Collection[str], batch_id: str) -> set[str]:
    """Those, in small letters, at which somebody with an account reads mail who may open the pages of the batch."""
    wanted = sorted({address.casefold() for address in addresses if address})
    lower, found = sa.func.lower(users.c.email), set[str]()
    for start in range(0, len(wanted), _AT_ONCE):
        confirmed = (users.c.email_confirmed_at.is_not(None), users.c.disabled_at.is_(None))
        theirs = sa.select(lower).where(lower.in_(wanted[start : start + _AT_ONCE]), *confirmed)
        found |= set(await connection.scalars(theirs.where(seers(BATCHES, batch_id))))
    return found


async def _of_some(
    connection: AsyncConnection, addresses: Sequence[str], datasets: Mapping[str, str]
) -> dict[str, Phrase]:
    lower = sa.func.lower(users.c.email)
    confirmed = (lower.in_(addresses), users.c.email_confirmed_at.is_not(None), users.c.disabled_at.is_(None))
    accounts = {
        row.id: row.address
        for row in await connection.execute(sa.select(users.c.id, lower.label("address")).where(*confirmed))
    }
    closed: dict[str, list[str]] = {user_id: [] for user_id in accounts}
    for name, dataset_id in sorted(datasets.items()):
        allowed = set(await connection.scalars(sa.select(users.c.id).where(*confirmed, seers(DATASETS, dataset_id))))
        for user_id in accounts.keys() - allowed:
            closed[user_id].append(name)
    reasons = {address: phrase("Left out: no user of this server has confirmed this address.") for address in addresses}
    for user_id, names in closed.items():
        if names:
            reasons[accounts[user_id]] = phrase("Left out: may not see {datasets}.", datasets=", ".join(names))
    for user_id, names in closed.items():
        if not names:
            reasons.pop(accounts[user_id], None)
    return reasons
