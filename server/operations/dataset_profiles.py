"""What the values of each column look like."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from server.auth.permissions import Principal
from server.datasets.dataset import Dataset
from server.datasets.work import ColumnProfile, ProfileRequest, profile_columns
from server.operations.data_reading import DataReading
from server.operations.dataset_access import DatasetAccess

_KEPT_PROFILES = 64  # versions never change, so neither do their profiles


class ProfileOperations:
    """Every method takes who asks first. An `owner` is the name of a user who shared theirs."""

    def __init__(self, reading: DataReading, access: DatasetAccess) -> None:
        self._reading = reading
        self._access = access
        self._profiles: OrderedDict[tuple[str, int], Sequence[ColumnProfile]] = OrderedDict()

    async def get(
        self, principal: Principal, name: str, *, owner: str | None = None
    ) -> tuple[Dataset, Sequence[ColumnProfile]]:
        """What the values of each column look like; computed once a version."""
        dataset = await self._access.get(principal, name, owner)
        key = (dataset.id, dataset.version)
        # No lock: two who ask at once both have it computed, and it comes out the same.
        if key not in self._profiles:
            async with self._reading.catalog.fetched(dataset.current.files) as paths:
                request = ProfileRequest(paths=paths, columns=tuple(dataset.columns), limits=self._reading.limits)
                self._profiles[key] = await self._reading.in_worker(principal, profile_columns, request)
            while len(self._profiles) > _KEPT_PROFILES:
                self._profiles.popitem(last=False)
        return dataset, self._profiles[key]

    def known(self, dataset: Dataset) -> Sequence[ColumnProfile] | None:
        """That of its current version, if somebody has asked for it lately."""
        return self._profiles.get((dataset.id, dataset.version))
