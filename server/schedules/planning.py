"""Which runs have become due: stored with what comes next in one transaction, so that each time gives one run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, utc_now
from server.jobs.job import State
from server.realtime.history import KeptMessage
from server.schedules.run_store import add_runs, forget_runs
from server.schedules.schedule import Missed, RunCause, RunState, ScheduleHead, ScheduleStanding, StopReason
from server.schedules.stopping import Stopping
from server.schedules.store import locked, save_schedule
from server.schedules.timing import PastTimes, next_time, next_times, times_until
from server.schedules.workdays import known_until
from server.storage.database import NOT_NOW, Database
from server.storage.tables import dataset_versions, jobs, schedule_runs, schedules

_LOG = logging.getLogger("jindu.schedules")
LATE = timedelta(minutes=5)  # a server that is started anew is back by then
MOST_LATE = 24  # runs that are made up for at once, and missed ones that are shown
_MOST_QUIET = 10  # times the quiet time: where something arrives all the time, it is never quiet
_AT_ONCE = 200
WARNED_BEFORE = 5  # times, of which the last is past the end of a calendar
_WARN_EVERY = timedelta(hours=1)


class Planning:
    def __init__(
        self,
        *,
        database: Database,
        stopping: Stopping,
        announce: Callable[[str, dict[str, Any], str | None], object],
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._stopping = stopping
        self._announce = announce
        self._clock = clock
        self.missed = 0
        self._warned_at = datetime.min.replace(tzinfo=clock().tzinfo)

    async def plan(self) -> datetime | None:
        """Make what is due a run; when the next time comes. One that cannot be planned never stops the rest."""
        now = self._clock()
        await self._warn(now)
        async with self._database.read() as connection:
            by_time = [row.id for row in await connection.execute(_due_by_time(now))]
            by_import = (await connection.execute(_arrived())).all()
            by_leader = (await connection.execute(_finished_leaders())).all()
        for schedule_id in by_time:
            await self._safely(schedule_id, self._plan_times, now)
        for row in by_import:
            if _is_quiet(row, now):
                await self._safely(row.id, self._plan_import, now, row.newest)
        for row in by_leader:
            await self._safely(row.id, self._plan_after, now, row.planned_at)
        async with self._database.read() as connection:
            next_at = sa.select(sa.func.min(schedules.c.planned_at)).where(schedules.c.standing == ScheduleStanding.ON)
            found: datetime | None = await connection.scalar(next_at)
        return found

    async def _safely(self, schedule_id: str, plan: Any, *arguments: Any) -> None:
        try:
            async with self._database.write() as connection:
                schedule = await locked(connection, schedule_id)
                if schedule is None or not schedule.is_on:
                    return
                kept = await plan(connection, schedule, *arguments)
        except NOT_NOW:  # said in the log already
            return
        except Exception:
            _LOG.exception("a schedule could not be planned", extra={"action": "schedule", "schedule": schedule_id})
            await self._stopping.stop(schedule_id, StopReason.ERROR)
            return
        self._stopping.send(kept)
        self._announce("schedules", {"schedule_id": schedule.id}, schedule.owner_id)

    async def _warn(self, now: datetime) -> None:
        """Of calendars that end before the next times of a schedule: early, so that there is time to update."""
        if now - self._warned_at < _WARN_EVERY:
            return
        self._warned_at = now
        by_calendar = sa.select(schedules.c.id, schedules.c.calendar, schedules.c.told_until).where(
            schedules.c.standing == ScheduleStanding.ON, schedules.c.calendar != ""
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(by_calendar)).all()
        for country in {row.calendar for row in rows}:
            end = await asyncio.to_thread(known_until, country, now.date())
            for row in rows:
                if end is not None and row.calendar == country and row.told_until != end.isoformat():
                    await self._safely(row.id, self._warn_one, now, end)

    async def _warn_one(
        self, connection: AsyncConnection, schedule: ScheduleHead, now: datetime, end: date
    ) -> list[KeptMessage]:
        coming = next_times(schedule.cron, schedule.time_zone, now, WARNED_BEFORE, schedule.workdays)
        if not coming or coming[-1].local.date() <= end:
            return []
        await save_schedule(connection, msgspec.structs.replace(schedule, told_until=end.isoformat()))
        return await self._stopping.tell_calendar(connection, schedule, end)

    async def _plan_times(
        self, connection: AsyncConnection, schedule: ScheduleHead, now: datetime
    ) -> list[KeptMessage]:
        if schedule.planned_at is None or schedule.planned_at > now:  # another node was faster
            return []
        past = times_until(
            schedule.cron,
            schedule.time_zone,
            first=schedule.planned_at,
            until=now,
            most=MOST_LATE,
            workdays=schedule.workdays,
        )
        # Where none comes any more all years are gone through; `Stopping.stop_broken` sees to the rest.
        following = await asyncio.to_thread(next_time, schedule.cron, schedule.time_zone, now, schedule.workdays)
        kept = await self._add(connection, schedule, past, now)
        await save_schedule(connection, msgspec.structs.replace(schedule, planned_at=following))
        await forget_runs(connection, schedule.id)
        return kept

    async def _add(
        self, connection: AsyncConnection, schedule: ScheduleHead, past: PastTimes, now: datetime
    ) -> list[KeptMessage]:
        late = [at for at in past.times if now - at > LATE]
        in_time = [at for at in past.times if now - at <= LATE]
        made = _made_up_for(schedule.missed, late, has_newer=bool(in_time))
        left = [at for at in late if at not in made]
        await add_runs(connection, schedule, RunCause.TIME, left, now=now, state=RunState.MISSED, is_late=True)
        await add_runs(connection, schedule, RunCause.TIME, made, now=now, is_late=True)
        await add_runs(connection, schedule, RunCause.TIME, in_time, now=now)
        if not late:
            return []
        self.missed += len(late)
        return await self._stopping.tell_missed(connection, schedule, missed=len(late), made=len(made))

    async def _plan_import(
        self, connection: AsyncConnection, schedule: ScheduleHead, now: datetime, newest: datetime
    ) -> list[KeptMessage]:
        if newest <= schedule.armed_at:
            return []
        await add_runs(connection, schedule, RunCause.IMPORT, [newest], now=now)
        await save_schedule(connection, msgspec.structs.replace(schedule, armed_at=newest))
        await forget_runs(connection, schedule.id)
        return []

    async def _plan_after(
        self, connection: AsyncConnection, schedule: ScheduleHead, now: datetime, planned_at: datetime
    ) -> list[KeptMessage]:
        """For the same moment as the one before: both speak of the same."""
        await add_runs(connection, schedule, RunCause.SCHEDULE, [planned_at], now=now)
        await forget_runs(connection, schedule.id)
        return []


def _made_up_for(policy: Missed, late: list[datetime], *, has_newer: bool) -> list[datetime]:
    if policy is Missed.ALL:
        return late
    return late[-1:] if policy is Missed.ONCE and not has_newer else []


def _is_quiet(row: Any, now: datetime) -> bool:
    """Enough since the newest arrived, or since the first did."""
    quiet = timedelta(seconds=row.quiet_seconds)
    is_over: bool = now - row.newest >= quiet or now - row.oldest >= _MOST_QUIET * quiet
    return is_over


def _due_by_time(now: datetime) -> sa.Select[tuple[str]]:
    due = sa.select(schedules.c.id).where(schedules.c.standing == ScheduleStanding.ON, schedules.c.planned_at <= now)
    return due.order_by(schedules.c.planned_at, schedules.c.id).limit(_AT_ONCE)


def _arrived() -> sa.Select[Any]:
    """What came into their datasets since they looked last."""
    at = dataset_versions.c.created_at
    return (
        sa.select(
            schedules.c.id, schedules.c.quiet_seconds, sa.func.min(at).label("oldest"), sa.func.max(at).label("newest")
        )
        .join(dataset_versions, dataset_versions.c.dataset_id == schedules.c.dataset_id)
        .where(schedules.c.standing == ScheduleStanding.ON, at > schedules.c.armed_at)
        .group_by(schedules.c.id, schedules.c.quiet_seconds)
        .order_by(schedules.c.id)
        .limit(_AT_ONCE)
    )


def _finished_leaders() -> sa.Select[Any]:
    """Runs that went well, of schedules that others come after, who have none for their time."""
    of_leader, own = schedule_runs.alias(), schedule_runs.alias()
    has_own = sa.exists().where(own.c.schedule_id == schedules.c.id, own.c.planned_at == of_leader.c.planned_at)
    return (
        sa.select(schedules.c.id, of_leader.c.planned_at)
        .join(of_leader, of_leader.c.schedule_id == schedules.c.leader_id)
        .join(jobs, jobs.c.id == of_leader.c.job_id)
        .where(
            schedules.c.standing == ScheduleStanding.ON,
            of_leader.c.state == RunState.STARTED,
            of_leader.c.cause != RunCause.TRIAL,
            of_leader.c.planned_at > schedules.c.armed_at,
            jobs.c.state == State.SUCCEEDED,
            sa.not_(has_own),
        )
        .order_by(of_leader.c.planned_at)
        .limit(_AT_ONCE)
    )
