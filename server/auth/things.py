"""The kinds of things that have a page of their own, as those see them who may: for lists that hold several kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, DATASETS, TEMPLATES, may
from server.auth.permissions import Principal
from server.storage.tables import batches, datasets, reports, templates, users

KINDS = ("dataset", "template", "batch", "report")


class ThingKey(NamedTuple):
    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingSeen:
    """`owner` is a user's name, `within` the batch that a report is of, `at` when it was marked or seen."""

    kind: str
    id: str
    name: str
    owner_id: str
    owner: str
    within: str = ""
    at: datetime


_NAMES: Mapping[str, tuple[sa.Table, sa.Column[str]]] = {
    "dataset": (datasets, datasets.c.name),
    "template": (templates, templates.c.name),
    "batch": (batches, batches.c.name),
    "report": (reports, reports.c.title),
}
TABLES: Mapping[str, sa.Table] = {kind: table for kind, (table, _) in _NAMES.items()}
_SHARED_AS = {"dataset": DATASETS, "template": TEMPLATES, "batch": BATCHES, "report": BATCHES}


def _of_kind(principal: Principal, kind: str, ids: Sequence[str]) -> sa.Select[Any]:
    """Those of these things that this principal may see; each report as its batch."""
    table, name = _NAMES[kind]
    within = batches.c.name if kind == "report" else sa.literal("")
    joined = table.join(users, users.c.id == table.c.owner_id)
    if kind == "report":
        joined = joined.join(batches, batches.c.id == reports.c.batch_id)
    columns = (table.c.id, name.label("name"), within.label("within"), table.c.owner_id, users.c.name.label("owner"))
    return sa.select(*columns).select_from(joined).where(table.c.id.in_(ids), may(principal, _SHARED_AS[kind]))


async def is_open(connection: AsyncConnection, principal: Principal, kind: str, thing_id: str) -> bool:
    """Whether they may see this one."""
    return (await connection.execute(_of_kind(principal, kind, [thing_id]))).first() is not None


async def seen_among(
    connection: AsyncConnection, principal: Principal, wanted: Mapping[ThingKey, datetime], *, limit: int
) -> list[ThingSeen]:
    """Of these, with the moments that go with them, those that they may see; the newest first."""
    found = []
    for kind in KINDS:
        if ids := [each.id for each in wanted if each.kind == kind]:
            rows = await connection.execute(_of_kind(principal, kind, ids))
            found += [ThingSeen(kind=kind, at=wanted[ThingKey(kind, row.id)], **row._mapping) for row in rows]
    return sorted(found, key=lambda thing: (thing.at, thing.id), reverse=True)[:limit]


def named_things(rows: Iterable[Any], when: str) -> dict[ThingKey, datetime]:
    """What rows of `favourites` or `recently_seen` are about, and the moment that they hold."""
    found = {}
    for row in rows:
        for kind in KINDS:
            if (thing_id := getattr(row, f"{kind}_id")) is not None:
                found[ThingKey(kind, thing_id)] = getattr(row, when)
    return found
