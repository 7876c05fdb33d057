"""Browsers that tell somebody things though no page is open: which of them, and of what each tells."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.auth.seals import Seals
from server.clock import Clock, new_id, utc_now
from server.delivery.messages import host_of
from server.delivery.push import PushKeys, PushService, PushTarget, endpoint_hash
from server.errors import FieldError, Forbidden, InvalidInput, NotFound
from server.live.notice_kinds import NoticeKind
from server.storage.database import Database
from server.storage.rows import lock
from server.storage.tables import push_subscriptions, sessions, users

MOST_BROWSERS = 20
FIRST_KINDS = frozenset(
    {NoticeKind.FINISHED, NoticeKind.FAILED, NoticeKind.COMMENTED, NoticeKind.SCHEDULED, NoticeKind.ANNOUNCED}
)
"""Of which a browser tells until somebody chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSubscription:
    """`host` is the push service that the browser's maker runs. `is_paused`: it comes out of a backup, and its browser
    has not been here since."""

    id: str
    host: str
    user_agent: str
    kinds: frozenset[NoticeKind]
    created_at: datetime
    is_current: bool
    is_paused: bool


class PushOperations:
    def __init__(
        self, *, database: Database, service: PushService, keys: PushKeys, seals: Seals, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._service = service
        self._keys = keys
        self._seals = seals
        self._clock = clock

    @property
    def is_set_up(self) -> bool:
        return self._service.is_set_up

    async def key(self, principal: Principal) -> str | None:
        """The public key that a browser subscribes with, in base64url; None where nothing is sent."""
        principal.require_read()
        return await self._keys.public() if self.is_set_up else None

    async def mine(self, principal: Principal) -> list[PushSubscription]:
        """The oldest first."""
        principal.require_read()
        async with self._database.read() as connection:
            rows = await connection.execute(_of(principal).order_by(push_subscriptions.c.id))
        return [_subscription(row, principal) for row in rows]

    async def one(self, principal: Principal, subscription_id: str) -> PushSubscription:
        """One of one's own. Raises `NotFound`."""
        principal.require_read()
        async with self._database.read() as connection:
            rows = await connection.execute(_of(principal).where(push_subscriptions.c.id == subscription_id))
        row = rows.one_or_none()
        if row is None:
            raise NotFound
        return _subscription(row, principal)

    async def subscribe(
        self, principal: Principal, target: PushTarget, kinds: Collection[NoticeKind] | None = None
    ) -> PushSubscription:
        """This browser from now on, in place of what it was before. Whoever signs out ends it.

        Raises `Forbidden` for tokens, `InvalidInput` for what is no browser's or goes nowhere we send to.
        """
        session_id = _require_browser(principal)
        self._require_set_up()
        problem = self._service.problem(target)
        if problem is not None:
            raise InvalidInput(errors=[FieldError(field=problem[0], message=problem[1])])
        digest = endpoint_hash(target.endpoint)
        async with self._database.write() as connection:
            # Locked, so that two requests at once do not get past the limit.
            await connection.execute(lock(select(users.c.id).where(users.c.id == principal.user_id)))
            if not await connection.scalar(select(sessions.c.id).where(sessions.c.id == session_id)):
                raise NotFound  # it ended meanwhile
            of_session = push_subscriptions.c.session_id == session_id
            known = (await connection.execute(select(push_subscriptions).where(of_session))).one_or_none()
            # The browser that tells is the same, whoever signed in there before.
            before = or_(of_session, push_subscriptions.c.endpoint_hash == digest)
            await connection.execute(delete(push_subscriptions).where(before))
            await self._require_room(connection, principal)
            subscription_id = known.id if known else new_id()  # pages that are open name it
            values = {
                "id": subscription_id,
                "user_id": principal.user_id,
                "session_id": session_id,
                "endpoint_hash": digest,
                "host": host_of(target.endpoint)[:255],
                "sealed": self._seals.seal(target),
                "kinds": sorted(set(kinds if kinds is not None else known.kinds if known else FIRST_KINDS)),
                "created_at": self._clock(),
            }
            await connection.execute(insert(push_subscriptions).values(values))
            await _record(connection, principal)
        return await self.one(principal, subscription_id)

    async def choose(self, principal: Principal, kinds: Collection[NoticeKind]) -> None:
        """Of what this browser tells; nothing where it tells of nothing."""
        session_id = _require_browser(principal)
        async with self._database.write() as connection:
            found = await connection.execute(
                update(push_subscriptions)
                .where(push_subscriptions.c.session_id == session_id)
                .values(kinds=sorted(set(kinds)))
            )
            if found.rowcount:
                await _record(connection, principal)

    async def end(self, principal: Principal, subscription_id: str) -> None:
        """One of one's own. Raises `NotFound`."""
        principal.require_own_change()
        own = push_subscriptions.c.id == subscription_id, push_subscriptions.c.user_id == principal.user_id
        async with self._database.write() as connection:
            if not (await connection.execute(delete(push_subscriptions).where(*own))).rowcount:
                raise NotFound
            await _record(connection, principal)

    async def _require_room(self, connection: AsyncConnection, principal: Principal) -> None:
        own = select(func.count()).where(push_subscriptions.c.user_id == principal.user_id)
        if (await connection.scalar(own) or 0) >= MOST_BROWSERS:
            raise InvalidInput(
                "You are told in {limit} browsers already; end one of them first.",
                code="too_many_subscriptions",
                limit=MOST_BROWSERS,
            )

    def _require_set_up(self) -> None:
        if not self.is_set_up:
            raise InvalidInput(
                "This server sends nothing to browsers: an administrator sets push_contact.", code="not_set_up"
            )


def _of(principal: Principal) -> Any:
    columns = (*push_subscriptions.c, sessions.c.user_agent, sessions.c.last_seen_at)
    own = push_subscriptions.c.user_id == principal.user_id
    return select(*columns).join(sessions, sessions.c.id == push_subscriptions.c.session_id).where(own)


def _subscription(row: Row[Any], principal: Principal) -> PushSubscription:
    return PushSubscription(
        id=row.id,
        host=row.host,
        user_agent=row.user_agent,
        kinds=frozenset(kind for kind in NoticeKind if kind in row.kinds),
        created_at=row.created_at,
        is_current=row.session_id == principal.session_id,
        is_paused=row.held_at is not None and row.last_seen_at <= row.held_at,
    )


def _require_browser(principal: Principal) -> str:
    principal.require_own_change()
    if principal.session_id is None:
        raise Forbidden("Only a browser in which somebody signed in can be told; tokens cannot do this.")
    return principal.session_id


async def _record(connection: AsyncConnection, principal: Principal) -> None:
    await Audit.record(
        connection,
        principal,
        "account.change",
        principal.user_name,
        {"fields": ["push"]},
        subject_id=principal.user_id,
    )
