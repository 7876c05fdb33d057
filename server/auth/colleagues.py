"""Who shares something with whom: people who know of each other by what one gave the other, or by a group."""

from __future__ import annotations

import sqlalchemy as sa

from server.auth.access import BATCHES, DATASETS, TEMPLATES, Shareable
from server.storage.tables import grants, group_members, users


def colleagues_of(user_id: str) -> sa.ColumnElement[bool]:
    """Which rows of `users` share something with this user: one gave it to the other, themselves or a group of theirs,
    or both are in a group. What is given to everybody makes nobody acquainted, nor does the power of administrators.
    """
    own_groups = sa.select(group_members.c.group_id).where(group_members.c.user_id == user_id)
    found = [sa.select(group_members.c.user_id).where(group_members.c.group_id.in_(own_groups))]
    for of in (BATCHES, DATASETS, TEMPLATES):
        found += _by(of, user_id, own_groups)
    return sa.and_(users.c.id != user_id, users.c.disabled_at.is_(None), users.c.id.in_(sa.union_all(*found)))


def _by(of: Shareable, user_id: str, own_groups: sa.Select[tuple[str]]) -> list[sa.Select[tuple[str]]]:
    is_own = of.granted.in_(sa.select(of.table.c.id).where(of.table.c.owner_id == user_id))
    to_user = sa.select(grants.c.user_id).where(grants.c.user_id.is_not(None), is_own)
    through_groups = sa.select(grants.c.group_id).where(grants.c.group_id.is_not(None), is_own)
    to_members = sa.select(group_members.c.user_id).where(group_members.c.group_id.in_(through_groups))
    given = sa.select(of.granted).where(
        of.granted.is_not(None), sa.or_(grants.c.user_id == user_id, grants.c.group_id.in_(own_groups))
    )
    owners = sa.select(of.table.c.owner_id).where(of.table.c.id.in_(given))
    return [to_user, to_members, owners]
