"""Who may see or change a thing: its owner, administrators, and those to whom it was granted.

Nothing here is remembered between two questions: a grant that is taken away is gone with the next one.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.permissions import ANONYMOUS, SCOPES_OF_ROLE, Principal, Role
from server.auth.users import name_key
from server.errors import Forbidden, InvalidInput, NotFound, StorageFull
from server.storage.database import Database
from server.storage.tables import batches, datasets, grants, group_members, templates, users

_LOOKS_SECONDS = 3600.0
_MOST_LOOKS = 10_000
_ONLY_LOOK = "“{name}” is shared with you to look at; ask {owner} for the right to edit it."
_ONLY_OWNER = "Only {owner}, whose “{name}” is, and administrators may do this."


class Right(StrEnum):
    """What somebody may do with a thing; each holds those before it. `OWN` is never granted."""

    VIEW = "view"
    EDIT = "edit"
    OWN = "own"

    def __ge__(self, other: object) -> bool:
        order = list(Right)
        return isinstance(other, Right) and order.index(self) >= order.index(other)


class Whose(StrEnum):
    """Which things a list has: the reader's own, those shared with them, both, or everybody's (administrators)."""

    MINE_AND_SHARED = ""
    MINE = "mine"
    SHARED = "shared"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shareable:
    """A kind of things that can be shared: their table, and the column of `grants` that names one of them."""

    kind: str
    table: sa.Table
    granted: sa.Column[Any]


DATASETS = Shareable(kind="dataset", table=datasets, granted=grants.c.dataset_id)
TEMPLATES = Shareable(kind="template", table=templates, granted=grants.c.template_id)
BATCHES = Shareable(kind="batch", table=batches, granted=grants.c.batch_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A thing that somebody may see; `owner` is a user's name."""

    id: str
    owner_id: str
    owner: str
    name: str
    right: Right
    is_looked_into: bool = False  # by an administrator, to whom nobody gave it

    def require(self, right: Right) -> None:
        """Raises `Forbidden`, which names the owner: who sees a thing knows whose it is."""
        if not self.right >= right:
            raise Forbidden(_ONLY_OWNER if right is Right.OWN else _ONLY_LOOK, name=self.name, owner=self.owner)


def granted(principal: Principal, of: Shareable, right: Right = Right.VIEW) -> sa.ColumnElement[bool]:
    """Whether somebody gave it to them, themselves, a group of theirs, or everybody."""
    if not principal.user_id or right is Right.OWN:
        return sa.false()  # who has not signed in is nobody: “everybody” has an account
    groups = sa.select(group_members.c.group_id).where(group_members.c.user_id == principal.user_id)
    reaches = sa.or_(
        grants.c.user_id == principal.user_id,
        grants.c.group_id.in_(groups),
        grants.c.everyone,
    )
    enough = [each for each in (Right.VIEW, Right.EDIT) if each >= right]
    given = sa.select(of.granted).where(of.granted.is_not(None), reaches, grants.c.may.in_(enough))
    return of.table.c.id.in_(given)


def given_or_own(principal: Principal, of: Shareable, right: Right = Right.VIEW) -> sa.ColumnElement[bool]:
    """What is theirs and what was granted to them; not what only the power of administrators opens."""
    if not principal.user_id:
        return sa.false()
    return sa.or_(of.table.c.owner_id == principal.user_id, granted(principal, of, right))


def may(principal: Principal, of: Shareable, right: Right = Right.VIEW) -> sa.ColumnElement[bool]:
    """The one expression by which every question is answered and every list is filtered."""
    return sa.true() if principal.is_admin else given_or_own(principal, of, right)


def listed(
    principal: Principal, of: Shareable, whose: Whose = Whose.MINE_AND_SHARED, owner: str | None = None
) -> sa.ColumnElement[bool]:
    """What a list shows. Of a named `owner` it is all that may be seen."""
    if owner is not None:
        is_theirs = of.table.c.owner_id.in_(sa.select(users.c.id).where(owner_is(owner)))
        return sa.and_(is_theirs, may(principal, of))
    if whose is Whose.ALL:
        principal.require_admin()
        return sa.true()
    if whose is Whose.MINE:
        return sa.and_(of.table.c.owner_id == principal.user_id, given_or_own(principal, of))
    if whose is Whose.SHARED:
        return sa.and_(of.table.c.owner_id != principal.user_id, granted(principal, of))
    return given_or_own(principal, of)


