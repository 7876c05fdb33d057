"""Views of lists under a name: each person's own, and those that editors share with everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.auth.saved_views import (
    FIELDS,
    MOST_VIEWS,
    NAME_CHARACTERS,
    SavedView,
    SavedViewStore,
    ViewedList,
    ViewQuery,
)
from server.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from server.storage.database import Database

_NOT_THEIRS = "Only {owner}, whose view “{name}” is, and administrators may do this."
_MOST_VALUES, _VALUE_CHARACTERS = 50, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChanges:
    """None leaves it as it is."""

    name: str | None = None
    query: ViewQuery | None = None
    is_shared: bool | None = None


class SavedViewOperations:
    def __init__(self, *, database: Database, store: SavedViewStore) -> None:
        self._database = database
        self._store = store

    async def list(self, principal: Principal, of: ViewedList | None = None) -> Sequence[SavedView]:
        """Their own by name, then those that are shared with everybody."""
        principal.require_read()
        return await self._store.seen_by(principal.user_id, of)

    async def get(self, principal: Principal, view_id: str) -> SavedView:
        """Raises `NotFound` for what they do not see."""
        principal.require_read()
        async with self._database.read() as connection:
            return await self._found(connection, principal, view_id)

    async def save(
        self, principal: Principal, of: ViewedList, name: str, query: ViewQuery, *, is_shared: bool = False
    ) -> SavedView:
        """A new one. Raises `Conflict` where they have one of this name."""
        _require_change(principal, is_shared=is_shared)
        name, query = _named(name), _chosen(of, query)
        async with self._database.write() as connection:
            if await self._store.count(connection, principal.user_id, of) >= MOST_VIEWS:
                raise InvalidInput("You have {limit} views of this list already; remove one first.", limit=MOST_VIEWS)
            await self._require_free(connection, principal.user_id, of, name)
            view_id = await self._store.add(connection, principal.user_id, of, name, query, is_shared=is_shared)
            detail = {"list": of.value, "shared": is_shared}
            await Audit.record(connection, principal, "view.save", name, detail, subject_id=view_id)
            return await self._found(connection, principal, view_id)

    async def change(self, principal: Principal, view_id: str, changes: ViewChanges) -> SavedView:
        """Raises `NotFound` for what they do not see, `Forbidden` for another's that is shared with them."""
        async with self._database.write() as connection:
            view = await self._own(connection, principal, view_id)
            _require_change(principal, is_shared=view.is_shared or bool(changes.is_shared))
            values: dict[str, Any] = {}
            if changes.name is not None:
                values["name"] = _named(changes.name)
                await self._require_free(connection, view.owner_id, view.of, values["name"], but=view.id)
            if changes.query is not None:
                values["query"] = _chosen(view.of, changes.query)
            if changes.is_shared is not None:
                values["is_shared"] = changes.is_shared
            await self._store.change(connection, view.id, values)
            after = await self._found(connection, principal, view.id)
            detail = {"list": view.of.value, "shared": after.is_shared, "changed": sorted(values)}
            await Audit.record(connection, principal, "view.change", after.name, detail, subject_id=view.id)
            return after

    async def remove(self, principal: Principal, view_id: str) -> SavedView:
        """The view that is gone; what it showed stays. Raises as `change`."""
        async with self._database.write() as connection:
            view = await self._own(connection, principal, view_id)
            principal.require_own_change()
            await self._store.remove(connection, view.id)
            detail = {"list": view.of.value, "shared": view.is_shared}
            await Audit.record(connection, principal, "view.remove", view.name, detail, subject_id=view.id)
        return view

    async def _found(self, connection: AsyncConnection, principal: Principal, view_id: str) -> SavedView:
        view = await self._store.get(connection, view_id)
        if view is None or not (view.is_shared or view.owner_id == principal.user_id):
            raise NotFound
        return view

    async def _own(self, connection: AsyncConnection, principal: Principal, view_id: str) -> SavedView:
        view = await self._found(connection, principal, view_id)
        if not principal.may_see(view.owner_id):
            raise Forbidden(_NOT_THEIRS, owner=view.owner, name=view.name)
        return view

    async def _require_free(
        self, connection: AsyncConnection, owner_id: str, of: ViewedList, name: str, *, but: str = ""
    ) -> None:
        if await self._store.is_taken(connection, owner_id, of, name, but=but):
            raise Conflict("There is a view “{name}” already; give this one another name.", name=name)


def _require_change(principal: Principal, *, is_shared: bool) -> None:
    if is_shared:
        principal.require_write()
    else:
        principal.require_own_change()  # viewers as well: it is how they look at things


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_CHARACTERS or not name.isprintable():
        message = "Give the view a name of at most {limit} characters."
        raise InvalidInput(errors=[FieldError(field="name", message=message, parameters={"limit": NAME_CHARACTERS})])
    return name


def _chosen(of: ViewedList, query: ViewQuery) -> dict[str, list[str]]:
    """Without what is empty; of fields that the list has."""
    chosen = {field: [value for value in values if value] for field, values in query.items()}
    for field, values in chosen.items():
        if field not in FIELDS[of]:
            raise _issue(f"query.{field}", "This list is not filtered by this.")
        if len(values) > _MOST_VALUES or any(len(value) > _VALUE_CHARACTERS for value in values):
            raise _issue(f"query.{field}", "This is more than a view can keep.")
        if not all(value.isprintable() for value in values):
            raise _issue(f"query.{field}", "This holds characters that cannot be stored.")
    if not any(chosen.values()):
        raise _issue("query", "This view chooses nothing; set one of the filters first.")
    return {field: values for field, values in chosen.items() if values}


def _issue(field: str, message: str) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field=field, message=message)])
