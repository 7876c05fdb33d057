"""Filters of jobs that people keep under a name, to come back to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, utc_now
from server.storage.database import Database
from server.storage.rows import put
from server.storage.tables import job_filters

NAME_CHARACTERS = 60
MOST_FILTERS = 50  # of a person: as many as fit above a list


class KeptFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`fields` are those of the page's address: days that count back from today stay so."""

    name: str
    fields: dict[str, str]
    created_at: datetime


class KeptFilters:
    """What is of one owner is found by nobody else."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def of(self, owner_id: str) -> Sequence[KeptFilter]:
        """By name."""
        columns = (job_filters.c.name, job_filters.c.fields, job_filters.c.created_at)
        mine = select(*columns).where(job_filters.c.owner_id == owner_id).order_by(job_filters.c.name)
        async with self._database.read() as connection:
            return [KeptFilter(**row) for row in (await connection.execute(mine)).mappings()]

    async def keep(self, connection: AsyncConnection, owner_id: str, name: str, fields: dict[str, str]) -> bool:
        """In place of the one that has the name already; False when there are too many others."""
        others = select(func.count()).select_from(job_filters)
        others = others.where(job_filters.c.owner_id == owner_id, job_filters.c.name != name)
        if (await connection.execute(others)).scalar_one() >= MOST_FILTERS:
            return False
        values = {"owner_id": owner_id, "name": name, "fields": fields, "created_at": self._clock()}
        await put(connection, job_filters, values, key=("owner_id", "name"))
        return True

    async def remove(self, connection: AsyncConnection, owner_id: str, name: str) -> bool:
        """False when there is none."""
        mine = (job_filters.c.owner_id == owner_id, job_filters.c.name == name)
        return (await connection.execute(delete(job_filters).where(*mine))).rowcount > 0
