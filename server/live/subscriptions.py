"""Which event names there are, and who may subscribe to which."""

from __future__ import annotations

import re

from sqlalchemy import exists, select

from server.auth.permissions import Principal
from server.errors import InvalidInput, NotFound
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.live.job_messages import ALL_JOBS
from server.live.shared_events import SharedEvents, is_shared
from server.realtime.presence import TOLD_OF
from server.realtime.presence_board import ADMIN_PRESENCE, OWN_PRESENCE
from server.realtime.statistics_watch import STATISTICS
from server.storage.database import Database
from server.storage.tables import datasets

FREE_NAME = re.compile(r"[a-z0-9_.-]{1,64}")


class Subscriptions:
    def __init__(self, *, database: Database, table: JobTable, store: JobStore, shared: SharedEvents) -> None:
        self._database = database
        self._shared = shared
        self._table = table
        self._store = store

    async def authorise(self, principal: Principal, event: str) -> None:
        """Whether `principal` may subscribe to `event`; raises `NotFound`, `Forbidden` or `InvalidInput`."""
        prefix, colon, rest = event.partition(":")
        if not colon:
            _require_free_name(event)
        elif event in (ALL_JOBS, OWN_PRESENCE) or event in TOLD_OF:
            return  # each job is shown to those who may see it, presence to whose it is, nothing on the others
        elif event in (STATISTICS, ADMIN_PRESENCE):
            principal.require_admin()
        elif prefix == "job":
            job = self._table.get(rest) or await self._store.get(rest)
            _require_sight(principal, job.owner_id if job else None)
        elif is_shared(event):
            if event not in await self._shared.allowed(principal, {event}):
                raise NotFound
        elif prefix == "dataset":
            await self._require_dataset(principal, rest)
        else:  # no free name holds a colon: this refuses it, and says what names there are
            _require_free_name(event)

    async def _require_dataset(self, principal: Principal, name: str) -> None:
        wanted = datasets.c.name == name
        if not principal.is_admin:
            wanted &= datasets.c.owner_id == principal.user_id
        async with self._database.read() as connection:
            if not (await connection.execute(select(exists().where(wanted)))).scalar_one():
                raise NotFound


def _require_sight(principal: Principal, owner_id: str | None) -> None:
    if owner_id is None:
        raise NotFound
    principal.require_sight(owner_id)


def _require_free_name(event: str) -> None:
    if not FREE_NAME.fullmatch(event):
        raise InvalidInput(
            "There is no such event; free names are up to 64 of a–z, 0–9, “_”, “.” and “-”.", code="invalid_event"
        )
