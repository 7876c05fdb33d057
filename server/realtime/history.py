"""Kept messages: one stream per user, stored before it is sent, given back whole after a position or refused.

Each type is kept for a time of its own, so a stream has holes where it is old. Positions are recovered only within
what is whole.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Row,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.realtime.broker import KeptTold
from server.realtime.history_rules import (
    JOB,
    OLD_JOBS,
    TOO_MANY_WAIT,
    WAITS_AT_MOST,
    is_brief,
    is_notification,
    surplus,
)
from server.realtime.positions import KeptArrival, Positions
from server.realtime.protocol import Position
from server.storage.database import Database
from server.storage.rows import insert_missing, insert_or_get
from server.storage.tables import stream_messages, streams, users

_PRUNED_AT_ONCE = 500  # rows, or users: a few milliseconds, then other writers get their turn


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMessage:
    """One message of a stream: what it says (`body`, JSON), not yet in anybody's language."""

    user_id: str
    epoch: str
    offset: int
    at: datetime
    type: str
    body: bytes

    @property
    def position(self) -> Position:
        return Position(epoch=self.epoch, offset=self.offset)

    def as_told(self) -> KeptTold:
        """To be sent right after the commit."""
        return KeptTold(type=self.type, body=self.body, at=self.at, positions={self.user_id: self.position})


