"""Begins what is due: once for each run, on whichever node comes first, again after a crash under the same key."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, closed_to
from server.clock import Clock, utc_now
from server.errors import Forbidden, InvalidInput, JinduError, NotFound, QuotaExceeded
from server.jobs.job import State
from server.schedules.owners import ScheduleOwners
from server.schedules.run_store import ScheduleRunStore, begin_run, set_run
from server.schedules.running import AllRuns, CannotRun
from server.schedules.schedule import (
    Overlap,
    RunCause,
    RunState,
    Schedule,
    ScheduleError,
    ScheduleRun,
    StopReason,
)
from server.schedules.stopping import Stopping, why
from server.schedules.store import ScheduleStore
from server.storage.database import NOT_NOW, Database
from server.storage.tables import batches, jobs, schedule_runs

_LOG = logging.getLogger("jindu.schedules")
_AT_ONCE = 50
_HELD = timedelta(seconds=120)  # an order takes seconds; who holds it longer has died
_AGAIN = timedelta(seconds=30)
_MOST_ATTEMPTS = 5
_STOPPED_BY: dict[type[JinduError], StopReason] = {
    NotFound: StopReason.RIGHTS,  # what it needs is there, and not for them
    Forbidden: StopReason.RIGHTS,
    InvalidInput: StopReason.ORDER,
}


@dataclass(slots=True)
class FiringCounts:
    """Since this node started."""

    started: int = 0
    failed: int = 0
    skipped: int = 0


class Firing:
    """`holder` names this node and process."""

    def __init__(
        self,
        *,
        database: Database,
        store: ScheduleStore,
        run_store: ScheduleRunStore,
        owners: ScheduleOwners,
        stopping: Stopping,
        runs: AllRuns,
        announce: Callable[[str, dict[str, Any], str | None], object],
        holder: str,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._run_store = run_store
        self._owners = owners
        self._stopping = stopping
        self.runs = runs
        self._announce = announce
        self._holder = holder
        self._clock = clock
        self.counts = FiringCounts()

    async def fire_due(self) -> None:
        """All that are due and that nobody holds, the oldest first."""
        async with self._database.read() as connection:
            due = sa.select(schedule_runs.c.id).where(self._is_free(self._clock()))
            ids = (await connection.scalars(due.order_by(schedule_runs.c.planned_at).limit(_AT_ONCE))).all()
        for run_id in ids:
            await self.fire(run_id)

    async def fire(self, run_id: str) -> ScheduleRun:
        """The run afterwards. Whatever becomes of it, the others go on."""
        run = await self._run_store.get(run_id)
        if run.state is not RunState.DUE:
            return run
        schedule = await self._store.get(run.schedule_id, sa.true())
        try:
            if await self._has_to_wait(schedule, run) or not await self._take(run_id):
                return await self._run_store.get(run_id)
            await self._begin(schedule, await self._run_store.get(run_id))
        except NOT_NOW:  # said in the log already
            pass
        except Exception as error:
            _LOG.exception("a schedule could not be run", extra={"action": "schedule", "schedule": schedule.id})
            await self._again(schedule, run, error)
        self._announce("schedules", {"schedule_id": schedule.id}, schedule.owner_id)
        return await self._run_store.get(run_id)

    async def _take(self, run_id: str) -> bool:
        now = self._clock()
        async with self._database.write() as connection:
            found = await connection.execute(
                sa.update(schedule_runs)
                .where(schedule_runs.c.id == run_id, self._is_free(now))
                .values(holder=self._holder, held_until=now + _HELD, attempts=schedule_runs.c.attempts + 1)
            )
        return bool(found.rowcount)

    async def _begin(self, schedule: Schedule, run: ScheduleRun) -> None:
        owner = await self._owners.of(schedule)
        if owner is None:
            await self._stop(schedule, run, StopReason.OWNER)
            return
        if await self._is_dataset_closed(schedule):
            await self._stop(schedule, run, StopReason.RIGHTS)
            return
        try:
            started = await self.runs[run.runs].begin(owner, schedule, run)
        except CannotRun as error:
            await self._stop(schedule, run, error.reason)
            return
        except JinduError as error:
            await self._refused(schedule, run, error)
            return
        async with self._database.write() as connection:
            await begin_run(connection, run.id, job_id=started.job_id, batch_id=started.batch_id, now=self._clock())
        self.counts.started += 1

    async def _refused(self, schedule: Schedule, run: ScheduleRun, error: JinduError) -> None:
        if error.temporary and not isinstance(error, QuotaExceeded):  # room comes back by itself, a quota does not
            await self._let_go(run)
            return
        reason = next((found for kind, found in _STOPPED_BY.items() if isinstance(error, kind)), None)
        if reason is None:
            await self._fail(schedule, run, told(error))
            return
        if reason is StopReason.ORDER and await self._has_lost_data(schedule):
            reason = StopReason.RIGHTS  # to who may not see it, a dataset is one that is not there
        await self._stop(schedule, run, reason, told(error))

    async def _has_to_wait(self, schedule: Schedule, run: ScheduleRun) -> bool:
        """Whether the run before still goes on: this one waits, or is skipped. What is asked for by hand does not.
        Where an older one has not even begun, this one waits as well: they come in the order of their times."""
        if run.cause.is_asked_for:
            return False
        comes_later = await self._comes_later(run)  # asked first: what begins in between is found to go on
        if not await self._goes_on(schedule):
            return comes_later
        if schedule.overlap is Overlap.SKIP and not run.is_late and run.cause is not RunCause.FILES:
            async with self._database.write() as connection:
                await set_run(connection, run.id, state=RunState.SKIPPED)
            self.counts.skipped += 1
        return True

    async def _goes_on(self, schedule: Schedule) -> bool:
        before = (
            sa.select(schedule_runs.c.id)
            .join(jobs, jobs.c.id == schedule_runs.c.job_id)
            .where(
                schedule_runs.c.schedule_id == schedule.id,
                schedule_runs.c.state == RunState.STARTED,
                schedule_runs.c.cause != RunCause.TRIAL,
                jobs.c.state.not_in([state for state in State if state.is_final]),
            )
            .limit(1)
        )
        async with self._database.read() as connection:
            return await connection.scalar(before) is not None

    async def _comes_later(self, run: ScheduleRun) -> bool:
        """Than one of the same schedule that is due, also where another node begins that at this moment."""
        older = sa.select(schedule_runs.c.id).where(
            schedule_runs.c.schedule_id == run.schedule_id,
            schedule_runs.c.state == RunState.DUE,
            schedule_runs.c.cause.not_in([cause for cause in RunCause if cause.is_asked_for]),
            schedule_runs.c.planned_at < run.planned_at,
        )
        async with self._database.read() as connection:
            return await connection.scalar(older.limit(1)) is not None

    async def _is_dataset_closed(self, schedule: Schedule) -> bool:
        if schedule.dataset_id is None:
            return False
        async with self._database.read() as connection:
            return bool(await closed_to(connection, schedule.owner_id, DATASETS, [schedule.dataset_id]))

    async def _has_lost_data(self, schedule: Schedule) -> bool:
        """Whether the owner may no longer see what the last reports were made from."""
        last = (
            sa.select(batches.c.dataset_versions)
            .join(schedule_runs, schedule_runs.c.batch_id == batches.c.id)
            .where(schedule_runs.c.schedule_id == schedule.id)
            .order_by(schedule_runs.c.planned_at.desc())
            .limit(1)
        )
        async with self._database.read() as connection:
            used = await connection.scalar(last) or {}
            sources = [each["dataset_id"] for each in used.values()]
            return bool(await closed_to(connection, schedule.owner_id, DATASETS, sources))

    async def _stop(
        self, schedule: Schedule, run: ScheduleRun, reason: StopReason, error: ScheduleError | None = None
    ) -> None:
        async def fail(connection: AsyncConnection) -> None:
            await set_run(connection, run.id, state=RunState.FAILED, error=msgspec.to_builtins(error or why(reason)))

        await self._stopping.stop(schedule.id, reason, error, also=fail)
        self.counts.failed += 1

    async def _fail(self, schedule: Schedule, run: ScheduleRun, error: ScheduleError) -> None:
        async with self._database.write() as connection:
            await set_run(connection, run.id, state=RunState.FAILED, error=msgspec.to_builtins(error))
            kept = await self._stopping.tell_failed(connection, schedule, error)
        self._stopping.send(kept)
        self.counts.failed += 1

    async def _again(self, schedule: Schedule, run: ScheduleRun, error: Exception) -> None:
        """What nobody expected may go well next time; it is not tried for ever."""
        if run.attempts + 1 < _MOST_ATTEMPTS:  # this one is not counted in it
            await self._let_go(run)
            return
        unexpected = "The order failed for a reason that only the server's log tells: {name}."
        words = ScheduleError(code="unexpected", message=unexpected, parameters={"name": type(error).__name__})
        await self._fail(schedule, run, words)

    async def _let_go(self, run: ScheduleRun) -> None:
        async with self._database.write() as connection:
            await set_run(connection, run.id, holder=None, held_until=self._clock() + _AGAIN)

    def _is_free(self, now: datetime) -> sa.ColumnElement[bool]:
        """Also one that is held for longer than anybody holds one: its clock was set since."""
        held = schedule_runs.c.held_until
        return sa.and_(
            schedule_runs.c.state == RunState.DUE,
            sa.or_(held.is_(None), held <= now, held > now + 2 * _HELD),
        )


def told(error: JinduError) -> ScheduleError:
    first = error.errors[0] if error.errors and error.message == type(error)().message else None
    source = first or error
    return ScheduleError(
        code=error.specific_code,
        message=source.message,
        parameters=msgspec.to_builtins(source.parameters, enc_hook=str),
    )
