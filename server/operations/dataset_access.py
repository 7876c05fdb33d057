"""Whose datasets somebody may see, and the one that they mean."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from server.auth.permissions import Principal
from server.auth.users import name_key
from server.datasets.catalog import Catalog
from server.datasets.dataset import Dataset, Version
from server.errors import NotFound
from server.storage.database import Database
from server.storage.tables import users


class DatasetAccess:
    """Every method takes who asks first. Only administrators may name another `owner`."""

    def __init__(self, *, database: Database, catalog: Catalog) -> None:
        self._database = database
        self._catalog = catalog

    async def get(self, principal: Principal, name: str, owner: str | None = None) -> Dataset:
        return await self._catalog.get(await self.owner_id(principal, owner), name)

    async def names(self, principal: Principal) -> Sequence[str]:
        """Of all that the caller has."""
        return await self._catalog.names_of(principal.user_id)

    async def version(self, dataset: Dataset, number: int) -> Version:
        if number == dataset.version:
            return dataset.current
        return await self._catalog.version(dataset.owner_id, dataset.name, number)

    async def owner_id(self, principal: Principal, owner: str | None) -> str:
        principal.require_read()
        if owner is None or owner == principal.user_id or name_key(owner) == name_key(principal.user_name):
            return principal.user_id
        if not principal.is_admin:
            raise NotFound  # not `Forbidden`: whether there is such a user is nobody's business
        wanted = select(users.c.id).where((users.c.name_key == name_key(owner)) | (users.c.id == owner))
        async with self._database.read() as connection:
            found: str | None = await connection.scalar(wanted)
        if found is None:
            raise NotFound("There is no user named “{name}”.", name=owner)
        return found
