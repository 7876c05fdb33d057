"""The rows of schedules and of their runs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id
from server.delivery.parcel import ParcelState
from server.errors import NotFound
from server.jobs.job import FINAL_STATES, State
from server.schedules.plans import BackupResult, RunResult, RunsWhat
from server.schedules.schedule import (
    RunCause,
    RunsOfDay,
    RunState,
    Schedule,
    ScheduleHead,
    ScheduleRun,
    ScheduleStanding,
    StopReason,
)
from server.storage.database import Database
from server.storage.findable import words_in
from server.storage.han_sounds import asked_sounds, is_chinese, sounds_like
from server.storage.pages import Listing
from server.storage.rows import insert_missing, lock
from server.storage.searching import mentions
from server.storage.tables import batches, jobs, outbox, schedule_runs, schedules, templates, users
from server.texts import phrase

S = TypeVar("S", bound=ScheduleHead)
_COLUMNS = [schedules.c[name] for name in ScheduleHead.__struct_fields__]
_RUN_COLUMNS = [schedule_runs.c[name] for name in ScheduleRun.__struct_fields__ if not name.startswith("job_")]
_KEPT_RUNS = 500  # of each schedule
_OVER = (RunState.STARTED, RunState.SKIPPED, RunState.MISSED, RunState.FAILED)


class ScheduleStore:
    """Reads; what writes is a function below, in the transaction of its caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, schedule_id: str, which: sa.ColumnElement[bool]) -> Schedule:
        """Raises `NotFound` for one that is none of `which`."""
        async with self._database.read() as connection:
            row = (await connection.execute(_wide(schedules.c.id == schedule_id, which))).mappings().one_or_none()
        if row is None:
            raise NotFound
        return _schedule(Schedule, row)

    async def search(
        self,
        which: sa.ColumnElement[bool],
        *,
        q: str = "",
        template_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[Schedule]:
        """What comes next first; then those that wait for something else, then those that are not on."""
        conditions = [which]
        if q:
            names = (schedules.c.name, schedules.c.template_name)
            sounding = await self._sounding(which, q.casefold())
            conditions.append(sa.or_(*(mentions(name, q) for name in names), schedules.c.id.in_(sounding)))
        if template_id is not None:
            conditions.append(schedules.c.template_id == template_id)
        skip = int(cursor) if cursor and cursor.isdigit() else 0
        order = (
            schedules.c.standing != ScheduleStanding.ON,
            schedules.c.planned_at.is_(None),
            schedules.c.planned_at,
            schedules.c.id,
        )
        async with self._database.read() as connection:
            total = await connection.scalar(sa.select(sa.func.count()).select_from(schedules).where(*conditions)) or 0
            found = await connection.execute(_wide(*conditions).order_by(*order).offset(skip).limit(limit))
            items = [_schedule(Schedule, row) for row in found.mappings()]
        more = skip + len(items) < total
        return Listing(items=items, total=total, next_cursor=str(skip + len(items)) if more and items else None)

    async def _sounding(self, which: sa.ColumnElement[bool], typed: str) -> list[str]:
        """Whose Chinese names sound as somebody typed. Nothing is kept for it: schedules are few."""
        if not asked_sounds(typed):
            return []
        query = sa.select(schedules.c.id, schedules.c.name, schedules.c.template_name).where(which)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).all()
        chinese = [row for row in found if is_chinese(row.name) or is_chinese(row.template_name)]

        def sound() -> list[str]:
            names = ((row.id, words_in(f"{row.name} {row.template_name}")) for row in chinese)
            return [schedule_id for schedule_id, words in names if sounds_like(words, typed)]

        return await asyncio.to_thread(sound)

    async def runs(self, schedule_ids: Collection[str], *, limit: int) -> dict[str, list[ScheduleRun]]:
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
                found[row["schedule_id"]].append(run_of(row))
        return found

    async def runs_by_day(self, schedule_ids: Collection[str], days: Sequence[datetime]) -> dict[str, list[RunsOfDay]]:
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
                found[row["schedule_id"]].append(RunsOfDay(run=run_of(row), count=row["alike"]))
        return found

    async def run(self, run_id: str) -> ScheduleRun:
        """Raises `NotFound`."""
        async with self._database.read() as connection:
            row = (await connection.execute(_runs(schedule_runs.c.id == run_id))).mappings().one_or_none()
        if row is None:
            raise NotFound
        return run_of(row)

    async def schedule_of(self, batch_id: str) -> ScheduleHead | None:
        """The one of whose run a batch is."""
        query = sa.select(*_COLUMNS).join(schedule_runs, schedule_runs.c.schedule_id == schedules.c.id)
        async with self._database.read() as connection:
            row = (await connection.execute(query.where(schedule_runs.c.batch_id == batch_id))).mappings().first()
        return None if row is None else _schedule(ScheduleHead, row)


