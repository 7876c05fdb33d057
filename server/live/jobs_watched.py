"""The live jobs of those who are connected here, as the node that runs them tells of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

import msgspec

from server.jobs.job import Job
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.live.job_messages import JobMoved
from server.realtime.broker import Publication
from server.storage.database import NOT_NOW

_LOG = logging.getLogger("jindu.live")
_LOOK_SECONDS = 1.0


class LiveJobs(Protocol):
    async def load(self, owner_id: str) -> None:
        """Before somebody joins, and once what is told of them is heard here."""

    def forget(self, owner_id: str) -> None:
        """Nothing more is heard of them."""

    async def look(self) -> None:
        """Until cancelled."""

    def may_have_lost(self) -> None:
        """Something that others told may not have arrived."""

    def tell_by(self, receive: Callable[[Publication], None]) -> None:
        """What is found is handed to it."""


class JobsHere:
    """`LiveJobs` of a node that runs all of them: its table is the truth."""

    async def load(self, owner_id: str) -> None:
        """They are there."""

    def forget(self, owner_id: str) -> None:
        """They go when they are over."""

    async def look(self) -> None:
        """There is nothing to look for."""

    def may_have_lost(self) -> None:
        """Nothing that is told elsewhere matters."""

    def tell_by(self, receive: Callable[[Publication], None]) -> None:
        """They are told when they move."""


class JobsElsewhere:
    """`LiveJobs` of a node that runs none: copies, of those who are connected here."""

    def __init__(self, *, store: JobStore, is_told: Callable[[], bool]) -> None:
        """`is_told`: whether what other nodes say arrives; while it does not, the rows are looked at."""
        self._store = store
        self._is_told = is_told
        self._owners: set[str] = set()
        self._may_have_lost = False
        self.table = JobTable(keeps=self._owners.__contains__)
        self._receive: Callable[[Publication], None] = lambda publication: None

    def tell_by(self, receive: Callable[[Publication], None]) -> None:
        self._receive = receive

    def may_have_lost(self) -> None:
        self._may_have_lost = True

    async def load(self, owner_id: str) -> None:
        if owner_id in self._owners:
            return
        self._owners.add(owner_id)  # first: what is told meanwhile is newer than what is read
        try:
            for job in await self._store.unfinished_of(owner_id):
                self.table.take(_without_parameters(job))
        except BaseException:
            self.forget(owner_id)
            raise

    def forget(self, owner_id: str) -> None:
        self._owners.discard(owner_id)
        self.table.forget_copies(owner_id)

    async def look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._is_told() and not self._may_have_lost:
                continue
            self._may_have_lost = False
            try:
                await self._look_once()
            except NOT_NOW:  # said in the log already
                self._may_have_lost = True
            except Exception:
                _LOG.exception("could not look how jobs stand", extra={"action": "look_at_jobs"})

    async def _look_once(self) -> None:
        known = {job.id: job for job in self.table.copies()}
        for owner_id in list(self._owners):
            if len(self._owners) > _LOOKED_AT_EACH:
                break  # those are told of by the next word of each job, and by what is kept
            for job in await self._store.unfinished_of(owner_id):
                self._tell_if_newer(job, known.pop(job.id, None))
        if known:
            for job in await self._store.by_ids(known):
                self._tell_if_newer(job, known[job.id])

    def _tell_if_newer(self, job: Job, known: Job | None) -> None:
        if known is None or job.revision > known.revision:
            is_life_change = known is None or known.state is not job.state
            self._receive(JobMoved(job=_without_parameters(job), is_life_change=is_life_change))


_LOOKED_AT_EACH = 500  # owners: each is a question to the database, every second


def _without_parameters(job: Job) -> Job:
    return msgspec.structs.replace(job, parameters={})
