"""The rows of runs: when each was planned, what it ordered, what became of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id
from server.errors import NotFound
from server.jobs.job import FINAL_STATES
from server.schedules.plans import BackupResult, RunResult, RunsWhat
from server.schedules.schedule import RunCause, RunsOfDay, RunState, ScheduleHead, ScheduleRun, ScheduleStanding
from server.storage.database import Database
from server.storage.rows import insert_missing
from server.storage.tables import batches, jobs, schedule_runs, schedules

_COLUMNS = [schedule_runs.c[name] for name in ScheduleRun.__struct_fields__ if not name.startswith("job_")]
_KEPT_RUNS = 500  # of each schedule
_OVER = (RunState.STARTED, RunState.SKIPPED, RunState.MISSED, RunState.FAILED)


class ScheduleRunStore:
    """Reads; what writes is a function below, in the transaction of its caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, run_id: str) -> ScheduleRun:
        """Raises `NotFound`."""
        async with self._database.read() as connection:
            row = (await connection.execute(_runs(schedule_runs.c.id == run_id))).mappings().one_or_none()
        if row is None:
            raise NotFound
        return _run_of(row)

    async def newest(self, schedule_ids: Collection[str], *, limit: int) -> dict[str, list[ScheduleRun]]:
        """The newest of each, the newest first."""
        place = sa.func.row_number().over(
            partition_by=schedule_runs.c.schedule_id, order_by=(schedule_runs.c.planned_at.desc(),)
        )
        newest = sa.select(schedule_runs.c.id, place.label("place")).where(
            schedule_runs.c.schedule_id.in_(schedule_ids)
        )
        newest_rows = newest.subquery()
        ids = sa.select(newest_rows.c.id).where(newest_rows.c.place <= limit)
        query = _runs(schedule_runs.c.id.in_(ids)).order_by(schedule_runs.c.planned_at.desc())
        found: dict[str, list[ScheduleRun]] = {each: [] for each in schedule_ids}
        async with self._database.read() as connection:
            for row in (await connection.execute(query)).mappings():
                found[row["schedule_id"]].append(_run_of(row))
        return found

    async def by_day(self, schedule_ids: Collection[str], days: Sequence[datetime]) -> dict[str, list[RunsOfDay]]:
        """Of each schedule, all of that time, however many there are. `days`: when each begins, and when the last
        ends."""
        planned = schedule_runs.c.planned_at
        day = sa.case(*((planned < end, place) for place, end in enumerate(days[1:])))
        alike = (
            schedule_runs.c.schedule_id,
            day,
            schedule_runs.c.state,
            schedule_runs.c.batch_id.is_(None),
            jobs.c.state,
        )
        place = sa.func.row_number().over(partition_by=alike, order_by=planned)
        count = sa.func.count().over(partition_by=alike)
        which = (schedule_runs.c.schedule_id.in_(schedule_ids), planned >= days[0], planned < days[-1])
        rows = _runs(*which).add_columns(place.label("place"), count.label("alike")).subquery()
        found: dict[str, list[RunsOfDay]] = {each: [] for each in schedule_ids}
        async with self._database.read() as connection:
            for row in (await connection.execute(sa.select(rows).where(rows.c.place == 1))).mappings():
                found[row["schedule_id"]].append(RunsOfDay(run=_run_of(row), count=row["alike"]))
        return found


async def add_runs(
    connection: AsyncConnection,
    schedule: ScheduleHead,
    cause: RunCause,
    times: Sequence[datetime],
    *,
    now: datetime,
    state: RunState = RunState.DUE,
    is_late: bool = False,
) -> None:
    """Those whose time has none yet."""
    ordered = msgspec.to_builtins(schedule.ordered)
    rows = [
        {
            "id": new_id(),
            "schedule_id": schedule.id,
            "planned_at": at,
            "cause": cause,
            "state": state,
            "is_late": is_late,
            "ordered": ordered,
            "created_at": now,
        }
        for at in times
    ]
    await insert_missing(connection, schedule_runs, rows, key=("schedule_id", "planned_at"))


async def add_run_behind(
    connection: AsyncConnection, schedule: ScheduleHead, run: ScheduleRun, cause: RunCause, *, now: datetime
) -> None:
    """One more for the same moment, of what that run has left; it waits until that one is over."""
    at = run.planned_at + timedelta(microseconds=1)
    frozen = msgspec.structs.replace(schedule, ordered=run.ordered)
    await add_runs(connection, frozen, cause, [at], now=now)


async def run_of_key(connection: AsyncConnection, schedule_id: str, asked_key: str) -> ScheduleRun | None:
    query = _runs(schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.asked_key == asked_key)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _run_of(row)


async def is_key_of_another(connection: AsyncConnection, schedule_id: str, asked_key: str) -> bool:
    """Whether a run of another schedule was asked for under it."""
    ids = sa.select(schedules.c.id).where(schedules.c.id != schedule_id)  # by the index of both
    others = sa.select(schedule_runs.c.id).where(
        schedule_runs.c.schedule_id.in_(ids), schedule_runs.c.asked_key == asked_key
    )
    return await connection.scalar(others.limit(1)) is not None


