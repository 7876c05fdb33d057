"""What schedules leave undone on a server that came back from a backup: both may run."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.delivery.parcel import ParcelState
from server.jobs.job import FINAL_STATES
from server.schedules.schedule import RunState, ScheduleStanding, StopReason
from server.storage.tables import jobs, outbox, schedule_runs, schedules
from server.texts import phrase


async def hold_restored(connection: AsyncConnection) -> int:
    """A copy of a server must not make, or send, what the server itself does: how many are held."""
    held = await connection.execute(
        sa.update(schedules)
        .where(schedules.c.standing == ScheduleStanding.ON)
        .values(standing=ScheduleStanding.PAUSED, reason=StopReason.RESTORED, planned_at=None)
    )
    going_on = sa.select(jobs.c.id).where(jobs.c.state.not_in(FINAL_STATES))
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
