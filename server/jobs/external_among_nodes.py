"""Jobs of scripts where several nodes share a database: a script may speak to any of them, and moves where it spoke."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from server.jobs.external import ExternalStatistics
from server.jobs.external_heard import HeardScript, HeardScripts
from server.jobs.external_kind import KIND
from server.jobs.external_shared import SharedScripts
from server.jobs.external_told import (
    Ending,
    NewExternalJob,
    Update,
    answer_when_over,
    begun_job,
    changes_of,
    given_up,
    was_given_up,
)
from server.jobs.job import Job, State
from server.jobs.job_log import error_line
from server.jobs.keys import Asked
from server.jobs.life import Also, JobLife
from server.storage.database import DatabaseAway
from server.storage.repeating import repeat

_LOG = logging.getLogger("jindu.jobs")
_LOOK_SECONDS = 1.0


class ScriptsAmongNodes:
    """`ExternalJobs`: rows say which node a script speaks to, and silence is by the database's clock."""

    def __init__(
        self,
        *,
        life: JobLife,
        shared: SharedScripts,
        silence_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._life = life
        self._shared = shared
        self._scripts = HeardScripts(life, clock=clock)
        self._clock = clock
        self._was_away = False
        self._judges_from = 0.0
        self._taking = asyncio.Lock()  # two of its requests may come at once
        self.silence_seconds = silence_seconds

    async def begin(
        self, owner_id: str, new: NewExternalJob, *, asked: Asked | None = None, also: Also | None = None
    ) -> Job:
        self._scripts.require_open()
        job = begun_job(owner_id, new)
        begun = await self._begun_here(job, asked, also)
        if begun.id == job.id:
            script = self._scripts.listen_to(begun)
            self._scripts.log_message(script, begun.message, new.messages_left_out)
        return begun

    async def _begun_here(self, job: Job, asked: Asked | None, also: Also | None) -> Job:
        async def here(connection: AsyncConnection, job: Job) -> None:
            await self._shared.begin(connection, job)
            if also is not None:
                await also(connection, job)

        self._life.table.expect(job.id)
        begun = None
        try:
            begun = await self._life.begin(job, asked=asked, also=here)
        finally:
            if begun is None or begun.id != job.id:
                self._life.table.let_go(job.id)
        return begun

    async def running_of(self, connection: AsyncConnection, owner_id: str) -> int:
        return await self._shared.count(connection, owner_id) - 1  # the one being begun stands in its row already

    async def update(self, job_id: str, update: Update) -> Job:
        self._scripts.require_open()
        script = self._speaking_here(job_id) or await self._taken_up(job_id)
        if script is None or script.is_ending:
            return await self._answer_when_over(job_id, update)
        self._scripts.hear(script, update)
        if not await self._is_stored_here(script):
            return await self.update(job_id, update)  # another node has it by now, or it is over
        self._scripts.log_message(script, update.message or "", update.messages_left_out)
        if update.ending is None:
            return script.advancing.job
        await self._scripts.end(job_id, update.ending)
        return await self._answer_when_over(job_id, update)

    async def cancel(self, job_id: str) -> Job:
        ending = Ending(state=State.CANCELLED)
        if self._speaking_here(job_id) is not None:
            await self._scripts.end(job_id, ending)
            return await self._life.find(job_id)
        job = await self._life.find(job_id)
        if job.state is State.RUNNING:
            await self._life.move(job, **changes_of(job, ending))
        return await self._life.find(job_id)

    async def open(self) -> None:
        """Those that run on are taken over as they speak."""
        self._scripts.open()

    async def watch(self) -> None:
        await repeat(
            self._look,
            every_seconds=_LOOK_SECONDS,
            log=_LOG,
            failed="scripts could not be looked at",
            action="look_at_scripts",
        )

    def close(self) -> None:
        self._scripts.close()

    def statistics(self) -> ExternalStatistics:
        return self._scripts.statistics()

    def _speaking_here(self, job_id: str) -> HeardScript | None:
        """None as well for one that another node is told of by now, or has ended."""
        script = self._scripts.get(job_id)
        if script is None or self._life.table.own(job_id) is not None:
            return script
        self._scripts.let_go(job_id)
        return None

    async def _is_stored_here(self, script: HeardScript) -> bool:
        """At once, also what is not told yet: its next word may come to another node."""
        job = script.advancing.job
        is_here = await self._shared.save(job)
        if not is_here:
            self._let_go(job.id, script)
        return is_here or script.is_ending

    def _let_go(self, job_id: str, script: HeardScript) -> None:
        """Unless its end is being stored, or somebody did so meanwhile."""
        if self._scripts.has(script) and not script.is_ending:
            self._scripts.let_go(job_id)

    async def _taken_up(self, job_id: str) -> HeardScript | None:
        """From the node that it spoke to before, or after it was given up. None for one that is over."""
        async with self._taking:
            if (script := self._speaking_here(job_id)) is not None:
                return script
            job = await self._life.find(job_id)
            if was_given_up(job):
                revived = await self._scripts.revived(job)
                return await self._taken_over(revived) if revived is not None else None
            is_running = job.kind == KIND.name and job.state is State.RUNNING
            return await self._taken_over(job) if is_running else None

    async def _taken_over(self, job: Job) -> HeardScript | None:
        """None when it was ended in this very moment."""
        taken = await self._shared.take(job)
        if taken is None:
            return None
        self._life.table.expect(taken.id)
        self._life.table.put(taken)
        return self._scripts.listen_to(taken)

    async def _answer_when_over(self, job_id: str, update: Update) -> Job:
        if not await self._scripts.is_ended(job_id):
            return await self.update(job_id, update)
        job = await self._life.find(job_id)
        if not job.state.is_final:
            return await self.update(job_id, update)  # it was taken over, or spoke again, at another node
        return answer_when_over(job, update)

    async def _look(self) -> None:
        """Let go of those that others have by now; the silent are given up by whichever node sees it first."""
        listened = dict(self._scripts)
        try:
            here, silent = await self._shared.here(list(listened)), await self._shared.silent()
        except DatabaseAway:
            self._was_away = True
            raise
        for job_id, script in listened.items():
            if job_id not in here:
                self._let_go(job_id, script)
        for job in silent if self._may_judge() else []:
            await self._give_up(job)

    def _may_judge(self) -> bool:
        """While the database was away nobody could be heard: each script has its whole time to speak up after it."""
        if self._was_away:
            self._was_away, self._judges_from = False, self._clock() + self.silence_seconds
        return self._clock() >= self._judges_from

    async def _give_up(self, job: Job) -> None:
        async def is_silent(connection: AsyncConnection) -> bool:
            return await self._shared.is_silent(connection, job)

        async def say_so(connection: AsyncConnection, moved: Job) -> None:
            if moved.error is not None:
                await self._life.store.lines.add(connection, [error_line(job, moved.error, "error")])

        known = self._life.table.own(job.id) or job
        changes = changes_of(known, given_up(self.silence_seconds))
        ended = await self._life.move(known, only_if=is_silent, also=say_so, **changes)
        if ended is not None and self._scripts.get(job.id) is not None:
            self._scripts.let_go(job.id)
