"""API tokens: credentials of programs, shown once when they are made, kept as a hash."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.endings import Endings
from server.auth.permissions import Scope
from server.auth.secret_words import hash_of, new_secret
from server.auth.users import User, user_of
from server.clock import Clock, new_id, utc_now
from server.errors import NotSignedIn, TokenExpired, TokenRevoked, TokenUnknown, UserDisabled
from server.storage import tables
from server.storage.database import NOT_NOW, Database

PREFIX = "jindu_"  # so that scanners find a token that was committed by mistake
_TABLE = tables.tokens
_TOUCH_AFTER = timedelta(minutes=1)
_MOST_ENDED = 10_000  # about 2 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token after it was shown."""

    id: str
    user_id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_address: str = ""


_COLUMNS = [_TABLE.c[name].label(f"token_{name}") for name in Token.__slots__]


class TokenStore:
    def __init__(self, database: Database, *, endings: Endings, clock: Clock = utc_now) -> None:
        self._database = database
        self._endings = endings
        self._clock = clock
        # Why tokens ended that were good once, by their hash: only who has one can ask. Forgotten at a restart, when
        # the answer is that it is not known.
        self._ended: OrderedDict[str, type[NotSignedIn]] = OrderedDict()

    async def add(
        self,
        connection: AsyncConnection,
        *,
        user_id: str,
        name: str,
        scopes: Iterable[Scope],
        expires_at: datetime | None,
    ) -> tuple[Token, str]:
        """A new token and the secret to show."""
        secret = new_secret(PREFIX)
        token = Token(
            id=new_id(),
            user_id=user_id,
            name=name,
            scopes=frozenset(scopes),
            created_at=self._clock(),
            expires_at=expires_at,
            last_used_at=None,
        )
        await connection.execute(
            _TABLE.insert().values(
                id=token.id,
                secret_hash=hash_of(secret),
                user_id=user_id,
                name=name,
                scopes=sorted(token.scopes),
                created_at=token.created_at,
                expires_at=expires_at,
            )
        )
        return token, secret

    async def use(self, secret: str, *, address: str = "") -> tuple[Token, User]:
        """The token and whose it is, noting when and where; raises `NotSignedIn`, the kind of which says why."""
        if not secret.startswith(PREFIX):
            raise TokenUnknown
        now, digest = self._clock(), hash_of(secret)
        # One statement: this runs for every request of a program, and each costs several times between threads.
        statement = sa.select(tables.users, *_COLUMNS).join_from(tables.users, _TABLE)
        statement = statement.where(_TABLE.c.secret_hash == digest)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise self._ended.get(digest, TokenUnknown)
        token, user = _token_of(row), user_of(row)
        if not user.is_active:
            raise UserDisabled
        if token.expires_at is not None and token.expires_at <= now:
            raise TokenExpired
        if token.last_used_at is None or now - token.last_used_at >= _TOUCH_AFTER:
            used = _TABLE.update().where(_TABLE.c.id == token.id).values(last_used_at=now, last_address=address[:64])
            with suppress(*NOT_NOW):  # whoever wants to make room, or only reads, must get in
                async with self._database.write(shared=True) as connection:
                    await connection.execute(used)
        return token, user

    async def of_user(self, user_id: str) -> list[Token]:
        """Newest first; expired ones too, until they are swept."""
        statement = sa.select(*_COLUMNS).where(_TABLE.c.user_id == user_id).order_by(_TABLE.c.sequence.desc())
        async with self._database.read() as connection:
            return [_token_of(row) for row in await connection.execute(statement)]

    async def get(self, token_id: str) -> Token | None:
        async with self._database.read() as connection:
            row = (await connection.execute(sa.select(*_COLUMNS).where(_TABLE.c.id == token_id))).one_or_none()
        return _token_of(row) if row else None

    async def end(self, token_id: str, *, user_id: str) -> bool:
        """False when that user has no such token."""
        return bool(await self._end_where(_TABLE.c.id == token_id, _TABLE.c.user_id == user_id, why=TokenRevoked))

    async def end_all(self, user_id: str) -> None:
        """Every token of a user who was disabled."""
        await self._end_where(_TABLE.c.user_id == user_id, why=UserDisabled)

    async def end_expired(self) -> None:
        """Forget what ran out of time, and tell who listens."""
        expired = _TABLE.c.expires_at <= self._clock()
        async with self._database.read() as connection:
            if not await connection.scalar(sa.select(sa.exists().where(expired))):
                return
        await self._end_where(expired, why=TokenExpired)

    async def _end_where(self, *conditions: sa.ColumnElement[bool], why: type[NotSignedIn]) -> int:
        """How many it were."""
        statement = _TABLE.delete().where(*conditions).returning(_TABLE.c.id, _TABLE.c.secret_hash)
        async with self._database.write() as connection:
            ended = (await connection.execute(statement)).all()
        for token_id, digest in ended:
            self._ended[digest] = why
            self._endings.token_ended(token_id)
        while len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)
        return len(ended)


def _token_of(row: Any) -> Token:
    values = {name: getattr(row, f"token_{name}") for name in Token.__slots__}
    return Token(**values | {"scopes": frozenset(map(Scope, row.token_scopes))})
