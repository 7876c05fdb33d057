"""What lines of the audit log speak of: which of these things there still are, and whose they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import AuditLine
from server.storage import tables

# By the first word of the action. Sessions, tokens and connections have no page of their own.
_OF_ACTIONS: Mapping[str, sa.Table] = {
    "account": tables.users,
    "batch": tables.batches,
    "connection": tables.users,
    "dataset": tables.datasets,
    "fetch": tables.jobs,
    "import": tables.jobs,
    "job": tables.jobs,
    "link": tables.batches,
    "reset_link": tables.users,
    "second_factor": tables.users,
    "template": tables.templates,
    "upload": tables.uploads,
    "user": tables.users,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentThing:
    """`name` is what it is called now, where it has a name; `owner_id` is whose it is (of a user: their own)."""

    id: str
    name: str
    owner_id: str


# Of those by what they are about.
_LOOKED_AT: Mapping[str, sa.Table] = {
    kind: _OF_ACTIONS[kind] for kind in ("batch", "dataset", "job", "template", "upload")
}


def thing_of(action: str) -> str:
    """`dataset` of `dataset.delete`."""
    return action.partition(".")[0]


async def present_things(connection: AsyncConnection, lines: Iterable[AuditLine]) -> dict[str, PresentThing]:
    """By their ids; whatever is gone is left out."""
    wanted: defaultdict[sa.Table, set[str]] = defaultdict(set)
    for line in lines:
        table = _table_of(line)
        if table is not None and line.subject_id:
            wanted[table].add(line.subject_id)
    found: dict[str, PresentThing] = {}
    for table, ids in wanted.items():
        name, owner = table.c.get("name", sa.literal("")), table.c.get("owner_id", table.c.id)
        rows = await connection.execute(sa.select(table.c.id, name, owner).where(table.c.id.in_(ids)))
        found |= {row[0]: PresentThing(id=row[0], name=row[1], owner_id=row[2]) for row in rows}
    return found


def _table_of(line: AuditLine) -> sa.Table | None:
    thing = thing_of(line.action)
    if thing == "access":
        return _LOOKED_AT.get(str(line.detail.get("kind")))
    return tables.users if line.action == "session.refuse" else _OF_ACTIONS.get(thing)
