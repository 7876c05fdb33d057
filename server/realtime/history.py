"""Kept messages: one stream per user, stored before it is sent, given back whole after a position or refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.realtime.protocol import Position
from server.storage.database import Database
from server.storage.tables import stream_messages, streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One message of a stream: what it says (`body`, JSON), not yet in anybody's language."""

    user_id: str
    epoch: str
    offset: int
    at: datetime
    type: str
    body: bytes


class History:
    """Streams in the database, and in memory how far each was *told*: a position moves when its message is sent."""

    def __init__(self, database: Database, *, keep_messages: int = 1_000, keep_days: float = 7.0) -> None:
        self._database = database
        self._keep_messages = keep_messages
        self._keep = timedelta(days=keep_days)
        self._told: dict[str, Position] = {}

    async def append(self, connection: AsyncConnection, user_id: str, *, type: str, body: bytes) -> Kept:  # noqa: A002
        """Store a message in the caller's transaction; right after its commit, call `told` and send it."""
        epoch, offset = await self._next(connection, user_id)
        kept = Kept(user_id=user_id, epoch=epoch, offset=offset, at=utc_now(), type=type, body=body)
        await connection.execute(
            insert(stream_messages).values(user_id=user_id, offset=offset, at=kept.at, type=type, body=body)
        )
        await connection.execute(
            delete(stream_messages).where(
                stream_messages.c.user_id == user_id, stream_messages.c.offset <= offset - self._keep_messages
            )
        )
        return kept

    def told(self, kept: Kept) -> None:
        if kept.user_id in self._told:
            self._told[kept.user_id] = Position(epoch=kept.epoch, offset=kept.offset)

    def position(self, user_id: str) -> Position:
        """How far the stream has been told; `load` first. Never waits, so that joining right after it leaves no gap."""
        return self._told[user_id]

    async def load(self, user_id: str) -> None:
        """Make `position` known."""
        if user_id in self._told:
            return
        # As a writer: while we have the turn, no message stands between its commit and its being told.
        async with self._database.write() as connection:
            found = await connection.execute(
                select(streams.c.epoch, streams.c.offset).where(streams.c.user_id == user_id)
            )
            row = found.one_or_none()
            epoch, offset = (row.epoch, row.offset) if row is not None else (new_id(), 0)
            if row is None:
                await connection.execute(insert(streams).values(user_id=user_id, epoch=epoch, offset=offset))
        self._told.setdefault(user_id, Position(epoch=epoch, offset=offset))

    async def after(self, user_id: str, since: Position) -> list[Kept] | None:
        """All messages after `since`; None when some of them are gone or it is not a place in this stream."""
        await self.load(user_id)
        until = self.position(user_id)
        if since.epoch != until.epoch or since.offset > until.offset:
            return None
        if since.offset == until.offset:
            return []
        messages = await self._between(user_id, until.epoch, since.offset, until.offset)
        return messages if len(messages) == until.offset - since.offset else None

    async def newest(self, user_id: str, limit: int) -> list[Kept]:
        """The last `limit` messages that are still kept, oldest first."""
        await self.load(user_id)
        until = self.position(user_id)
        return await self._between(user_id, until.epoch, max(0, until.offset - limit), until.offset)

    async def prune(self) -> None:
        """Drop what is older than the kept time; recovery from before it is then refused."""
        async with self._database.write() as connection:
            await connection.execute(delete(stream_messages).where(stream_messages.c.at < utc_now() - self._keep))

    async def _next(self, connection: AsyncConnection, user_id: str) -> tuple[str, int]:
        moved = await connection.execute(
            update(streams)
            .where(streams.c.user_id == user_id)
            .values(offset=streams.c.offset + 1)
            .returning(streams.c.epoch, streams.c.offset)
        )
        row = moved.one_or_none()
        if row is not None:
            return row[0], row[1]
        epoch = new_id()
        await connection.execute(insert(streams).values(user_id=user_id, epoch=epoch, offset=1))
        return epoch, 1

    async def _between(self, user_id: str, epoch: str, after: int, until: int) -> list[Kept]:
        query = (
            select(stream_messages)
            .where(
                stream_messages.c.user_id == user_id,
                stream_messages.c.offset > after,
                stream_messages.c.offset <= until,
            )
            .order_by(stream_messages.c.offset)
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return [
                Kept(
                    user_id=user_id,
                    epoch=epoch,
                    offset=row.offset,
                    at=row.at,
                    type=row.type,
                    body=row.body,
                )
                for row in rows
            ]
