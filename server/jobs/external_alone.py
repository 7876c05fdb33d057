"""Jobs of scripts at a server that is alone: all speak to it, so what it heard is all there is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import NotFound
from server.jobs.external import ExternalStatistics
from server.jobs.external_heard import HeardScript, HeardScripts
from server.jobs.external_kind import KIND
from server.jobs.external_told import (
    Ending,
    NewExternalJob,
    Update,
    answer_when_over,
    begun_job,
    given_up,
    was_given_up,
)
from server.jobs.job import Job, State
from server.jobs.keys import Asked
from server.jobs.life import Also, JobLife
from server.jobs.retry import LATER_SECONDS
from server.storage.database import NOT_NOW, NOT_STORED

_LOG = logging.getLogger("jindu.jobs")


class ScriptsAlone:
    """`ExternalJobs`: silence is by this process's clock."""

    def __init__(self, *, life: JobLife, silence_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._life = life
        self._scripts = HeardScripts(life, clock=clock)
        self._reviving = asyncio.Lock()  # two of its requests may come at once
        self.silence_seconds = silence_seconds

    async def begin(
        self, owner_id: str, new: NewExternalJob, *, asked: Asked | None = None, also: Also | None = None
    ) -> Job:
        self._scripts.require_open()
        job = begun_job(owner_id, new)
        begun = await self._life.begin(job, asked=asked, also=also)
        if begun.id == job.id:
            script = self._scripts.listen_to(begun)
            self._scripts.log_message(script, begun.message, new.messages_left_out)
        return begun

    async def running_of(self, connection: AsyncConnection, owner_id: str) -> int:
        return sum(script.advancing.attempt_job.owner_id == owner_id for _, script in self._scripts)

    async def update(self, job_id: str, update: Update) -> Job:
        self._scripts.require_open()
        script = self._scripts.get(job_id) or await self._heard_again(job_id)
        if script is None or script.is_ending:
            return await self._answer_when_over(job_id, update)
        self._scripts.hear(script, update)
        self._scripts.log_message(script, update.message or "", update.messages_left_out)
        if update.ending is None:
            return script.advancing.job
        await self._scripts.end(job_id, update.ending)
        return await self._answer_when_over(job_id, update)

    async def cancel(self, job_id: str) -> Job:
        await self._scripts.end(job_id, Ending(state=State.CANCELLED))
        return await self._life.find(job_id)

    async def open(self) -> None:
        """Also to those that ran on while we were away: each has its whole time to speak up."""
        for stored in await self._life.store.unfinished():
            if stored.kind == KIND.name:
                self._scripts.listen_to(self._life.take_up(stored))
        self._scripts.open()

    async def watch(self) -> None:
        while True:
            await self._scripts.any()
            try:
                for job_id in self._scripts.silent(self.silence_seconds):
                    await self._scripts.end(job_id, given_up(self.silence_seconds))
            except NOT_NOW:  # said in the log already
                await asyncio.sleep(LATER_SECONDS)
            except NOT_STORED:
                _LOG.exception("a silent job could not be ended", extra={"action": "end_silent_job"})
                await asyncio.sleep(LATER_SECONDS)
            await asyncio.sleep(self._scripts.seconds_until_silent(self.silence_seconds))

    def close(self) -> None:
        self._scripts.close()

    def statistics(self) -> ExternalStatistics:
        return self._scripts.statistics()

    async def _heard_again(self, job_id: str) -> HeardScript | None:
        """A script that was given up speaks again: its job goes on. None for all others."""
        async with self._reviving:
            if (script := self._scripts.get(job_id)) is not None:
                return script
            job = await self._life.find(job_id)
            revived = await self._scripts.revived(job) if was_given_up(job) else None
            return self._scripts.listen_to(revived) if revived is not None else None

    async def _answer_when_over(self, job_id: str, update: Update) -> Job:
        if not await self._scripts.is_ended(job_id):
            return await self.update(job_id, update)
        job = await self._life.find(job_id)
        if not job.state.is_final:
            raise NotFound  # its owner was deleted meanwhile
        return answer_when_over(job, update)
