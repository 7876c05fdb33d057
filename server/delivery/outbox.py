"""The box of what is on its way out: filled in a transaction with what it tells of, emptied with patience."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id
from server.delivery.parcel import Channel, Parcel, ParcelContent, ParcelState, channel_of
from server.errors import NotDelivered
from server.storage.tables import outbox
from server.texts import phrase, plain

# What an outage takes down with it must outlive that: the last attempts are hours apart, two days in all.
_PAUSES_SECONDS = (10, 30, 60, 300, 900, 1_800, *([3_600] * 4), *([10_800] * 14))
_CLAIMED = timedelta(minutes=3)  # how long one attempt may take before another node tries
_KEPT = timedelta(days=30)
_DELETED_AT_ONCE = 500


async def put_parcel(
    connection: AsyncConnection,
    content: ParcelContent,
    *,
    subject: str,
    now: datetime,
    parcel_id: str | None = None,
    not_before: datetime | None = None,
    schedule_id: str | None = None,
) -> str:
    """To be sent as soon as the transaction has committed, or at that time; its id."""
    parcel_id = parcel_id or new_id()
    await connection.execute(
        insert(outbox).values(
            id=parcel_id,
            channel=channel_of(content),
            subject=subject[:300],
            content=msgspec.json.encode(content),
            created_at=now,
            state=ParcelState.WAITING,
            next_at=not_before or now,
            schedule_id=schedule_id,
        )
    )
    return parcel_id


async def claim(
    connection: AsyncConnection,
    now: datetime,
    *,
    limit: int = 10,
    parcel_id: str | None = None,
    channels: Collection[Channel] = tuple(Channel),
) -> list[Parcel]:
    """Those whose time has come, or that one, for us to try: no other node has them meanwhile."""
    due = select(outbox).where(*_due(now, channels))
    if parcel_id is not None:
        due = due.where(outbox.c.id == parcel_id)
    rows = (await connection.execute(due.order_by(outbox.c.next_at).limit(limit))).all()
    claimed: list[Parcel] = []
    for row in rows:
        ours = update(outbox).where(
            outbox.c.id == row.id, outbox.c.next_at == row.next_at, outbox.c.state == ParcelState.WAITING
        )
        found = await connection.execute(ours.values(next_at=now + _CLAIMED, attempts=row.attempts + 1))
        if found.rowcount:
            claimed.append(_parcel(row, attempts=row.attempts + 1))
    return claimed


async def has_due(connection: AsyncConnection, now: datetime, channels: Collection[Channel]) -> bool:
    due = select(outbox.c.id).where(*_due(now, channels)).limit(1)
    return (await connection.execute(due)).first() is not None


def _due(now: datetime, channels: Collection[Channel]) -> tuple[ColumnElement[bool], ...]:
    return (outbox.c.state == ParcelState.WAITING, outbox.c.next_at <= now, outbox.c.channel.in_(channels))


async def arrived(connection: AsyncConnection, parcel: Parcel, now: datetime) -> None:
    await _set(connection, parcel, state=ParcelState.SENT, sent_at=now, next_at=None, error=None)


async def returned(connection: AsyncConnection, parcel: Parcel, error: NotDelivered, now: datetime) -> None:
    """It is tried again later, unless there is no use in it. What had to wait for its turn was no attempt."""
    said = phrase(error.message, **plain(error.parameters))
    if not error.was_tried:
        next_at = now + timedelta(seconds=max(error.retry_after or 0, 1))
        await _set(connection, parcel, next_at=next_at, attempts=parcel.attempts - 1, error=said)
        return
    pause = _PAUSES_SECONDS[parcel.attempts - 1] if parcel.attempts <= len(_PAUSES_SECONDS) else None
    if error.is_final or pause is None:
        await _set(connection, parcel, state=ParcelState.FAILED, next_at=None, error=said)
    else:
        await _set(connection, parcel, next_at=now + timedelta(seconds=max(pause, error.retry_after or 0)), error=said)


async def forget_parcel(connection: AsyncConnection, parcel: Parcel) -> None:
    await connection.execute(delete(outbox).where(outbox.c.id == parcel.id))


async def one_parcel(connection: AsyncConnection, parcel_id: str) -> Parcel | None:
    row = (await connection.execute(select(outbox).where(outbox.c.id == parcel_id))).one_or_none()
    return _parcel(row) if row is not None else None


async def latest_parcels(connection: AsyncConnection, *, limit: int) -> Sequence[Parcel]:
    """What has not arrived first, then the newest; nothing of what browsers show, which is for its reader alone."""
    waiting, others = outbox.c.state == ParcelState.SENT, outbox.c.channel != Channel.PUSH
    rows = await connection.execute(select(outbox).where(others).order_by(waiting, outbox.c.id.desc()).limit(limit))
    return [_parcel(row) for row in rows]


async def again(connection: AsyncConnection, parcel_id: str, now: datetime) -> bool:
    """Try one that was given up or waits once more, now; False when there is none such."""
    unsent = or_(outbox.c.state == ParcelState.FAILED, outbox.c.state == ParcelState.WAITING)
    found = await connection.execute(
        update(outbox)
        .where(outbox.c.id == parcel_id, outbox.c.channel != Channel.PUSH, unsent)
        .values(state=ParcelState.WAITING, next_at=now, attempts=0)
    )
    return bool(found.rowcount)


async def forget_pushes(connection: AsyncConnection) -> None:
    """What browsers were yet to show, of a backup: a copy of its server must not tell people things."""
    await connection.execute(delete(outbox).where(outbox.c.channel == Channel.PUSH))


async def forget_parcels(connection: AsyncConnection, now: datetime) -> None:
    """What is long over, a part at a time."""
    old = (
        select(outbox.c.id)
        .where(outbox.c.created_at < now - _KEPT, outbox.c.state != ParcelState.WAITING)
        .limit(_DELETED_AT_ONCE)
    )
    await connection.execute(delete(outbox).where(outbox.c.id.in_(old.scalar_subquery())))


async def _set(connection: AsyncConnection, parcel: Parcel, **values: Any) -> None:
    await connection.execute(update(outbox).where(outbox.c.id == parcel.id).values(values))


def _parcel(row: Row[Any], *, attempts: int | None = None) -> Parcel:
    return Parcel(
        id=row.id,
        channel=Channel(row.channel),
        subject=row.subject,
        content=msgspec.json.decode(row.content, type=ParcelContent),
        created_at=row.created_at,
        state=ParcelState(row.state),
        attempts=row.attempts if attempts is None else attempts,
        next_at=row.next_at,
        error=row.error,
        sent_at=row.sent_at,
        schedule_id=row.schedule_id,
    )
