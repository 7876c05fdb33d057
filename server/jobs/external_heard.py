"""The scripts that speak to this process: how far each is, what it said, and when it was last heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

from server.errors import Unavailable
from server.jobs.advancing import Advancing
from server.jobs.external import ExternalStatistics
from server.jobs.external_kind import KIND
from server.jobs.external_told import Ending, Update, changes_of
from server.jobs.job import Job, State
from server.jobs.job_log import error_line, gap_now, line_now
from server.jobs.life import JobLife
from server.jobs.log_budget import LogBudget, Noted


class HeardScript:
    """One job whose script we listen to."""

    __slots__ = ("advancing", "heard_at", "log", "moving")

    def __init__(self, advancing: Advancing, *, heard_at: float, log: LogBudget) -> None:
        self.advancing = advancing
        self.heard_at = heard_at
        self.log = log
        self.moving = asyncio.Lock()  # held while the end is stored: a script and a person may end it at once

    @property
    def is_ending(self) -> bool:
        return self.moving.locked()


class HeardScripts:
    def __init__(self, life: JobLife, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._life = life
        self._clock = clock
        self._heard: dict[str, HeardScript] = {}
        self._begun = asyncio.Event()
        self._is_open = False

    def open(self) -> None:
        self._is_open = True

    def require_open(self) -> None:
        if not self._is_open:
            raise Unavailable

    def __iter__(self) -> Iterator[tuple[str, HeardScript]]:
        return iter(list(self._heard.items()))

    def get(self, job_id: str) -> HeardScript | None:
        return self._heard.get(job_id)

    def has(self, script: HeardScript) -> bool:
        """False once it was let go, or its end is stored."""
        return self._heard.get(script.advancing.attempt_job.id) is script

    def listen_to(self, job: Job) -> HeardScript:
        advancing = self._life.advancing(job, stalls_after_seconds=KIND.stalls_after_seconds)
        script = HeardScript(advancing, heard_at=self._clock(), log=LogBudget(clock=self._clock))
        self._heard[job.id] = script
        self._begun.set()
        return script

    def hear(self, script: HeardScript, update: Update) -> None:
        script.heard_at = self._clock()
        script.advancing.advance(
            update.progress, total=update.total, stage=update.stage, message=update.message, detail=update.detail
        )

    def log_message(self, script: HeardScript, message: str, left_out: int) -> None:
        self._log_all(script, script.log.lines_for(message, left_out))

    def let_go(self, job_id: str) -> None:
        """Its script speaks elsewhere by now, or it is over."""
        self._life.table.let_go(job_id)
        script = self._heard.pop(job_id)
        self._life.stillness.forget(script.advancing)
        script.advancing.is_over = True
        self._log_all(script, script.log.rest())

    async def end(self, job_id: str, ending: Ending) -> None:
        script = self._heard.get(job_id)
        if script is None:
            return
        async with script.moving:
            if not self.has(script):
                return  # somebody else ended it while we waited
            script.advancing.publish()  # nothing waits from here on: `update` turns away whoever comes meanwhile
            job = self._life.table.get(job_id) or script.advancing.attempt_job
            self._log_all(script, script.log.rest())
            if ending.error is not None:
                self._life.saver.log(error_line(job, ending.error, "error"))
            self._life.stillness.forget(script.advancing)  # what it told now would be newer than the end
            try:
                await self._life.move(job, **changes_of(job, ending))
            except BaseException:
                self._life.stillness.watch_over(script.advancing)
                raise
            script.advancing.end()
            self._life.table.let_go(job_id)  # where others ended it first
            del self._heard[job_id]

    async def is_ended(self, job_id: str) -> bool:
        """Waits while its end is being stored; False when it could not be."""
        script = self._heard.get(job_id)
        if script is None:
            return True
        async with script.moving:
            pass
        return not self.has(script)

    async def revived(self, job: Job) -> Job | None:
        """One that was given up goes on, in the same attempt; None when somebody else was first."""
        message = "The script spoke again, so this goes on."
        revived = await self._life.move(
            job, state=State.RUNNING, error=None, finished_at=None, took_seconds=None, message=message
        )
        if revived is not None:
            self._life.saver.log(line_now(revived, message, "warning"))
        return revived

    def silent(self, seconds: float) -> list[str]:
        now = self._clock()
        return [job_id for job_id, script in self._heard.items() if now - script.heard_at >= seconds]

    async def any(self) -> None:
        """Comes back once there is a script to listen to."""
        self._begun.clear()
        if not self._heard:
            await self._begun.wait()

    def seconds_until_silent(self, seconds: float) -> float:
        """Until the first may count as silent; all have the same time, so that new ones cannot come before it."""
        heard_at = min((script.heard_at for script in self._heard.values()), default=self._clock())
        return max(0.05, heard_at + seconds - self._clock())

    def close(self) -> None:
        self._is_open = False
        for script in self._heard.values():
            self._log_all(script, script.log.rest())
            script.advancing.end()
        for job_id in self._heard:
            self._life.table.let_go(job_id)
        self._heard.clear()

    def statistics(self) -> ExternalStatistics:
        now = self._clock()
        silences = [now - script.heard_at for script in self._heard.values()]
        return ExternalStatistics(running=len(silences), longest_silence_seconds=round(max(silences, default=0.0), 1))

    def _log_all(self, script: HeardScript, noted: list[Noted]) -> None:
        job = script.advancing.attempt_job
        for each in noted:
            if each.left_out:
                self._life.saver.log(gap_now(job, each.left_out))
            self._life.growth.note(job.owner_id, each.message)
            self._life.saver.log(line_now(job, each.message, "info"))
