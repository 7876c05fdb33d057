"""What cannot go on stops, and somebody hears of it: nothing ever fails to come in silence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.permissions import Role
from server.clock import Clock, utc_now
from server.jobs.outcomes import Notice
from server.live.notice_kinds import NoticeKind
from server.live.notices import Notices
from server.realtime.history import KeptMessage
from server.schedules.plans import RunsWhat
from server.schedules.schedule import ScheduleError, ScheduleHead, ScheduleStanding, StopReason
from server.schedules.store import locked, save_schedule
from server.storage.database import Database
from server.storage.tables import datasets, schedules, users
from server.texts import phrase

REASONS = {
    StopReason.OWNER: "The account of its owner is disabled.",
    StopReason.RIGHTS: "Its owner may no longer see or use what it is made from.",
    StopReason.TEMPLATE: "Its template was deleted.",
    StopReason.DATASET: "The dataset that it waits for was deleted.",
    StopReason.SCHEDULE: "The schedule that it comes after was deleted.",
    StopReason.ORDER: "What it orders does not fit the template any more.",
    StopReason.TIME: "No such time comes any more.",
    StopReason.ERROR: "Its times could not be found; the server's log tells why.",
}
_NO_OWNER = frozenset({StopReason.OWNER})


class Stopping:
    def __init__(self, *, database: Database, notices: Notices, clock: Clock = utc_now) -> None:
        self._database = database
        self._notices = notices
        self._clock = clock

    async def stop(
        self,
        schedule_id: str,
        reason: StopReason,
        error: ScheduleError | None = None,
        *,
        also: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    ) -> None:
        """With `also` in the same transaction. One that is not on, or gone, stays as it is."""
        kept: list[KeptMessage] = []
        async with self._database.write() as connection:
            schedule = await locked(connection, schedule_id)
            if also is not None:
                await also(connection)
            if schedule is not None and schedule.is_on:
                stopped = msgspec.structs.replace(
                    schedule,
                    standing=ScheduleStanding.STOPPED,
                    reason=reason,
                    error=error or why(reason),
                    planned_at=None,
                    updated_at=self._clock(),
                )
                await save_schedule(connection, stopped)
                detail = {"reason": reason.value}
                await Audit.record(connection, None, "schedule.stop", schedule.name, detail, subject_id=schedule.id)
                kept = await self._tell_stopped(connection, schedule, reason, error)
        self.send(kept)

    async def stop_broken(self) -> None:
        """Those whose owner, template, dataset or leader is gone, or whose times are over, at once: nobody should wait
        for them."""
        async with self._database.read() as connection:
            found = [(row.id, StopReason(row.reason)) for row in await connection.execute(_BROKEN)]
        for schedule_id, reason in found:
            await self.stop(schedule_id, reason)

    async def tell_failed(
        self, connection: AsyncConnection, schedule: ScheduleHead, error: ScheduleError
    ) -> list[KeptMessage]:
        """That one run could not be ordered; the schedule goes on."""
        notice = Notice(
            title="The schedule “{name}” could not be run",
            body="{reason}",
            level="error",
            url=f"/schedules/{schedule.id}",
            parameters={"name": schedule.name, "reason": phrase(error.message, **error.parameters)},
        )
        return [await self._notices.keep(connection, schedule.owner_id, notice, kind=NoticeKind.SCHEDULED)]

    async def tell_missed(
        self, connection: AsyncConnection, schedule: ScheduleHead, *, missed: int, made: int
    ) -> list[KeptMessage]:
        notice = Notice(
            title="“{name}” did not run in time: no server was there",
            body="Times missed: {missed}. Made now, late: {made}.",
            level="warning",
            url=f"/schedules/{schedule.id}",
            parameters={"name": schedule.name, "missed": missed, "made": made},
        )
        return [await self._notices.keep(connection, schedule.owner_id, notice, kind=NoticeKind.SCHEDULED)]

    async def tell_calendar(self, connection: AsyncConnection, schedule: ScheduleHead, end: date) -> list[KeptMessage]:
        """That what days are worked on is not known any further."""
        notice = Notice(
            title="The calendar of “{name}” ends on {date}",
            body="Worked weekends and moved holidays of {country} are not known after that: later times go by "
            "weekends and fixed holidays alone. Update Jindu once the next year is decreed.",
            level="warning",
            url=f"/schedules/{schedule.id}",
            parameters={"name": schedule.name, "date": end.isoformat(), "country": schedule.calendar},
        )
        return [await self._notices.keep(connection, schedule.owner_id, notice, kind=NoticeKind.SCHEDULED)]

    def send(self, kept: Sequence[KeptMessage]) -> None:
        for message in kept:
            self._notices.send(message)

    async def _tell_stopped(
        self, connection: AsyncConnection, schedule: ScheduleHead, reason: StopReason, error: ScheduleError | None
    ) -> list[KeptMessage]:
        words = error or why(reason)
        notice = Notice(
            title="The schedule “{name}” was stopped",
            body="{reason} It comes no more until somebody turns it on again.",
            level="error",
            url=f"/schedules/{schedule.id}",
            parameters={"name": schedule.name, "reason": phrase(words.message, **words.parameters)},
        )
        is_everybodys = reason in _NO_OWNER or schedule.runs is RunsWhat.BACKUP
        readers = await administrators(connection) if is_everybodys else [schedule.owner_id]
        kept = self._notices.keep
        return [await kept(connection, reader, notice, kind=NoticeKind.SCHEDULED) for reader in readers]


def why(reason: StopReason) -> ScheduleError:
    """In words."""
    return ScheduleError(code=reason.value, message=REASONS[reason])


async def administrators(connection: AsyncConnection) -> Sequence[str]:
    """Ids of those whose accounts are not disabled."""
    active = sa.select(users.c.id).where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None))
    return (await connection.scalars(active.order_by(users.c.id))).all()


def _broken() -> sa.Select[tuple[str, str]]:
    leaders = schedules.alias()
    has_leader = sa.exists().where(leaders.c.id == schedules.c.leader_id)
    reason = sa.case(
        (users.c.disabled_at.is_not(None), StopReason.OWNER),
        (users.c.role == Role.VIEWER, StopReason.RIGHTS),
        (sa.and_(schedules.c.runs == RunsWhat.BATCH, schedules.c.template_id.is_(None)), StopReason.TEMPLATE),
        (sa.and_(schedules.c.dataset_name != "", datasets.c.id.is_(None)), StopReason.DATASET),
        (sa.and_(schedules.c.leader_id.is_not(None), sa.not_(has_leader)), StopReason.SCHEDULE),
        (sa.and_(schedules.c.cron != "", schedules.c.planned_at.is_(None)), StopReason.TIME),
        else_=StopReason.NONE,
    )
    found = (
        sa.select(schedules.c.id, reason.label("reason"))
        .join(users, users.c.id == schedules.c.owner_id)
        .outerjoin(datasets, datasets.c.id == schedules.c.dataset_id)
        .where(schedules.c.standing == ScheduleStanding.ON, reason != StopReason.NONE)
    )
    return found.order_by(schedules.c.id)


_BROKEN = _broken()