async def require_still(
    connection: AsyncConnection, principal: Principal, of: Shareable, thing_id: str, right: Right
) -> None:
    """In the transaction that writes: what was given may have been taken away since. Raises `NotFound`."""
    found = sa.select(of.table.c.id).where(of.table.c.id == thing_id, may(principal, of, right))
    if (await connection.execute(found)).first() is None:
        raise NotFound


async def user_may(
    connection: AsyncConnection, user_id: str, of: Shareable, thing_id: str, right: Right = Right.VIEW
) -> bool:
    """Of whoever ordered work that is done while they are away."""
    principal = await _absent(connection, user_id)
    if right is not Right.VIEW and principal.role is Role.VIEWER:
        return False
    found = sa.select(of.table.c.id).where(of.table.c.id == thing_id, may(principal, of, right))
    return (await connection.execute(found)).first() is not None


async def closed_to(
    connection: AsyncConnection, user_id: str, of: Shareable, thing_ids: Collection[str]
) -> Sequence[str]:
    """Those that there are, are another's, and may be seen no more by whoever ordered work with them."""
    principal = await _absent(connection, user_id)
    table = of.table.c
    found = sa.select(table.id).where(table.id.in_(thing_ids), table.owner_id != user_id, sa.not_(may(principal, of)))
    return list(await connection.scalars(found))


async def _absent(connection: AsyncConnection, user_id: str) -> Principal:
    """As if they asked now; nobody, when their account is disabled or gone."""
    wanted = sa.select(users.c.name, users.c.role).where(users.c.id == user_id, users.c.disabled_at.is_(None))
    row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        return ANONYMOUS
    role = Role(row.role)
    return Principal(user_id=user_id, user_name=row.name, role=role, language="", scopes=SCOPES_OF_ROLE[role])


