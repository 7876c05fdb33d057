"""What is granted of one thing, to whom: as it is told, and as it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import Right, Shareable
from server.auth.users import name_key
from server.clock import Clock, new_id, utc_now
from server.errors import FieldError, InvalidInput
from server.storage.rows import lock
from server.storage.tables import grants, groups, users

MOST_GRANTS = 200  # of one thing: whoever means more people means a group


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly one of `user`, `group` and `everyone` says to whom; `right` is `view` or `edit`."""

    user: str | None = None
    group: str | None = None
    everyone: bool = False
    right: Right = Right.VIEW

    def is_to_same(self, other: Grant) -> bool:
        """Whether both are to the same people; names are compared as signing in does."""
        return _whom(self) == _whom(other)

    @property
    def text(self) -> str:
        """As the audit log has it."""
        whom = "everyone" if self.everyone else f"group {self.group}" if self.group is not None else f"user {self.user}"
        return f"{whom}: {self.right}"


def _whom(grant: Grant) -> tuple[str | None, str | None, bool]:
    keys = [None if name is None else name_key(name) for name in (grant.user, grant.group)]
    return keys[0], keys[1], grant.everyone


class GrantStore:
    """All in the caller's transaction."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock = clock

    async def of(self, connection: AsyncConnection, of: Shareable, thing_id: str) -> list[Grant]:
        """Everybody first, then groups and users by name."""
        query = (
            sa.select(grants.c.may, grants.c.everyone, users.c.name.label("user"), groups.c.name.label("group"))
            .outerjoin(users, users.c.id == grants.c.user_id)
            .outerjoin(groups, groups.c.id == grants.c.group_id)
            .where(of.granted == thing_id)
            .order_by(users.c.name_key.is_not(None), groups.c.name_key, users.c.name_key)
        )
        rows = (await connection.execute(query)).all()
        found = [Grant(user=row.user, group=row.group, everyone=row.everyone, right=Right(row.may)) for row in rows]
        return sorted(found, key=lambda each: (not each.everyone, each.group is None))

    async def replace(
        self,
        connection: AsyncConnection,
        of: Shareable,
        thing_id: str,
        wanted: Sequence[Grant],
        *,
        owner_id: str,
        given_by: str,
    ) -> None:
        """From now on these and no others.

        Raises `InvalidInput` for users and groups that there are not, and for what is said twice.
        """
        await connection.execute(lock(sa.select(of.table.c.id).where(of.table.c.id == thing_id)))
        rows = await self._rows(connection, wanted, owner_id)
        now = self._clock()
        await connection.execute(sa.delete(grants).where(of.granted == thing_id))
        for row in rows:
            made = {"id": new_id(), of.granted.name: thing_id, "given_by": given_by, "created_at": now}
            await connection.execute(sa.insert(grants).values(**made, **row))

    async def require_good(self, connection: AsyncConnection, wanted: Grant) -> None:
        """Raises `InvalidInput` for whom there is not."""
        await self._rows(connection, [wanted], "")

    async def _rows(self, connection: AsyncConnection, wanted: Sequence[Grant], owner_id: str) -> list[dict[str, Any]]:
        user_ids = await _ids(connection, users, [each.user for each in wanted])
        group_ids = await _ids(connection, groups, [each.group for each in wanted])
        rows: list[dict[str, Any]] = []
        errors: list[FieldError] = []
        for place, each in enumerate(wanted):
            row = {
                "user_id": user_ids.get(name_key(each.user)) if each.user is not None else None,
                "group_id": group_ids.get(name_key(each.group)) if each.group is not None else None,
            }
            problem = _problem(each, row, [(one["user_id"], one["group_id"]) for one in rows], owner_id)
            if problem:
                name = each.user or each.group or ""
                errors.append(FieldError(field=f"grants[{place}]", message=problem, parameters={"name": name}))
            rows.append(row | {"everyone": each.everyone, "may": each.right.value})
        if errors:
            raise InvalidInput(errors=errors)
        return rows


def _problem(each: Grant, row: dict[str, Any], before: Sequence[tuple[Any, Any]], owner_id: str) -> str:
    message = ""
    if [each.user is not None, each.group is not None, each.everyone].count(True) != 1:
        message = "Say exactly one of user, group and everyone."
    elif each.right is Right.OWN:
        message = "What can be given is “view” or “edit”."
    elif each.user is not None and row["user_id"] is None:
        message = "There is no user named “{name}”."
    elif each.group is not None and row["group_id"] is None:
        message = "There is no group named “{name}”."
    elif row["user_id"] == owner_id:
        message = "“{name}” is the owner, who may do everything already."
    elif (row["user_id"], row["group_id"]) in before and (each.user or each.group):
        message = "“{name}” is named twice."
    elif (row["user_id"], row["group_id"]) in before:
        message = "Everybody is named twice."
    return message


async def _ids(connection: AsyncConnection, table: sa.Table, names: Sequence[str | None]) -> dict[str, str]:
    keys = {name_key(name) for name in names if name is not None}
    # Locked: none of them goes before they were given something.
    named = sa.select(table.c.name_key, table.c.id).where(table.c.name_key.in_(keys)).order_by(table.c.id)
    found = await connection.execute(lock(named))
    return {row.name_key: row.id for row in found}
