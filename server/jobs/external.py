"""Jobs that run elsewhere, in anybody's script: it tells us how far it is, and we notice when it falls silent."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.errors import NotFound, Unavailable
from server.jobs.advancing import Advancing
from server.jobs.external_kind import KIND
from server.jobs.external_shared import SharedScripts
from server.jobs.external_told import Cancelled, Ending, NewExternalJob, Over, Update, changes_of
from server.jobs.job import Job, JobError, State, whole
from server.jobs.job_log import error_line, gap_now, line_now
from server.jobs.keys import Asked
from server.jobs.life import Also, JobLife
from server.jobs.log_budget import LogBudget, Noted
from server.jobs.retry import LATER_SECONDS
from server.storage.database import NOT_NOW, NOT_STORED
from server.storage.repeating import repeat

_LOG = logging.getLogger("jindu.jobs")
_SILENT = "silent"
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalStatistics:
    running: int
    longest_silence_seconds: float


class _Running:
    """One job whose script we listen to."""

    __slots__ = ("advancing", "heard_at", "log", "moving")

    def __init__(self, advancing: Advancing, *, heard_at: float, log: LogBudget) -> None:
        self.advancing = advancing
        self.heard_at = heard_at
        self.log = log
        self.moving = asyncio.Lock()  # held while the end is stored: a script and a person may end it at once


class ExternalJobs:
    """The life of jobs that nobody here runs. They begin as running, in their only attempt, and take no slot."""

    def __init__(
        self,
        *,
        life: JobLife,
        silence_seconds: float,
        shared: SharedScripts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`shared`: where scripts may speak to any of several nodes."""
        self._life = life
        self._shared = shared
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._begun = asyncio.Event()
        self._reviving = asyncio.Lock()  # two of its requests may come at once
        self._is_open = False
        self.silence_seconds = silence_seconds

    async def begin(
        self, owner_id: str, new: NewExternalJob, *, asked: Asked | None = None, also: Also | None = None
    ) -> Job:
        """Store a job that runs from now on. Asked again it is the same job, and `also` is not run."""
        self._require_open()
        now = utc_now()
        job = Job(
            id=new_id(),
            kind=KIND.name,
            owner_id=owner_id,
            title=new.title,
            unit=new.unit,
            created_at=now,
            started_at=now,
            state=State.RUNNING,
            attempt=1,
            revision=1,
            total=None if new.total is None else whole(new.total),
            stage=new.stage,
            message=new.message,
            detail=new.detail,
        )
        begun = await self._begun_here(job, asked, also)
        if begun.id == job.id:
            running = self._listen_to(begun)
            self._log_message(running, begun.message, new.messages_left_out)
        return begun

    async def _begun_here(self, job: Job, asked: Asked | None, also: Also | None) -> Job:
        shared = self._shared
        if shared is None:
            return await self._life.begin(job, asked=asked, also=also)

        async def here(connection: AsyncConnection, job: Job) -> None:
            await shared.begin(connection, job)
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
        """How many of somebody's jobs we listen to, or others do, beside the one that is just being begun."""
        if self._shared is not None:
            return await self._shared.count(connection, owner_id) - 1  # it stands in its row already
        return sum(running.advancing.attempt_job.owner_id == owner_id for running in self._running.values())

    async def update(self, job_id: str, update: Update) -> Job:
        """What the script says; `Job` as it is now. Raises `Conflict` once the job is over, unless it ended so."""
        self._require_open()
        running = self._listened_to(job_id) or await self._heard_again(job_id)
        if running is None or running.moving.locked():
            return await self._ended_before(job_id, update)
        running.heard_at = self._clock()
        running.advancing.advance(
            update.progress, total=update.total, stage=update.stage, message=update.message, detail=update.detail
        )
        if self._shared is not None and not await self._stored_here(self._shared, running):
            return await self.update(job_id, update)  # another node has it by now, or it is over
        self._log_message(running, update.message or "", update.messages_left_out)
        if update.ending is None:
            return running.advancing.job
        await self._end(job_id, update.ending)
        return await self._ended_before(job_id, update)

    async def cancel(self, job_id: str) -> Job:
        """A person ends it; its script learns of it with its next update. Over already: stays as it is."""
        ending = Ending(state=State.CANCELLED)
        if self._shared is not None and self._listened_to(job_id) is None:
            job = await self._life.find(job_id)
            if job.state is State.RUNNING:
                await self._life.move(job, **changes_of(job, ending))
        else:
            await self._end(job_id, ending)
        return await self._life.find(job_id)

    async def open(self) -> None:
        """Listen again to the scripts that ran on while we were away: each has its whole time to speak up."""
        if self._shared is None:
            for stored in await self._life.store.unfinished():
                if stored.kind == KIND.name:
                    self._listen_to(self._life.take_up(stored))
        self._is_open = True

    async def watch(self) -> None:
        """Give up the jobs of scripts that fell silent; until cancelled."""
        if self._shared is not None:
            await repeat(
                self._look_with_others,
                every_seconds=_LOOK_SECONDS,
                log=_LOG,
                failed="scripts could not be looked at",
                action="look_at_scripts",
            )
        while True:
            self._begun.clear()
            if not self._running:
                await self._begun.wait()
            now = self._clock()
            silent = [id_ for id_, job in self._running.items() if now - job.heard_at >= self.silence_seconds]
            try:
                for job_id in silent:
                    await self._end(job_id, Ending(state=State.FAILED, error=_silent(self.silence_seconds)))
            except NOT_NOW:  # said in the log already
                await asyncio.sleep(LATER_SECONDS)
            except NOT_STORED:
                _LOG.exception("a silent job could not be ended", extra={"action": "end_silent_job"})
                await asyncio.sleep(LATER_SECONDS)
            await asyncio.sleep(self._seconds_to_next())

    def close(self) -> None:
        """Publish what waits, so that it is stored; the jobs stay running, for the next start to listen to."""
        self._is_open = False
        for running in self._running.values():
            self._log_all(running, running.log.rest())
            running.advancing.end()
        for job_id in self._running:
            self._life.table.let_go(job_id)
        self._running.clear()

    def statistics(self) -> ExternalStatistics:
        now = self._clock()
        silences = [now - running.heard_at for running in self._running.values()]
        return ExternalStatistics(running=len(silences), longest_silence_seconds=round(max(silences, default=0.0), 1))

    # with other nodes

    def _listened_to(self, job_id: str) -> _Running | None:
        """None as well for one that another node is told of by now, or has ended."""
        running = self._running.get(job_id)
        if running is None or self._shared is None or self._life.table.own(job_id) is not None:
            return running
        self._forget(job_id)
        return None

    def _forget(self, job_id: str) -> None:
        self._life.table.let_go(job_id)
        running = self._running.pop(job_id)
        self._life.stillness.forget(running.advancing)
        running.advancing.is_over = True
        self._log_all(running, running.log.rest())

    async def _stored_here(self, shared: SharedScripts, running: _Running) -> bool:
        """At once, also what is not told yet: its next word may come to another node."""
        job = running.advancing.job
        is_here = await shared.save(job)
        if not is_here and self._running.get(job.id) is running and not running.moving.locked():
            self._forget(job.id)
        return is_here or running.moving.locked()

    async def _look_with_others(self) -> None:
        """Let go of those that others have by now; the silent are given up by whichever node sees it first."""
        shared = self._shared
        assert shared is not None
        listened = dict(self._running)
        here = await shared.here(list(listened))
        for job_id, running in listened.items():
            if job_id not in here and self._running.get(job_id) is running and not running.moving.locked():
                self._forget(job_id)
        for job in await shared.silent():
            await self._give_up_together(shared, job)

    async def _give_up_together(self, shared: SharedScripts, job: Job) -> None:
        ending = Ending(state=State.FAILED, error=_silent(self.silence_seconds))

        async def is_silent(connection: AsyncConnection) -> bool:
            return await shared.is_silent(connection, job)

        async def say_so(connection: AsyncConnection, moved: Job) -> None:
            if moved.error is not None:
                await self._life.store.lines.add(connection, [error_line(job, moved.error, "error")])

        known = self._life.table.own(job.id) or job
        given_up = await self._life.move(known, only_if=is_silent, also=say_so, **changes_of(known, ending))
        if given_up is not None and job.id in self._running:
            self._forget(job.id)

    # a script's words

    def _listen_to(self, job: Job) -> _Running:
        advancing = self._life.advancing(job, stalls_after_seconds=KIND.stalls_after_seconds)
        running = _Running(advancing, heard_at=self._clock(), log=LogBudget(clock=self._clock))
        self._running[job.id] = running
        self._begun.set()
        return running

    async def _end(self, job_id: str, ending: Ending) -> None:
        running = self._running.get(job_id)
        if running is None:
            return
        async with running.moving:
            if self._running.get(job_id) is not running:
                return  # somebody else ended it while we waited
            running.advancing.publish()  # nothing waits from here on: `update` turns away whoever comes meanwhile
            job = self._life.table.get(job_id) or running.advancing.attempt_job
            self._log_all(running, running.log.rest())
            if ending.error is not None:
                self._life.saver.log(error_line(job, ending.error, "error"))
            self._life.stillness.forget(running.advancing)  # what it told now would be newer than the end
            try:
                await self._life.move(job, **changes_of(job, ending))
            except BaseException:
                self._life.stillness.watch_over(running.advancing)
                raise
            running.advancing.end()
            self._life.table.let_go(job_id)  # where others ended it first
            del self._running[job_id]

    async def _heard_again(self, job_id: str) -> _Running | None:
        """A script that was given up speaks again: its job goes on, in the same attempt. None for all others."""
        async with self._reviving:
            if (running := self._listened_to(job_id)) is not None:
                return running
            job = await self._life.find(job_id)
            if self._shared is not None and job.kind == KIND.name and job.state is State.RUNNING:
                return await self._taken_over(self._shared, job)
            if job.kind != KIND.name or job.error is None or job.error.code != _SILENT:
                return None
            revived = await self._life.move(
                job,
                state=State.RUNNING,
                error=None,
                finished_at=None,
                took_seconds=None,
                message="The script spoke again, so this goes on.",
            )
            if revived is None:
                return None
            self._life.saver.log(line_now(revived, revived.message, "warning"))
            if self._shared is not None:
                return await self._taken_over(self._shared, revived)
            return self._listen_to(revived)

    async def _taken_over(self, shared: SharedScripts, job: Job) -> _Running | None:
        """From the node that it spoke to before; None when it was ended in this very moment."""
        taken = await shared.take(job)
        if taken is None:
            return None
        self._life.table.expect(taken.id)
        self._life.table.put(taken)
        return self._listen_to(taken)

    async def _ended_before(self, job_id: str, update: Update) -> Job:
        """The job that is over, when the update asks for just that end (its answer was lost); raises otherwise."""
        running = self._running.get(job_id)
        if running is not None:
            async with running.moving:
                pass  # until its end is stored
            if self._running.get(job_id) is running:  # it could not be
                return await self.update(job_id, update)
        job = await self._life.find(job_id)
        if not job.state.is_final:
            if self._shared is not None:
                return await self.update(job_id, update)  # it was taken over, or spoke again, at another node
            raise NotFound  # its owner was deleted meanwhile
        if update.ending is not None and update.ending.state is job.state:
            return job
        raise Cancelled if job.state is State.CANCELLED else Over

    def _log_message(self, running: _Running, message: str, left_out: int) -> None:
        self._log_all(running, running.log.lines_for(message, left_out))

    def _log_all(self, running: _Running, noted: list[Noted]) -> None:
        job = running.advancing.attempt_job
        for each in noted:
            if each.left_out:
                self._life.saver.log(gap_now(job, each.left_out))
            self._life.growth.note(job.owner_id, each.message)
            self._life.saver.log(line_now(job, each.message, "info"))

    def _seconds_to_next(self) -> float:
        """Until the first may count as silent; all have the same time, so that new ones cannot come before it."""
        heard_at = min((running.heard_at for running in self._running.values()), default=self._clock())
        return max(0.05, heard_at + self.silence_seconds - self._clock())

    def _require_open(self) -> None:
        if not self._is_open:
            raise Unavailable


def _silent(seconds: float) -> JobError:
    return JobError(
        code=_SILENT,
        message="Nothing was heard of the script for {seconds} seconds, so it was given up. See whether it still runs; "
        "when it speaks again, this goes on.",
        parameters={"seconds": round(seconds) if seconds >= 1 else seconds},
    )
