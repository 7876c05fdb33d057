"""The rows of schedules."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import NotFound
from server.schedules.schedule import Schedule, ScheduleHead, ScheduleStanding
from server.storage.database import Database
from server.storage.findable import words_in
from server.storage.han_sounds import asked_sounds, is_chinese, sounds_like
from server.storage.pages import Listing
from server.storage.rows import lock
from server.storage.searching import mentions
from server.storage.tables import schedule_runs, schedules, templates, users

S = TypeVar("S", bound=ScheduleHead)
_COLUMNS = [schedules.c[name] for name in ScheduleHead.__struct_fields__]


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


def _schedule(kind: type[S], row: Any) -> S:
    plain = {str(name): value for name, value in row.items()}  # names of columns are more than texts
    return msgspec.convert(plain, kind)


def _row(schedule: ScheduleHead) -> dict[str, Any]:
    values = {name: getattr(schedule, name) for name in ScheduleHead.__struct_fields__}
    for name in ("ordered", "error"):
        values[name] = msgspec.to_builtins(values[name])
    return values
