"""Finds lines of the audit log: by who, what, when, how it ended and from where; newest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import AuditLine, AuditOutcome, Via
from server.auth.users import name_key
from server.storage import tables
from server.storage.database import Database
from server.storage.searching import mentions, searched

MOST_COUNTED = 10_000
_TABLE = tables.audit
_COLUMNS = [_TABLE.c[name] for name in AuditLine.__slots__]
_TEXTS = (_TABLE.c.user_name, _TABLE.c.action, _TABLE.c.subject, _TABLE.c.subject_id, _TABLE.c.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """All of it must be so; what is empty does not matter.

    `user` is a name or an id, also of somebody who is gone. An action is one (`dataset.delete`) or all of a thing
    (`dataset`). `thing` is part of a name, or an id; `address` is how it begins. `since` is in, `until` is not.
    """

    text: str = ""
    user: str = ""
    token_id: str = ""
    vias: Sequence[Via] = ()
    actions: Sequence[str] = ()
    thing: str = ""
    outcomes: Sequence[AuditOutcome] = ()
    address: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def names(self) -> list[str]:
        """Which of them are used."""
        return [name for name in AuditFilter.__slots__ if getattr(self, name)]


class AuditSearch:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: AuditFilter, *, limit: int, before: int | None = None) -> Sequence[AuditLine]:
        """Newest first, with ids under `before`."""
        async with self._database.read() as connection:
            conditions = await _conditions(connection, wanted)
            page = sa.select(*_COLUMNS).where(*conditions).order_by(_TABLE.c.id.desc()).limit(limit)
            rows = await connection.execute(page if before is None else page.where(_TABLE.c.id < before))
            return [_line(row) for row in rows]

    async def count(self, wanted: AuditFilter) -> tuple[int, bool]:
        """How many there are; past `MOST_COUNTED` they are not counted, and the second is False."""
        async with self._database.read() as connection:
            conditions = await _conditions(connection, wanted)
            few = sa.select(sa.literal(1)).select_from(_TABLE).where(*conditions).limit(MOST_COUNTED + 1).subquery()
            number = await connection.scalar(sa.select(sa.func.count()).select_from(few)) or 0
        return min(number, MOST_COUNTED), number <= MOST_COUNTED

    async def newest(self) -> int:
        """The id of the last line; 0 when there is none."""
        async with self._database.read() as connection:
            return await connection.scalar(sa.select(sa.func.max(_TABLE.c.id))) or 0

    async def token_names(self, token_ids: Collection[str]) -> dict[str, str]:
        """What they were called when they were made, also those that are gone."""
        made = sa.select(_TABLE.c.subject_id, _TABLE.c.subject).where(
            _TABLE.c.subject_id.in_(set(token_ids)), _TABLE.c.action == "token.create"
        )
        now = sa.select(tables.tokens.c.id, tables.tokens.c.name).where(tables.tokens.c.id.in_(set(token_ids)))
        async with self._database.read() as connection:
            names = {row[0]: row[1] for row in await connection.execute(made)}
            return names | {row[0]: row[1] for row in await connection.execute(now)}


async def _conditions(connection: AsyncConnection, wanted: AuditFilter) -> list[sa.ColumnElement[bool]]:
    conditions = [sa.or_(*(mentions(each, word) for each in _TEXTS)) for word in searched(wanted.text)]
    if wanted.user:
        conditions.append(await _by_user(connection, wanted.user))
    if wanted.token_id:
        conditions.append(_TABLE.c.token_id == wanted.token_id)
    if wanted.vias:
        conditions.append(_TABLE.c.via.in_(wanted.vias))
    if wanted.actions:
        conditions.append(sa.or_(*map(_of_action, wanted.actions)))
    if wanted.thing:
        named = mentions(_TABLE.c.subject, wanted.thing)
        conditions.append(sa.or_(_TABLE.c.subject_id == wanted.thing, named))
    if wanted.outcomes:
        conditions.append(_TABLE.c.outcome.in_(wanted.outcomes))
    if wanted.address:
        conditions.append(_TABLE.c.address.startswith(wanted.address, autoescape=True))
    if wanted.since is not None:
        conditions.append(_TABLE.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(_TABLE.c.at < wanted.until)
    return conditions


async def _by_user(connection: AsyncConnection, user: str) -> sa.ColumnElement[bool]:
    """By the id, so that somebody who was renamed is found whole; by the name that was written once they are gone."""
    named = sa.select(tables.users.c.id).where(tables.users.c.name_key == name_key(user))
    user_id = await connection.scalar(named)
    if user_id is not None:
        return _TABLE.c.user_id == str(user_id)
    as_written = {user, user.lower(), user.casefold()}
    return sa.or_(
        _TABLE.c.user_id == user, _TABLE.c.user_name == user, sa.func.lower(_TABLE.c.user_name).in_(as_written)
    )


def _of_action(action: str) -> sa.ColumnElement[bool]:
    if "." in action:
        return _TABLE.c.action == action
    return _TABLE.c.action.startswith(f"{action}.", autoescape=True)


def _line(row: Any) -> AuditLine:
    values = {name: getattr(row, name) for name in AuditLine.__slots__}
    return AuditLine(**values | {"via": Via(row.via), "outcome": AuditOutcome(row.outcome)})
