"""Whose datasets somebody may see, and the one that they mean."""

from __future__ import annotations

from collections.abc import Sequence

from server.auth.access import DATASETS, Right, ThingAccess
from server.auth.permissions import Principal
from server.datasets.catalog import MISSING, Catalog
from server.datasets.dataset import Dataset, Version


class DatasetAccess:
    """Every method takes who asks first."""

    def __init__(self, *, access: ThingAccess, catalog: Catalog) -> None:
        self._access = access
        self._catalog = catalog

    async def get(
        self, principal: Principal, name: str, owner: str | None = None, right: Right = Right.VIEW
    ) -> Dataset:
        """The one of `owner`; without one the caller's own, or the only one of that name that they were given.

        Raises `NotFound` for what they may not see, `Forbidden` for what they may see but no more.
        """
        sight = await self._access.named(principal, DATASETS, name, missing=MISSING, owner=owner, right=right)
        return await self._catalog.by_id(sight.id, name)

    async def right(self, principal: Principal, dataset: Dataset) -> Right:
        """What they may do with it."""
        return (await self._access.of(principal, DATASETS, dataset.id)).right

    async def names(self, principal: Principal) -> Sequence[str]:
        """Of all that the caller has."""
        return await self._catalog.names_of(principal.user_id)

    async def version(self, dataset: Dataset, number: int) -> Version:
        if number == dataset.version:
            return dataset.current
        return await self._catalog.version(dataset.owner_id, dataset.name, number)
