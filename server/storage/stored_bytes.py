"""How many bytes are stored of each kind: summed now and then, since it takes the database a while."""

from __future__ import annotations

import logging
from collections import Counter

from server.storage.database import Database
from server.storage.quotas import Quotas, Stored
from server.storage.repeating import repeat

_LOG = logging.getLogger("jindu.storage")
_EVERY_SECONDS = 600.0


class StoredBytes:
    """Nothing is known before the first sum."""

    def __init__(self, *, database: Database, quotas: Quotas) -> None:
        self._database = database
        self._quotas = quotas
        self._known: dict[str, int] = {}

    def statistics(self) -> dict[str, int]:
        """By kind: uploads, datasets, reports, and the database itself."""
        return dict(self._known)

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(
            self.count,
            every_seconds=_EVERY_SECONDS,
            log=_LOG,
            failed="what is stored could not be summed",
            action="count_bytes",
            first_after_seconds=10.0,
        )

    async def count(self) -> None:
        async with self._database.read() as connection:
            by_owner = await self._quotas.used_by_owner(connection)
        sums: Counter[str] = Counter({kind.value: 0 for kind in Stored})
        for kinds in by_owner.values():
            sums.update({kind.value: size for kind, size in kinds.items()})
        self._known = {**sums, "database": await self._database.size_bytes()}