class History:
    """Streams in the database, and in memory how far each was *told*: a position moves when its message is sent."""

    def __init__(
        self,
        database: Database,
        *,
        keep_messages: int = 1_000,
        keep_days: float = 7.0,
        keep_notifications: int = 1_000,
        keep_notification_days: float = 90.0,
    ) -> None:
        """Whatever is within the first two can be recovered; notifications are kept besides as the others say."""
        self._database = database
        self._keep_messages = keep_messages
        self._keep = timedelta(days=keep_days)
        self._old_notifications = surplus(is_notification, most=keep_notifications)
        self._keep_notification = timedelta(days=max(keep_days, keep_notification_days))
        self.positions = Positions()

    async def append(self, connection: AsyncConnection, user_id: str, *, type: str, body: bytes) -> KeptMessage:  # noqa: A002
        """Store a message in the caller's transaction; right after its commit, send it as `as_told`."""
        epoch, offset = await self._next(connection, user_id)
        kept = KeptMessage(user_id=user_id, epoch=epoch, offset=offset, at=utc_now(), type=type, body=body)
        await connection.execute(
            insert(stream_messages).values(user_id=user_id, offset=offset, at=kept.at, type=type, body=body)
        )
        for gone in (OLD_JOBS,) if type == JOB else (OLD_JOBS, self._old_notifications):
            await connection.execute(gone, {"of": user_id, "until": offset - self._keep_messages})
        return kept

    async def append_for_some(
        self,
        connection: AsyncConnection,
        *,
        after: str,
        limit: int,
        type: str,  # noqa: A002
        body: bytes,
    ) -> KeptTold:
        """The same for the next `limit` users by id after `after` who are not disabled, in few statements for all.

        It waits for each of them until they have seen it.
        """
        chosen = select(users.c.id).where(users.c.disabled_at.is_(None), users.c.id > after)
        user_ids = (await connection.scalars(chosen.order_by(users.c.id).limit(limit))).all()
        if not user_ids:
            return KeptTold(type=type, body=body, at=utc_now(), positions={})
        theirs = users.c.id.between(user_ids[0], user_ids[-1]) & users.c.disabled_at.is_(None)
        new = await connection.scalars(
            select(users.c.id).where(theirs, ~exists().where(streams.c.user_id == users.c.id))
        )
        begun = [{"user_id": user_id, "epoch": new_id(), "offset": 0} for user_id in new]
        await insert_missing(connection, streams, begun, key=("user_id",))
        moved = await connection.execute(
            update(streams)
            .where(streams.c.user_id.in_(select(users.c.id).where(theirs)))
            .values(offset=streams.c.offset + 1)
            .returning(streams.c.user_id, streams.c.epoch, streams.c.offset)
        )
        positions = {row[0]: Position(epoch=row[1], offset=row[2]) for row in moved.all()}
        kept = KeptTold(type=type, body=body, at=utc_now(), positions=positions)
        rows = [
            {
                "user_id": user_id,
                "offset": position.offset,
                "at": kept.at,
                "type": type,
                "body": body,
                "waits": True,
            }
            for user_id, position in positions.items()
        ]
        await connection.execute(insert(stream_messages), rows)
        return kept

    def arrives(self, user_id: str, position: Position) -> KeptArrival:
        """Whether the message at that position is to be told now; a position moves when its message is sent."""
        return self.positions.arrives(user_id, position)

    def forget(self, user_id: str) -> None:
        """Nothing more of theirs is told here: their position is read anew when they come back."""
        self.positions.forget(user_id)

    def position(self, user_id: str) -> Position:
        """How far the stream has been told; `load` first. Never waits, so that joining right after it leaves no gap."""
        found = self.positions.get(user_id)
        if found is None:
            raise KeyError(user_id)
        return found

    async def load(self, user_id: str) -> bool:
        """Make `position` known; listen to what is told of them first. Whether something arrived that may be after it.

        What was stored before and is told only now is known by its position, and dropped.
        """
        if user_id in self.positions:
            return False
        self.positions.begin_loading(user_id)
        try:
            stored = await self.stored(user_id) or await self._begin(user_id)
        except BaseException:
            self.positions.not_loaded(user_id)
            raise
        return self.positions.loaded(user_id, stored)

    async def stored(self, user_id: str) -> Position | None:
        """How far the stream goes in its rows; None for one that was never begun."""
        query = select(streams.c.epoch, streams.c.offset).where(streams.c.user_id == user_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return Position(epoch=row.epoch, offset=row.offset) if row else None

    async def behind(self, user_ids: Collection[str]) -> list[str]:
        """Those of them whose streams have gone on without our telling it."""
        query = select(streams.c.user_id, streams.c.epoch, streams.c.offset).where(streams.c.user_id.in_(user_ids))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return self.positions.behind((row.user_id, row.epoch, row.offset) for row in rows)

    async def behind_since(self, moment: datetime) -> list[str]:
        """The same of all, by what was kept since then: one look however many they are."""
        newest = select(stream_messages.c.user_id, func.max(stream_messages.c.offset).label("offset"))
        newest = newest.where(stream_messages.c.at >= moment).group_by(stream_messages.c.user_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(newest)).all()
        told = ((row, self.positions.get(row.user_id)) for row in rows)
        return [row.user_id for row, position in told if position is not None and row.offset > position.offset]

    async def missed(self, user_id: str) -> Sequence[KeptMessage] | None:
        """What is to be told now, in order, and counts as told; None when it cannot be given whole."""
        told = self.positions.get(user_id)
        if told is None:
            return []
        async with self._database.read() as connection:
            query = select(streams.c.epoch, streams.c.offset).where(streams.c.user_id == user_id)
            row = (await connection.execute(query)).one_or_none()
            if row is None or row.epoch != told.epoch:
                return None
            found = await _between(connection, user_id, row.epoch, told.offset, row.offset)
        if len(found) < row.offset - told.offset:
            return None
        now = self.positions.get(user_id)  # some may have arrived meanwhile
        if now is None or now.epoch != row.epoch:
            return []
        if row.offset > now.offset:
            self.positions.move(user_id, Position(epoch=row.epoch, offset=row.offset))
        return [kept for kept in found if kept.offset > now.offset]

    async def after(self, user_id: str, since: Position, *, limit: int | None = None) -> list[KeptMessage] | None:
        """All messages after `since`, or the first `limit` of them; None when some of all are gone, or when `since`
        is not a place in this stream."""
        await self.load(user_id)
        until = self.position(user_id)
        if since.epoch != until.epoch or since.offset > until.offset:
            return None
        if since.offset == until.offset:
            return []
        last = until.offset if limit is None else min(until.offset, since.offset + limit)
        async with self._database.read() as connection:
            # All of them, also those of later pages: a notification may have outlived what came after it.
            if await _count_between(connection, user_id, since.offset, until.offset) < until.offset - since.offset:
                return None
            return await _between(connection, user_id, until.epoch, since.offset, last)

    async def newest(self, user_id: str, limit: int) -> list[KeptMessage]:
        """The last `limit` messages that are still kept, oldest first."""
        await self.load(user_id)
        until = self.position(user_id)
        async with self._database.read() as connection:
            return await _between(connection, user_id, until.epoch, max(0, until.offset - limit), until.offset)

    async def cut_all(self) -> None:
        """Begin a new epoch for everybody: what was told last may be lost. Before anybody is connected."""
        epoch = new_id()
        async with self._database.write() as connection:
            await connection.execute(update(streams).values(epoch=epoch))
        self.positions.cut(epoch)

    async def prune(self) -> None:
        """Drop what is too old or too much, in small steps; recovery from before it is then refused."""
        while await self._prune_old():
            pass  # between two steps other writers have their turn
        after: str | None = ""
        while after is not None:
            after = await self._prune_surplus(after)

    async def _prune_old(self) -> bool:
        now = utc_now()
        at, key = stream_messages.c.at, (stream_messages.c.user_id, stream_messages.c.offset)
        too_old = or_(
            is_brief(stream_messages),
            and_(is_notification(stream_messages), at < now - self._keep_notification),
            at < now - WAITS_AT_MOST,
        )
        old = select(*key).where(at < now - self._keep, too_old).limit(_PRUNED_AT_ONCE)
        async with self._database.write() as connection:
            gone = await connection.execute(delete(stream_messages).where(tuple_(*key).in_(old)))
        return bool(gone.rowcount)

    async def _prune_surplus(self, after: str) -> str | None:
        """For the next users after that id; the last of them, or None when there are no more."""
        page = select(streams.c.user_id, streams.c.offset).where(streams.c.user_id > after)
        async with self._database.read() as connection:
            rows = (await connection.execute(page.order_by(streams.c.user_id).limit(_PRUNED_AT_ONCE))).all()
        windows = [{"of": row.user_id, "until": row.offset - self._keep_messages} for row in rows]
        windows = [window for window in windows if window["until"] > 0]
        if windows:
            async with self._database.write() as connection:
                for surplus in (OLD_JOBS, self._old_notifications, TOO_MANY_WAIT):
                    await connection.execute(surplus, windows)
        return str(rows[-1].user_id) if len(rows) == _PRUNED_AT_ONCE else None

    async def _next(self, connection: AsyncConnection, user_id: str) -> tuple[str, int]:
        moved = (
            update(streams)
            .where(streams.c.user_id == user_id)
            .values(offset=streams.c.offset + 1)
            .returning(streams.c.epoch, streams.c.offset)
        )
        row = (await connection.execute(moved)).one_or_none()
        if row is None:
            await self._begun(connection, user_id)
            row = (await connection.execute(moved)).one()
        return row.epoch, row.offset

    async def _begin(self, user_id: str) -> Position:
        async with self._database.write(shared=True) as connection:
            row = await self._begun(connection, user_id)
        return Position(epoch=row.epoch, offset=row.offset)

    async def _begun(self, connection: AsyncConnection, user_id: str) -> Row[Any]:
        """The user's stream, locked; a new one when there is none."""
        empty = {"user_id": user_id, "epoch": new_id(), "offset": 0}
        return (await insert_or_get(connection, streams, empty, key=("user_id",)))[0]


async def _count_between(connection: AsyncConnection, user_id: str, after: int, until: int) -> int:
    counted = select(func.count()).where(
        stream_messages.c.user_id == user_id, stream_messages.c.offset > after, stream_messages.c.offset <= until
    )
    return (await connection.execute(counted)).scalar_one()


async def _between(connection: AsyncConnection, user_id: str, epoch: str, after: int, until: int) -> list[KeptMessage]:
    query = (
        select(stream_messages)
        .where(
            stream_messages.c.user_id == user_id,
            stream_messages.c.offset > after,
            stream_messages.c.offset <= until,
        )
        .order_by(stream_messages.c.offset)
    )
    return [
        KeptMessage(user_id=user_id, epoch=epoch, offset=row.offset, at=row.at, type=row.type, body=row.body)
        for row in await connection.execute(query)
    ]
