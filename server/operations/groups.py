"""What administrators do with groups of people: make, rename, fill and delete them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.groups import Group, GroupStore
from server.auth.permissions import Principal
from server.auth.users import name_key
from server.errors import FieldError, InvalidInput
from server.operations.account_fields import name_problems
from server.storage.database import Database
from server.storage.tables import users

_MOST_MEMBERS = 10_000


class GroupOperations:
    """For administrators alone. Who comes into a group, or out of it, has other rights at once."""

    def __init__(self, *, database: Database, store: GroupStore, audit: Audit, changed: Callable[[], None]) -> None:
        """`changed` is told, after the commit, that rights of anything may be others now."""
        self._database = database
        self._store = store
        self._audit = audit
        self._changed = changed

    async def list(self, principal: Principal) -> Sequence[Group]:
        """By name."""
        principal.require_admin()
        return await self._store.all()

    async def get(self, principal: Principal, name: str) -> Group:
        """Raises `NotFound`."""
        principal.require_admin()
        return await self._store.get(name)

    async def create(self, principal: Principal, name: str, members: Sequence[str] = ()) -> Group:
        """`members` are names of users. Raises `Conflict` for a name that is taken, `InvalidInput` for unknown ones."""
        principal.require_admin()
        _require_name(name)
        async with self._database.write() as connection:
            group_id = await self._store.add(connection, name)
            await self._set_members(connection, group_id, members)
            detail = {"members": list(members)}
            await self._audit.record(connection, principal, "group.create", name, detail, subject_id=group_id)
        return await self._store.get(name)

    async def change(
        self, principal: Principal, name: str, *, new_name: str | None = None, members: Sequence[str] | None = None
    ) -> Group:
        """What is given; `members` replace those there were."""
        principal.require_admin()
        if new_name is not None:
            _require_name(new_name)
        async with self._database.write() as connection:
            group = await self._store.found(connection, name)
            if new_name is not None:
                await self._store.rename(connection, group, new_name)
            if members is not None:
                await self._set_members(connection, group.id, members)
            detail = {"renamed_to": new_name, "members": None if members is None else list(members)}
            told = {field: value for field, value in detail.items() if value is not None}
            await self._audit.record(connection, principal, "group.change", group.name, told, subject_id=group.id)
        self._changed()
        return await self._store.get(new_name or name)

    async def delete(self, principal: Principal, name: str) -> None:
        """With what was granted to it. Raises `NotFound`."""
        principal.require_admin()
        async with self._database.write() as connection:
            group = await self._store.found(connection, name)
            await self._store.delete(connection, group)
            detail = {"members": group.members}
            await self._audit.record(connection, principal, "group.delete", group.name, detail, subject_id=group.id)
        self._changed()

    async def _set_members(self, connection: AsyncConnection, group_id: str, names: Sequence[str]) -> None:
        if len(names) > _MOST_MEMBERS:
            message = "A group has at most {limit} members."
            told: dict[str, object] = {"limit": _MOST_MEMBERS}
            raise InvalidInput(errors=[FieldError(field="members", message=message, parameters=told)])
        keys = {name_key(name): name for name in names}
        found = await connection.execute(sa.select(users.c.name_key, users.c.id).where(users.c.name_key.in_(keys)))
        ids = {row.name_key: row.id for row in found}
        unknown = [name for key, name in keys.items() if key not in ids]
        if unknown:
            message = "There is no user named “{name}”."
            raise InvalidInput(
                errors=[FieldError(field="members", message=message, parameters={"name": name}) for name in unknown]
            )
        await self._store.set_members(connection, group_id, list(ids.values()))


def _require_name(name: str) -> None:
    if problems := name_problems(name):
        raise InvalidInput(errors=problems)