class ThingAccess:
    """Finds things for whoever asks. What they may not see is not found, and nobody can tell the difference."""

    def __init__(self, database: Database, *, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._looks: dict[tuple[str, str], float] = {}  # administrator and thing → when

    async def of(self, principal: Principal, of: Shareable, thing_id: str, right: Right = Right.VIEW) -> Sight:
        """Raises `NotFound` for what they may not see, `Forbidden` for what they may see and no more."""
        principal.require_read()
        found = await self._seen(principal, of, of.table.c.id == thing_id, may(principal, of))
        if not found:
            raise NotFound
        return await self._opened(principal, found[0], of, right)

    async def is_given(self, principal: Principal, of: Shareable, thing_id: str, right: Right) -> bool:
        """Whether it is theirs, or was given to them. That administrators may open everything does not count."""
        if right is not Right.VIEW and principal.role is Role.VIEWER:
            return False
        found = sa.select(of.table.c.id).where(of.table.c.id == thing_id, given_or_own(principal, of, right))
        async with self._database.read() as connection:
            return (await connection.execute(found)).first() is not None

    async def are_open(self, principal: Principal, of: Shareable, thing_ids: Collection[str]) -> bool:
        """Whether they may see all of them."""
        found = sa.select(sa.func.count()).where(of.table.c.id.in_(thing_ids), may(principal, of))
        async with self._database.read() as connection:
            return await connection.scalar(found) == len(set(thing_ids))

    async def named(
        self,
        principal: Principal,
        of: Shareable,
        name: str,
        *,
        missing: str,
        owner: str | None = None,
        right: Right = Right.VIEW,
    ) -> Sight:
        """The one of `owner`; without one the caller's own, or else the only one of that name that they were given.

        `missing` is what is said when there is none that they may see.
        """
        principal.require_read()
        is_named = of.table.c.name == name
        if owner is not None:
            found = await self._seen(principal, of, is_named, owner_is(owner), may(principal, of))
        else:
            found = await self._seen(principal, of, is_named, given_or_own(principal, of))
            found = [each for each in found if each.owner_id == principal.user_id] or found
        if not found:
            raise NotFound(missing, name=name)
        if len(found) > 1:
            raise ambiguous(name, [each.owner for each in found])
        return await self._opened(principal, found[0], of, right)

    async def _seen(self, principal: Principal, of: Shareable, *conditions: sa.ColumnElement[bool]) -> list[Sight]:
        table = of.table.c
        query = (
            sa.select(
                table.id,
                table.owner_id,
                table.name,
                users.c.name.label("owner"),
                granted(principal, of).label("is_given"),
                granted(principal, of, Right.EDIT).label("is_editable"),
            )
            .join(users, users.c.id == table.owner_id)
            .where(*conditions)
            .order_by(users.c.name_key)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [_sight(principal, row) for row in rows]

    async def _opened(self, principal: Principal, sight: Sight, of: Shareable, right: Right) -> Sight:
        sight.require(right)
        if sight.is_looked_into:
            await self.note_look(principal, sight, of.kind)
        return sight

    async def note_look_at(self, principal: Principal, kind: str, thing_id: str, name: str, *, owner_id: str) -> None:
        """The same of what is never shared, an upload or a job, when an administrator reads what it holds."""
        if owner_id == principal.user_id or self._is_noted(principal, thing_id):
            return
        async with self._database.read() as connection:
            owner = await connection.scalar(sa.select(users.c.name).where(users.c.id == owner_id))
        sight = Sight(id=thing_id, owner_id=owner_id, owner=owner or "", name=name, right=Right.OWN)
        await self.note_look(principal, sight, kind)

    def _is_noted(self, principal: Principal, thing_id: str) -> bool:
        return time.monotonic() - self._looks.get((principal.user_id, thing_id), -_LOOKS_SECONDS) < _LOOKS_SECONDS

    async def note_look(self, principal: Principal, sight: Sight, kind: str) -> None:
        """One line an hour for each thing that an administrator looks into: enough to ask why, and no flood."""
        if self._is_noted(principal, sight.id):
            return
        key, now = (principal.user_id, sight.id), time.monotonic()
        self._looks[key] = now
        while len(self._looks) > _MOST_LOOKS:
            del self._looks[next(iter(self._looks))]
        detail = {"kind": kind, "owner": sight.owner}
        with suppress(StorageFull):  # whoever makes room has to look first
            async with self._database.write() as connection:
                await self._audit.record(connection, principal, "access.look", sight.name, detail, subject_id=sight.id)


def ambiguous(name: str, owners: Sequence[str]) -> InvalidInput:
    """Several others have shared something of one name."""
    names = ", ".join(f'"{owner}"."{name}"' for owner in owners)
    return InvalidInput(
        "Several are called “{name}”; say whose you mean: {names}.", code="ambiguous_name", name=name, names=names
    )


def _sight(principal: Principal, row: sa.Row[Any]) -> Sight:
    is_own, right = row.owner_id == principal.user_id, Right.EDIT if row.is_editable else Right.VIEW
    return Sight(
        id=row.id,
        owner_id=row.owner_id,
        owner=row.owner,
        name=row.name,
        right=Right.OWN if is_own or principal.is_admin else _within(principal, right),
        is_looked_into=not is_own and not row.is_given,
    )


def _within(principal: Principal, right: Right) -> Right:
    """A viewer looks at what they may edit, until their role is another one."""
    return Right.VIEW if principal.role is Role.VIEWER else right


def owner_is(owner: str) -> sa.ColumnElement[bool]:
    """Whose id it is, and nobody else; where it is nobody's, whose name it is."""
    with_id = users.alias()
    is_id = sa.select(with_id.c.id).where(with_id.c.id == owner).exists()
    return sa.or_(users.c.id == owner, sa.and_(users.c.name_key == name_key(owner), sa.not_(is_id)))
