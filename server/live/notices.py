"""What people should know: kept for them, then sent, unless they chose not to be told of such things."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import rfc3339_now
from server.jobs.job import Job
from server.jobs.outcomes import Notice
from server.live.kept import notice_body
from server.live.notice_kinds import NoticeKind
from server.realtime import protocol
from server.realtime.broker import Broker, Publication, user_topic
from server.realtime.history import History, KeptMessage
from server.realtime.history_rules import NOTIFICATION
from server.realtime.manager import ConnectionManager
from server.storage.database import NOT_NOW, Database
from server.storage.tables import users
from server.texts import phrase

_LOG = logging.getLogger("jindu.live")
_FULL_DISK_SECONDS = 5.0  # what a full disk did not take is tried again so often
_USERS_AT_ONCE = 250  # a step of the loop of 10 ms or less, then others have their turn, also to write


class NoticeWay(Protocol):
    """One by which people are told besides the bell, where they chose it."""

    async def put(self, connection: AsyncConnection, user_id: str, kind: NoticeKind, notice: Notice) -> None:
        """In the caller's transaction."""

    async def put_for_some(
        self, connection: AsyncConnection, user_ids: Sequence[str], kind: NoticeKind, notice: Notice
    ) -> None:
        """The same for those among them who may want it."""


class UnreadChanged(Publication, frozen=True, kw_only=True):
    """Somebody looked at their notifications."""

    user_id: str
    unread: int

    @property
    def topics(self) -> tuple[str, ...]:
        return (user_topic(self.user_id),)


class Notices:
    def __init__(
        self,
        *,
        manager: ConnectionManager,
        broker: Broker,
        history: History,
        database: Database,
        ways: Sequence[NoticeWay] = (),
    ) -> None:
        self._manager = manager
        self._broker = broker
        self._history = history
        self._database = database
        self._ways = ways
        self._storing: set[asyncio.Task[None]] = set()

    def warn(self, user_id: str, notice: Notice, *, kind: NoticeKind | None = NoticeKind.ACCOUNT) -> None:
        """Tell a user what they must know, whatever they chose to be told of; from a plain function."""
        self._keep_soon(self._notify_until_kept(user_id, notice, kind))

    async def notify_who_asked(self, user_id: str, notice: Notice, *, kind: NoticeKind | None = None) -> None:
        """Keep a notification, then send it, whatever they chose to be told of: this one they asked for."""
        async with self._database.write() as connection:
            kept = await self.keep(connection, user_id, notice, kind=kind)
        self.send(kept)

    async def notify_everybody(self, notice: Notice) -> int:
        """Keep a notification for every user until they have seen it, and send it, step by step; for how many.

        When it fails in the middle, those of the steps before have it.
        """
        body, told, last = notice_body(notice), 0, ""
        while True:
            async with self._database.write() as connection:
                kept = await self._history.append_for_some(
                    connection, after=last, limit=_USERS_AT_ONCE, type=NOTIFICATION, body=body
                )
                for way in self._ways:
                    await way.put_for_some(connection, [*kept.positions], NoticeKind.ANNOUNCED, notice)
            if not kept.positions:
                return told
            self._broker.send(kept)
            told, last = told + len(kept.positions), max(kept.positions)

    def looked_at(self, user_id: str, unread: int) -> None:
        """Tell the user's other tabs that they need not point at it any more."""
        self._broker.send(UnreadChanged(user_id=user_id, unread=unread))

    def deliver(self, changed: UnreadChanged) -> None:
        message = protocol.NotificationsRead(timestamp=rfc3339_now(), unread=changed.unread)
        self._manager.send_json_to_user(changed.user_id, message)

    async def keep_wanted(
        self, connection: AsyncConnection, user_id: str, notice: Notice, *, kind: NoticeKind | None = None
    ) -> list[KeptMessage]:
        """In the caller's transaction, and in the bell only when the user has not chosen not to be told of such things.

        Without a `kind` it is about a job that ended, well or not.
        """
        if kind is None:
            kind = NoticeKind.FAILED if notice.level in ("error", "warning") else NoticeKind.FINISHED
        found = await connection.execute(select(users.c.notifications).where(users.c.id == user_id))
        choices = found.scalar_one_or_none() or {}
        if choices.get(kind, True):
            return [await self.keep(connection, user_id, notice, kind=kind)]
        await self._tell_besides(connection, user_id, notice, kind)
        return []

    async def keep(
        self, connection: AsyncConnection, user_id: str, notice: Notice, *, kind: NoticeKind | None = None
    ) -> KeptMessage:
        """In the caller's transaction, whatever they chose to be told of; right after its commit it is sent.

        In other ways, too, where they chose that for its `kind`; what has none is for the bell alone.
        """
        await self._tell_besides(connection, user_id, notice, kind)
        return await self._history.append(connection, user_id, type=NOTIFICATION, body=notice_body(notice))

    async def _tell_besides(
        self, connection: AsyncConnection, user_id: str, notice: Notice, kind: NoticeKind | None
    ) -> None:
        if kind is not None:
            for way in self._ways:
                await way.put(connection, user_id, kind, notice)

    def send(self, kept: KeptMessage) -> None:
        self._broker.send(kept.as_told())

    async def close(self) -> None:
        """Wait for notifications that are being stored, but not for room on the disk."""
        if not self._storing:
            return
        _, left = await asyncio.wait(set(self._storing), timeout=_FULL_DISK_SECONDS)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _keep_soon(self, keeping: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(keeping, name="notify")
        self._storing.add(task)  # the event loop itself holds tasks only weakly
        task.add_done_callback(self._storing.discard)

    async def _notify_until_kept(self, user_id: str, notice: Notice, kind: NoticeKind | None) -> None:
        while True:
            try:
                await self.notify_who_asked(user_id, notice, kind=kind)
            except NOT_NOW:  # said in the log already
                await asyncio.sleep(_FULL_DISK_SECONDS)
                continue
            except SQLAlchemyError:  # such as for a user who is gone: trying again would not help
                _LOG.exception("notification could not be kept", extra={"action": "notify", "user": user_id})
            return


def failure(job: Job) -> Notice:
    """What the owner of a job that failed is told."""
    reason = phrase(job.error.message, **job.error.parameters) if job.error else ""
    return Notice(
        title="“{title}” failed",
        body="{reason}",
        level="error",
        url=f"/jobs/{job.id}",
        parameters={"title": job.title, "reason": reason},
    )
