"""Notifications that browsers show though no page is open (Web Push): what goes out, and what is asked of who sends."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.seals import Seals
from server.clock import Clock, utc_now
from server.errors import NotDelivered
from server.storage.database import Database
from server.storage.rows import insert_or_get
from server.storage.tables import push_subscriptions, secrets, sessions, users

KEPT_FOR = timedelta(days=1)  # a browser that was off for longer is not told: the bell has it
_KEY_NAME = "push_key"
_TOPIC_CHARACTERS = 32  # RFC 8030, 5.4


class PushTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser said when somebody subscribed in it: an address nobody else knows, its public key, a secret."""

    endpoint: str
    p256dh: str
    auth: str


class PushKey(msgspec.Struct, frozen=True, kw_only=True):
    """By which this server shows to push services that it is the one that a browser subscribed to."""

    private: str


class PushGone(NotDelivered):
    """The push service knows that subscription no more."""


class PushService(Protocol):
    """What encrypts for a browser, and brings it to the push service that the browser has chosen."""

    @property
    def is_set_up(self) -> bool: ...

    def problem(self, target: PushTarget) -> tuple[str, str] | None:
        """Field and reason why nothing could be sent there; None when it can."""
        ...

    def new_key(self) -> PushKey: ...

    def public_key(self, key: PushKey) -> str:
        """As browsers take it: base64url."""
        ...

    async def send(self, target: PushTarget, key: PushKey, content: bytes, *, topic: str, seconds: int) -> None:
        """Kept for `seconds` by the push service; a newer one of the same topic replaces it there.

        Raises `NotDelivered`, of those `PushGone` where there is nobody any more.
        """
        ...


class PushKeys:
    """The one key pair of all nodes: made when it is first asked for, and kept encrypted with the rest."""

    def __init__(self, *, database: Database, seals: Seals, service: PushService, clock: Clock = utc_now) -> None:
        self._database = database
        self._seals = seals
        self._service = service
        self._clock = clock

    async def public(self) -> str:
        return self._service.public_key(await self.key())

    async def key(self) -> PushKey:
        async with self._database.read() as connection:
            sealed = await connection.scalar(select(secrets.c.value).where(secrets.c.name == _KEY_NAME))
        known = self._seals.open(sealed, PushKey) if sealed else None
        return known or await self._made()

    async def _made(self) -> PushKey:
        """Also in place of one that was encrypted with another secret key: what was subscribed by it is lost, too."""
        new = self._service.new_key()
        values = {"name": _KEY_NAME, "value": self._seals.seal(new), "created_at": self._clock()}
        async with self._database.write() as connection:
            row, is_new = await insert_or_get(connection, secrets, values, key=("name",))
            known = None if is_new else self._seals.open(row.value, PushKey)
            if known is None and not is_new:
                await connection.execute(update(secrets).where(secrets.c.name == _KEY_NAME).values(values))
        return known or new


def endpoint_hash(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()


def topic_of(*names: str) -> str:
    digest = hashlib.sha256("\n".join(names).encode()).digest()
    return urlsafe_b64encode(digest).decode()[:_TOPIC_CHARACTERS]


def is_good(now: datetime) -> ColumnElement[bool]:
    """Of a subscription beside its session and user: whether anything goes there.

    One that came out of a backup is held until its browser has been at the server that restored it: a copy of a server
    must not tell people things.
    """
    is_here = or_(push_subscriptions.c.held_at.is_(None), sessions.c.last_seen_at > push_subscriptions.c.held_at)
    return and_(sessions.c.expires_at > now, users.c.disabled_at.is_(None), is_here)


def joined() -> Any:
    return push_subscriptions.join(sessions, sessions.c.id == push_subscriptions.c.session_id).join(
        users, users.c.id == push_subscriptions.c.user_id
    )


async def hold_pushes(connection: AsyncConnection, now: datetime) -> None:
    """Of a backup that is restored."""
    await connection.execute(update(push_subscriptions).values(held_at=now))
