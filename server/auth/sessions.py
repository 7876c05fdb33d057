"""Sessions of people: each is a row, so that it can be listed and ended; the cookie holds only its random secret."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from server.auth.endings import Endings, OnEnd
from server.auth.secret_words import hash_of, new_secret
from server.auth.users import User, user_of
from server.clock import Clock, new_id, utc_now
from server.storage import tables
from server.storage.database import NOT_NOW, Database

_TABLE = tables.sessions
_TOUCH_AFTER = timedelta(minutes=1)  # a page makes many requests; one write a minute tells enough


class Means(StrEnum):
    """How somebody proved who they are when a session began."""

    PASSWORD = "password"  # noqa: S105 - a word
    CODE = "code"  # a password, and a code of an app
    RECOVERY = "recovery"  # a password, and a recovery code
    PASSKEY = "passkey"
    OPENID = "openid"  # an account elsewhere, which asks for what it wants


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody signed in with one browser."""

    id: str
    user_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    address: str
    means: str  # `Means`, or a word of a way in that came later


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVisit:
    """A request's session and whose it is; `was_extended` says that the cookie should be given anew."""

    session: Session
    user: User
    was_extended: bool


_COLUMNS = [_TABLE.c[name].label(f"session_{name}") for name in Session.__slots__]


class SessionStore:
    def __init__(self, database: Database, *, endings: Endings, days: int, clock: Clock = utc_now) -> None:
        self._database = database
        self._endings = endings
        self._lifetime = timedelta(days=days)
        self._clock = clock

    def on_end(self, listener: OnEnd) -> None:
        """Call `listener` whenever a session, a token or a user ends."""
        self._endings.on_end(listener)

    async def start(
        self, user_id: str, *, user_agent: str, address: str, means: str = Means.PASSWORD
    ) -> tuple[Session, str]:
        """A new session and its secret, which is nowhere else."""
        now, secret = self._clock(), new_secret()
        session = Session(
            id=new_id(),
            user_id=user_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + self._lifetime,
            user_agent=_storable(user_agent)[:300],
            address=address[:64],
            means=means,
        )
        async with self._database.write(shared=True) as connection:
            values = {name: getattr(session, name) for name in Session.__slots__}
            await connection.execute(_TABLE.insert().values(secret_hash=hash_of(secret), **values))
            await connection.execute(tables.users.update().where(tables.users.c.id == user_id).values(seen_at=now))
        return session, secret

    async def visit(self, secret: str, *, address: str) -> SessionVisit | None:
        """Whose session it is; None when it ended, expired, or its user was disabled. Use extends it."""
        now = self._clock()
        # One statement: this runs for every request, and each costs several times between threads.
        statement = sa.select(tables.users, *_COLUMNS).join_from(tables.users, _TABLE)
        statement = statement.where(_TABLE.c.secret_hash == hash_of(secret), _TABLE.c.expires_at > now)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None or row.disabled_at is not None:
            return None
        session = Session(**{name: getattr(row, f"session_{name}") for name in Session.__slots__})
        is_stale = now - session.last_seen_at >= _TOUCH_AFTER
        if is_stale:
            # Whoever wants to make room must get in, and whoever only reads while nothing can be written: the session
            # lives a little shorter.
            with suppress(*NOT_NOW):
                await self._touch(session, now, address)
        return SessionVisit(session=session, user=user_of(row), was_extended=is_stale)

    async def of_user(self, user_id: str) -> list[Session]:
        """The live ones, most recently used first."""
        statement = (
            sa.select(_TABLE)
            .where(_TABLE.c.user_id == user_id, _TABLE.c.expires_at > self._clock())
            .order_by(_TABLE.c.last_seen_at.desc(), _TABLE.c.id)
        )
        async with self._database.read() as connection:
            return [_session_of(row) for row in await connection.execute(statement)]

    async def count(self) -> int:
        statement = sa.select(sa.func.count()).where(_TABLE.c.expires_at > self._clock())
        async with self._database.read() as connection:
            return await connection.scalar(statement) or 0

    async def end(self, session_id: str, *, user_id: str) -> bool:
        """False when that user has no such session."""
        return bool(await self._end_where(_TABLE.c.id == session_id, _TABLE.c.user_id == user_id))

    async def end_all(self, user_id: str, *, but: str | None = None) -> int:
        """End every session of a user, `but` one when given; the answer is how many."""
        return len(await self._end_where(_TABLE.c.user_id == user_id, _TABLE.c.id != (but or "")))

    async def end_expired(self) -> None:
        """Forget what ran out of time, and tell who listens."""
        expired = _TABLE.c.expires_at <= self._clock()
        async with self._database.read() as connection:  # seldom any: nobody's turn to write is taken for nothing
            if not await connection.scalar(sa.select(sa.exists().where(expired))):
                return
        await self._end_where(expired)

    async def _end_where(self, *conditions: sa.ColumnElement[bool]) -> list[str]:
        async with self._database.write() as connection:
            ended = list(await connection.scalars(_TABLE.delete().where(*conditions).returning(_TABLE.c.id)))
        for session_id in ended:
            self._endings.session_ended(session_id)
        return ended

    async def _touch(self, session: Session, now: datetime, address: str) -> None:
        async with self._database.write(shared=True) as connection:
            await connection.execute(
                _TABLE.update()
                .where(_TABLE.c.id == session.id)
                .values(last_seen_at=now, expires_at=now + self._lifetime, address=address[:64])
            )
            seen = tables.users.update().where(tables.users.c.id == session.user_id)
            await connection.execute(seen.values(seen_at=now))


def _session_of(row: Any) -> Session:
    return Session(**{name: getattr(row, name) for name in Session.__slots__})


def _storable(text: str) -> str:
    """Headers may hold bytes that are no text."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
