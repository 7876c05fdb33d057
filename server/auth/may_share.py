"""Who may let strangers see something, which is asked whenever a link is made, and again whenever one is used."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from server.auth.permissions import Role
from server.storage.tables import batches, users

_Value = ColumnElement[Any] | str


def may_share(user_id: _Value, batch_id: _Value) -> ColumnElement[bool]:
    """Whether this user may show a batch, and with it its reports, to people without an account.

    Today these are its owner, unless they are a viewer by now, and administrators; and nobody whose account is
    disabled.
    """
    is_owner = and_(batches.c.owner_id == users.c.id, users.c.role != Role.VIEWER)
    return (
        select(users.c.id)
        .where(users.c.id == user_id, users.c.disabled_at.is_(None), batches.c.id == batch_id)
        .where(or_(users.c.role == Role.ADMIN, is_owner))
        .correlate_except(users, batches)
        .exists()
    )
