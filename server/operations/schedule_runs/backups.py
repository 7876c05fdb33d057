"""Schedules that back up the server: as `jindu backup` does, for administrators alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec

from server.auth.permissions import Principal
from server.care.backup_commands import BackupCommands, ToldBackup
from server.clock import Clock
from server.errors import JobFailed
from server.jobs.context import JobContext
from server.jobs.kinds import JobKind
from server.jobs.outcomes import Notice, Outcome
from server.live.notice_kinds import NoticeKind
from server.live.notices import Notices
from server.operations.schedule_runs.kind import PlannedRuns
from server.operations.schedule_runs.run_jobs import RunJobs, ScheduledRun
from server.operations.schedule_wishes import ScheduleWish, wrong_field
from server.schedules.plans import BackupPlan, BackupResult, Plans
from server.schedules.run_store import end_run, results_of, set_run
from server.schedules.running import StartedRun
from server.schedules.schedule import Schedule, ScheduleRun
from server.schedules.stopping import administrators
from server.storage.database import Database

KIND = "scheduled_backup"
_NO_PLACE = "This server has no place for backups: an administrator can name one (JINDU_BACKUP_TO)."
_LONG_SECONDS = 6 * 3_600.0  # a packed terabyte says nothing until it is done


class BackupRuns:
    """`commands`: None where the settings name no place."""

    def __init__(
        self,
        *,
        database: Database,
        jobs: RunJobs,
        commands: BackupCommands | None,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._commands = commands
        self._notices = notices
        self._clock = clock

    @property
    def is_set_up(self) -> bool:
        return self._commands is not None

    @property
    def job_kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            label="Scheduled backup",
            icon="database",
            unit="bytes",
            lost="What is written so far is removed.",
            function=self.run,
            heavy=False,
            stalls_after_seconds=_LONG_SECONDS,
        )

    async def planned(self, principal: Principal, wish: ScheduleWish) -> PlannedRuns:
        principal.require_admin()
        if self._commands is None:
            raise wrong_field("backup", _NO_PLACE)
        return PlannedRuns(name=f"Jindu → {self._commands.folder.name}", plans=Plans(backup=wish.backup))

    async def begin(self, owner: Principal, schedule: Schedule, run: ScheduleRun) -> StartedRun:
        owner.require_admin()
        return await self._jobs.begin(KIND, owner, schedule, run)

    async def run(self, context: JobContext) -> Outcome:
        """The job."""
        scheduled = await self._jobs.of(context.job)
        scheduled.owner.require_admin()
        made = await self._proved(await self._made(scheduled))
        context.advance(made.bytes, total=made.bytes)
        if made.file:
            async with self._database.write() as connection:
                await context.fence(connection)
                now, is_whole = self._clock(), not made.problem
                found = BackupResult(
                    file=made.file, bytes=made.bytes, is_whole=is_whole, proven_at=now if is_whole else None
                )
                await end_run(connection, scheduled.run.id, found, now=now)
        if made.problem:
            await self._tell_the_others(context, scheduled, made.problem)
            raise JobFailed("The backup failed: {problem}", code="backup_failed", problem=made.problem)
        removed = await self._remove_old(scheduled)
        return Outcome(result={"file": made.file, "bytes": made.bytes, "removed": removed})

    async def _made(self, scheduled: ScheduledRun) -> ToldBackup:
        """What an attempt made that was cut short later is there already: it has its name only once it is whole."""
        if self._commands is None:
            return ToldBackup(problem=_NO_PLACE)
        run = scheduled.run
        name = f"jindu-{run.planned_at:%Y-%m-%dT%H%M%SZ}-{run.id[-6:]}.zip"
        before = self._commands.folder / name
        size = await asyncio.to_thread(_size_of, before)
        return await self._commands.make(name) if size is None else ToldBackup(file=str(before), bytes=size)

    async def _proved(self, made: ToldBackup) -> ToldBackup:
        """Restored on trial, as those of each night are: whether one can be read is known before it is needed."""
        if made.problem or self._commands is None:
            return made
        return replace(made, problem=await self._commands.prove(made.file))

    async def _tell_the_others(self, context: JobContext, scheduled: ScheduledRun, problem: str) -> None:
        """Its owner hears of the job that failed; so do all other administrators of the backup."""
        notice = Notice(
            title="The backup “{name}” failed",
            body="{reason}",
            level="error",
            url=f"/schedules/{scheduled.schedule.id}",
            parameters={"name": scheduled.schedule.name, "reason": problem},
        )
        async with self._database.write() as connection:
            await context.fence(connection)
            readers = [each for each in await administrators(connection) if each != scheduled.owner.user_id]
            kept = [
                await self._notices.keep(connection, reader, notice, kind=NoticeKind.SCHEDULED) for reader in readers
            ]
        for message in kept:
            self._notices.send(message)

    async def _remove_old(self, scheduled: ScheduledRun) -> int:
        """All but the newest whole ones of this schedule: never what somebody else has put there."""
        plan = scheduled.run.ordered.backup or BackupPlan()
        async with self._database.read() as connection:
            runs = await results_of(connection, scheduled.schedule.id)
        found = [(run.id, run.result) for run in runs if isinstance(run.result, BackupResult)]
        there = [(run_id, result) for run_id, result in found if not result.is_removed and self._is_ours(result)]
        whole = [place for place, (_, result) in enumerate(there) if result.is_whole][: plan.keep]
        old = there[whole[-1] + 1 :] if len(whole) == plan.keep else []
        for run_id, result in old:
            await asyncio.to_thread(Path(result.file).unlink, missing_ok=True)
            gone = msgspec.structs.replace(result, is_removed=True)
            async with self._database.write() as connection:
                await set_run(connection, run_id, result=msgspec.to_builtins(gone))
        return len(old)

    def _is_ours(self, result: BackupResult) -> bool:
        """A restored copy of this server, or another place since, has no business with files of then."""
        return self._commands is not None and Path(result.file).parent == self._commands.folder


def _size_of(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
