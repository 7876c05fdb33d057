"""Keeping filters of jobs under a name: each person's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.errors import InvalidInput, NotFound
from server.jobs.kept_filters import MOST_FILTERS, NAME_CHARACTERS, KeptFilter, KeptFilters
from server.storage.database import Database


class JobFilterOperations:
    def __init__(self, *, database: Database, filters: KeptFilters) -> None:
        self._database = database
        self._filters = filters

    async def list(self, principal: Principal) -> Sequence[KeptFilter]:
        """By name."""
        return await self._filters.of(principal.user_id)

    async def keep(self, principal: Principal, name: str, fields: Mapping[str, str]) -> None:
        """In place of the one that has the name already."""
        principal.require_write()
        name = " ".join(name.split())
        # It becomes a part of an address.
        if not 0 < len(name) <= NAME_CHARACTERS or not name.isprintable() or "/" in name or name in (".", ".."):
            raise InvalidInput(
                "Give the filter a name of at most {limit} characters, without a slash.", limit=NAME_CHARACTERS
            )
        chosen = {field: value for field, value in fields.items() if value}
        if not chosen:
            raise InvalidInput("This filter chooses nothing; set one of its fields first.")
        async with self._database.write() as connection:
            if not await self._filters.keep(connection, principal.user_id, name, chosen):
                raise InvalidInput("You have {limit} filters already; remove one first.", limit=MOST_FILTERS)
            await Audit.record(connection, principal, "job_filter.keep", name)

    async def remove(self, principal: Principal, name: str) -> None:
        """Raises `NotFound`."""
        principal.require_write()
        async with self._database.write() as connection:
            if not await self._filters.remove(connection, principal.user_id, name):
                raise NotFound
            await Audit.record(connection, principal, "job_filter.remove", name)
