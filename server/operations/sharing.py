"""Who else may see or change a dataset, a template or a batch: told to those concerned, said by its owner."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, DATASETS, TEMPLATES, Right, Shareable, Sight, ThingAccess, require_still
from server.auth.audit import Audit
from server.auth.grants import MOST_GRANTS, Grant, GrantStore
from server.auth.permissions import Principal
from server.datasets.catalog import MISSING as NO_DATASET
from server.errors import FieldError, InvalidInput, PreconditionFailed
from server.jobs.outcomes import Notice
from server.reports.template_store import MISSING as NO_TEMPLATE
from server.storage.database import Database
from server.storage.tables import group_members, groups, users

_KINDS = {each.kind: each for each in (DATASETS, TEMPLATES, BATCHES)}
_MISSING = {"dataset": NO_DATASET, "template": NO_TEMPLATE}
_PAGES = {"dataset": "/datasets/{owner}:{name}", "template": "/templates/{owner}:{name}"}
_TITLES = {
    "dataset": "{by} shared the dataset “{name}” with you",
    "template": "{by} shared the template “{name}” with you",
    "batch": "{by} shared the reports “{name}” with you",
}
_MOST_PEOPLE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """`grants` are all of them for whoever may change them, for others those that reach them.

    `tag` is for If-Match, and empty for others: whoever guesses all grants could tell by it that they are right.
    """

    sight: Sight
    grants: Sequence[Grant]
    tag: str = ""

    @property
    def may_share(self) -> bool:
        return self.sight.right is Right.OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """With whom something can be shared, by name."""

    users: Sequence[str]
    groups: Sequence[str]


TellChange = Callable[[str, str], None]
"""That rights of a thing are others now: its kind and id."""

TellPerson = Callable[[str, Notice], None]


class SharingOperations:
    """`kind` is `dataset`, `template` or `batch`; a batch is named by its id, the others by name and owner."""

    def __init__(
        self,
        *,
        database: Database,
        access: ThingAccess,
        grants: GrantStore,
        audit: Audit,
        changed: TellChange,
        tell: TellPerson,
    ) -> None:
        """`changed` is told after the commit."""
        self._database = database
        self.access = access
        self._grants = grants
        self._audit = audit
        self._changed = changed
        self._tell = tell

    async def get(self, principal: Principal, kind: str, name: str, *, owner: str | None = None) -> Shared:
        """Raises `NotFound` for what they may not see."""
        sight = await self._sight(principal, kind, name, owner)
        async with self._database.read() as connection:
            return await self._shared(connection, principal, _KINDS[kind], sight)

    async def put(
        self,
        principal: Principal,
        kind: str,
        name: str,
        wanted: Sequence[Grant],
        *,
        owner: str | None = None,
        expected: str | None = None,
    ) -> Shared:
        """Replace all grants; raises `InvalidInput` naming users and groups that there are not.

        `expected` is the tag it must still have.
        """
        principal.require_write()
        if len(wanted) > MOST_GRANTS:
            message = "At most {limit} people and groups; make a group of them."
            raise InvalidInput(errors=[FieldError(field="grants", message=message, parameters={"limit": MOST_GRANTS})])
        of, sight = _KINDS[kind], await self._sight(principal, kind, name, owner, Right.OWN)
        async with self._database.write() as connection:
            await require_still(connection, principal, of, sight.id, Right.OWN)
            before = await self._shared(connection, principal, of, sight)
            if expected not in (None, "*", before.tag):
                raise PreconditionFailed
            known = await self._reached(connection, before.grants)
            await self._grants.replace(
                connection, of, sight.id, wanted, owner_id=sight.owner_id, given_by=principal.user_name
            )
            after = await self._shared(connection, principal, of, sight)
            reached = await self._reached(connection, after.grants)
            detail = {"kind": kind, "owner": sight.owner, "grants": [each.text for each in after.grants]}
            await self._audit.record(connection, principal, "access.change", sight.name, detail, subject_id=sight.id)
        self._changed(kind, sight.id)
        for user_id in reached - known - {principal.user_id, sight.owner_id}:
            self._tell(user_id, _notice(principal, kind, sight))
        return after

    async def require_good(self, principal: Principal, wanted: Grant) -> None:
        """Before many are shared: raises `InvalidInput` for whom there is not."""
        principal.require_write()
        async with self._database.write() as connection:
            await self._grants.require_good(connection, wanted)

    async def add(self, principal: Principal, kind: str, name: str, wanted: Grant) -> Shared:
        """One more, in place of what the same people were given before; nothing where they have it."""
        found = await self.get(principal, kind, name)
        others = [each for each in found.grants if not each.is_to_same(wanted)]
        if wanted in found.grants:
            return found
        return await self.put(principal, kind, name, [*others, wanted], expected=found.tag or None)

    async def people(self, principal: Principal) -> People:
        """Whom something can be shared with; for those who may share."""
        principal.require_write()
        names = sa.select(users.c.name).where(users.c.disabled_at.is_(None), users.c.id != principal.user_id)
        async with self._database.read() as connection:
            found = await connection.scalars(names.order_by(users.c.name_key).limit(_MOST_PEOPLE))
            named = list(found)
            all_groups = await connection.scalars(sa.select(groups.c.name).order_by(groups.c.name_key))
            return People(users=named, groups=list(all_groups))

    async def _sight(
        self, principal: Principal, kind: str, name: str, owner: str | None, right: Right = Right.VIEW
    ) -> Sight:
        of = _KINDS[kind]
        if of is BATCHES:
            return await self.access.of(principal, of, name, right)
        return await self.access.named(principal, of, name, missing=_MISSING[kind], owner=owner, right=right)

    async def _shared(self, connection: AsyncConnection, principal: Principal, of: Shareable, sight: Sight) -> Shared:
        found = await self._grants.of(connection, of, sight.id)
        text = "\n".join(f"{each.user!r} {each.group!r} {each.right}" for each in found)
        if sight.right is not Right.OWN:
            mine = set(await self._groups_of(connection, principal.user_id))
            found = [each for each in found if each.everyone or each.user == principal.user_name or each.group in mine]
            return Shared(sight=sight, grants=found)
        tag = hashlib.sha256(f"{sight.id}\n{text}".encode()).hexdigest()[:16]
        return Shared(sight=sight, grants=found, tag=tag)

    async def _groups_of(self, connection: AsyncConnection, user_id: str) -> Sequence[str]:
        query = sa.select(groups.c.name).join(group_members, group_members.c.group_id == groups.c.id)
        return list(await connection.scalars(query.where(group_members.c.user_id == user_id)))

    async def _reached(self, connection: AsyncConnection, found: Sequence[Grant]) -> set[str]:
        """Ids of the users who are named, themselves or by a group: they are told; everybody is not."""
        members = (
            sa.select(group_members.c.user_id)
            .join(groups, groups.c.id == group_members.c.group_id)
            .where(groups.c.name.in_([each.group for each in found if each.group]))
        )
        named = sa.select(users.c.id).where(users.c.name.in_([each.user for each in found if each.user]))
        return {*await connection.scalars(members), *await connection.scalars(named)}


def _notice(by: Principal, kind: str, sight: Sight) -> Notice:
    page = _PAGES.get(kind, "/batches/{id}")
    return Notice(
        title=_TITLES[kind],
        body="",
        level="info",
        url=page.format(name=quote(sight.name), owner=sight.owner_id, id=sight.id),
        parameters={"by": by.user_name, "name": sight.name},
    )
