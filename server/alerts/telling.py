"""Brings news of alerts to whoever is to know: notifications of administrators at once, the rest by the outbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.alerts.alert import AlertChannel
from server.alerts.words import AlertNews, hook_payload, mail_text, notice_of, title_phrase, translated
from server.auth.permissions import Role
from server.delivery.outbox import put_parcel
from server.delivery.parcel import Channel, Hook, Mail, Parcel
from server.errors import NotDelivered
from server.jobs.outcomes import Notice
from server.languages import Languages
from server.live.notices import Notices
from server.realtime.history import KeptMessage
from server.storage.database import Database
from server.storage.tables import schedules, users
from server.texts import phrase, plain

_CHANNELS = {AlertChannel.MAIL: Channel.MAIL, AlertChannel.WEBHOOK: Channel.WEBHOOK}


class SetUp(Protocol):
    def is_set_up(self, channel: Channel) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReaders:
    """Who is told outside of the house, in which language, and what the server is called there."""

    recipients: tuple[str, ...]
    language: str
    server: str  # its public address, else its name


class AlertTelling:
    def __init__(
        self,
        *,
        database: Database,
        notices: Notices,
        languages: Languages,
        readers: AlertReaders,
        outgoing: SetUp,
        hurry: Callable[[], None],
    ) -> None:
        self._database = database
        self._notices = notices
        self._languages = languages
        self._readers = readers
        self._outgoing = outgoing
        self._hurry = hurry

    def is_set_up(self, channel: AlertChannel) -> bool:
        if channel is AlertChannel.NOTICE:
            return True
        if channel is AlertChannel.MAIL and not self._readers.recipients:
            return False
        return self._outgoing.is_set_up(_CHANNELS[channel])

    async def keep(
        self, connection: AsyncConnection, channel: AlertChannel, news: AlertNews, now: datetime
    ) -> list[KeptMessage]:
        """In the caller's transaction; after its commit they are told by `send`."""
        if not self.is_set_up(channel):
            return []
        if channel is AlertChannel.NOTICE:
            return [
                await self._notices.keep(connection, admin_id, notice_of(news))
                for admin_id in await _admins(connection)
            ]
        await self.put(connection, channel, news, now)
        return []

    async def put(self, connection: AsyncConnection, channel: AlertChannel, news: AlertNews, now: datetime) -> str:
        """Into the outbox; the parcel's id."""
        gettext = self._languages.of(self._readers.language).gettext
        subject = translated(title_phrase(news), gettext)
        content: Mail | Hook
        if channel is AlertChannel.MAIL:
            text = mail_text(news, gettext, server=self._readers.server)
            content = Mail(recipients=self._readers.recipients, subject=f"[Jindu] {subject}", text=text)
        else:
            content = Hook(payload=hook_payload(news, gettext, server=self._readers.server))
        return await put_parcel(connection, content, subject=subject, now=now)

    def send(self, kept: Sequence[KeptMessage]) -> None:
        for message in kept:
            self._notices.send(message)
        self._hurry()

    async def undelivered(self, parcel: Parcel, error: NotDelivered) -> None:
        """A mail that does not arrive is told of where people are sure to look: to the owner of what it tells of."""
        async with self._database.read() as connection:
            owner_id = await connection.scalar(select(schedules.c.owner_id).where(schedules.c.id == parcel.schedule_id))
        is_owners = owner_id is not None
        notice = Notice(
            title="“{subject}” could not be sent: {reason}",
            body="It is tried again for two days, unless it was refused for good."
            if is_owners
            else "It is tried again for two days, unless it was refused for good. Admin → Alerts shows how it stands.",
            level="warning",
            url=f"/schedules/{parcel.schedule_id}" if is_owners else "/admin/alerts#outbox",
            parameters={"subject": parcel.subject, "reason": phrase(error.message, **plain(error.parameters))},
        )
        async with self._database.write() as connection:
            readers = [owner_id] if owner_id is not None else await _admins(connection)
            kept = [await self._notices.keep(connection, reader, notice) for reader in readers]
        for message in kept:
            self._notices.send(message)


async def _admins(connection: AsyncConnection) -> Sequence[str]:
    active = select(users.c.id).where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None)).order_by(users.c.id)
    return (await connection.scalars(active)).all()