async def locked(connection: AsyncConnection, schedule_id: str) -> ScheduleHead | None:
    """As it is now; nobody else changes it until the transaction is over."""
    query = lock(sa.select(*_COLUMNS).where(schedules.c.id == schedule_id))
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _schedule(ScheduleHead, row)


async def add_schedule(connection: AsyncConnection, schedule: ScheduleHead) -> None:
    await connection.execute(sa.insert(schedules).values(_row(schedule)))


async def save_schedule(connection: AsyncConnection, schedule: ScheduleHead) -> None:
    await connection.execute(sa.update(schedules).where(schedules.c.id == schedule.id).values(_row(schedule)))


async def delete_schedule(connection: AsyncConnection, schedule_id: str) -> None:
    await connection.execute(sa.delete(schedules).where(schedules.c.id == schedule_id))


async def count_of_owner(connection: AsyncConnection, owner_id: str) -> int:
    query = sa.select(sa.func.count()).select_from(schedules).where(schedules.c.owner_id == owner_id)
    return await connection.scalar(query) or 0


async def heads_of(connection: AsyncConnection, owner_id: str) -> list[ScheduleHead]:
    """All schedules of somebody."""
    query = sa.select(*_COLUMNS).where(schedules.c.owner_id == owner_id)
    return [_schedule(ScheduleHead, row) for row in (await connection.execute(query)).mappings()]


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
    return None if row is None else run_of(row)


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
    return None if row is None else run_of(row)


async def run_at(connection: AsyncConnection, schedule_id: str, planned_at: datetime) -> ScheduleRun:
    query = _runs(schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.planned_at == planned_at)
    return run_of((await connection.execute(query)).mappings().one())


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
    return None if row is None else run_of(row)


async def results_of(connection: AsyncConnection, schedule_id: str) -> list[ScheduleRun]:
    """All runs that found something, the newest first."""
    query = _runs(schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.result.is_not(None))
    rows = await connection.execute(query.order_by(schedule_runs.c.planned_at.desc()))
    return [run_of(row) for row in rows.mappings()]


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


async def hold_restored(connection: AsyncConnection) -> int:
    """A copy of a server must not make, or send, what the server itself does: how many are held."""
    held = await connection.execute(
        sa.update(schedules)
        .where(schedules.c.standing == ScheduleStanding.ON)
        .values(standing=ScheduleStanding.PAUSED, reason=StopReason.RESTORED, planned_at=None)
    )
    going_on = sa.select(jobs.c.id).where(jobs.c.state.not_in([state for state in State if state.is_final]))
    is_open = sa.or_(
        schedule_runs.c.state == RunState.DUE,
        # Batches are made again, and nothing of them leaves the house; other jobs find that their run is over.
        sa.and_(schedule_runs.c.batch_id.is_(None), schedule_runs.c.job_id.in_(going_on)),
    )
    await connection.execute(sa.update(schedule_runs).where(is_open).values(state=RunState.MISSED))
    is_waiting = sa.and_(outbox.c.schedule_id.is_not(None), outbox.c.state == ParcelState.WAITING)
    error = phrase("It came back from a backup; the server that the backup is of may have sent it.")
    await connection.execute(
        sa.update(outbox).where(is_waiting).values(state=ParcelState.FAILED, next_at=None, error=error)
    )
    return held.rowcount


def run_of(row: Any) -> ScheduleRun:
    return msgspec.convert(_plain(row), ScheduleRun)


def _wide(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    owners, of_template = users.alias(), users.alias()
    return (
        sa.select(
            *_COLUMNS,
            owners.c.name.label("owner"),
            templates.c.owner_id.label("template_owner_id"),
            of_template.c.name.label("template_owner"),
        )
        .join(owners, owners.c.id == schedules.c.owner_id)
        .outerjoin(templates, templates.c.id == schedules.c.template_id)
        .outerjoin(of_template, of_template.c.id == templates.c.owner_id)
        .where(*conditions)
    )


def _runs(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The job of a batch is its newest: it may have been made again."""
    return (
        sa.select(
            *_RUN_COLUMNS,
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


def _plain(row: Any) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}  # names of columns are more than texts


def _schedule(kind: type[S], row: Any) -> S:
    return msgspec.convert(_plain(row), kind)


def _row(schedule: ScheduleHead) -> dict[str, Any]:
    values = {name: getattr(schedule, name) for name in ScheduleHead.__struct_fields__}
    for name in ("ordered", "error"):
        values[name] = msgspec.to_builtins(values[name])
    return values