async def by_hand_since(
    connection: AsyncConnection, schedule_id: str, cause: RunCause, since: datetime
) -> ScheduleRun | None:
    """The newest that somebody asked for after that moment."""
    is_by_hand = sa.and_(schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.cause == cause)
    query = _runs(is_by_hand, schedule_runs.c.planned_at > since).order_by(schedule_runs.c.planned_at.desc()).limit(1)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _run_of(row)


async def run_at(connection: AsyncConnection, schedule_id: str, planned_at: datetime) -> ScheduleRun:
    query = _runs(schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.planned_at == planned_at)
    return _run_of((await connection.execute(query)).mappings().one())


async def begin_run(
    connection: AsyncConnection, run_id: str, *, job_id: str, batch_id: str | None, now: datetime
) -> None:
    """Its job may have been quicker than we are, and have noted more."""
    is_due = sa.and_(schedule_runs.c.id == run_id, schedule_runs.c.state == RunState.DUE)
    values = {"state": RunState.STARTED, "job_id": job_id, "batch_id": batch_id, "started_at": now}
    await connection.execute(sa.update(schedule_runs).where(is_due).values(values))


async def end_run(
    connection: AsyncConnection, run_id: str, result: RunResult, *, now: datetime, job_id: str | None = None
) -> None:
    """What its job found; with `job_id` another one goes on with it."""
    values: dict[str, Any] = {"state": RunState.STARTED, "result": msgspec.to_builtins(result)}
    if job_id is not None:
        values["job_id"] = job_id
    started = {"started_at": sa.func.coalesce(schedule_runs.c.started_at, now)}
    await connection.execute(sa.update(schedule_runs).where(schedule_runs.c.id == run_id).values(values | started))


async def last_result(connection: AsyncConnection, run: ScheduleRun) -> ScheduleRun | None:
    """The run before this one that found something."""
    is_before = sa.and_(schedule_runs.c.schedule_id == run.schedule_id, schedule_runs.c.id != run.id)
    query = _runs(is_before, schedule_runs.c.result.is_not(None)).order_by(schedule_runs.c.planned_at.desc()).limit(1)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _run_of(row)


async def results_of(connection: AsyncConnection, schedule_id: str) -> list[ScheduleRun]:
    """All runs that found something, the newest first."""
    query = _runs(schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.result.is_not(None))
    rows = await connection.execute(query.order_by(schedule_runs.c.planned_at.desc()))
    return [_run_of(row) for row in rows.mappings()]


async def backup_proven_at(connection: AsyncConnection) -> datetime | None:
    """When the newest backup of a schedule that is on was restored on trial."""
    query = (
        sa.select(schedule_runs.c.result)
        .join(schedules, schedules.c.id == schedule_runs.c.schedule_id)
        .where(schedules.c.runs == RunsWhat.BACKUP, schedules.c.standing == ScheduleStanding.ON)
        .where(schedule_runs.c.result["proven_at"].as_string().is_not(None))
    )
    newest = await connection.scalar(query.order_by(schedule_runs.c.planned_at.desc()).limit(1))
    return None if newest is None else msgspec.convert(newest, BackupResult).proven_at


async def set_run(connection: AsyncConnection, run_id: str, **values: Any) -> None:
    await connection.execute(sa.update(schedule_runs).where(schedule_runs.c.id == run_id).values(**values))


async def order_anew(connection: AsyncConnection, schedule: ScheduleHead) -> None:
    """Runs that are not over are of what it orders now; a trial stays what somebody tries."""
    going_on = sa.select(jobs.c.id).where(jobs.c.state.not_in(FINAL_STATES))
    waits = sa.or_(
        schedule_runs.c.state == RunState.DUE,
        sa.and_(schedule_runs.c.state == RunState.STARTED, schedule_runs.c.job_id.in_(going_on)),
    )
    await connection.execute(
        sa.update(schedule_runs)
        .where(schedule_runs.c.schedule_id == schedule.id, schedule_runs.c.cause != RunCause.TRIAL, waits)
        .values(ordered=msgspec.to_builtins(schedule.ordered))
    )


async def forget_runs(connection: AsyncConnection, schedule_id: str) -> None:
    """All but the newest that are over."""
    is_of = sa.and_(schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.state.in_(_OVER))
    newest = sa.select(schedule_runs.c.id).where(is_of).order_by(schedule_runs.c.planned_at.desc()).limit(_KEPT_RUNS)
    await connection.execute(sa.delete(schedule_runs).where(is_of, schedule_runs.c.id.not_in(newest)))


def _runs(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The job of a batch is its newest: it may have been made again."""
    return (
        sa.select(
            *_COLUMNS,
            jobs.c.id.label("job_id"),
            jobs.c.state.label("job_state"),
            jobs.c.outcome.label("job_outcome"),
            jobs.c.error.label("job_error"),
            jobs.c.result["imported_count"].as_integer().label("job_imported"),
            jobs.c.result["rejected_count"].as_integer().label("job_rejected"),
        )
        .outerjoin(batches, batches.c.id == schedule_runs.c.batch_id)
        .outerjoin(jobs, jobs.c.id == sa.func.coalesce(batches.c.job_id, schedule_runs.c.job_id))
        .where(*conditions)
    )


def _run_of(row: Any) -> ScheduleRun:
    plain = {str(name): value for name, value in row.items()}  # names of columns are more than texts
    return msgspec.convert(plain, ScheduleRun)
