"""Second factors: the secret of somebody's authenticator app, encrypted, and their recovery codes, hashed."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.one_time_codes import DIGITS, step_of
from server.auth.seals import Seals
from server.auth.secret_words import hash_of
from server.clock import Clock, utc_now
from server.storage import tables
from server.storage.database import Database
from server.storage.rows import insert_or_get

RECOVERY_CODES = 10
_RECOVERY_BYTES = 10  # 80 bits: nobody guesses them, so a plain hash is enough
_TABLE, _CODES, _USERS = tables.second_factors, tables.recovery_codes, tables.users


class CodeUse(StrEnum):
    """What a code was good for."""

    APP = "app"
    RECOVERY = "recovery"


class AuthenticatorKey(msgspec.Struct, frozen=True):
    """The secret that an app shares with us, as it is sealed."""

    user_id: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    created_at: datetime
    recovery_codes_left: int


class SecondFactors:
    """Each code is good once, also when it is sent twice at the same moment: the database says who was first."""

    def __init__(self, database: Database, seals: Seals, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._seals = seals
        self._clock = clock

    async def get(self, user_id: str) -> SecondFactor | None:
        left = sa.select(sa.func.count()).where(_CODES.c.user_id == user_id).scalar_subquery()
        statement = sa.select(_TABLE.c.created_at, left.label("left")).where(_TABLE.c.user_id == user_id)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return SecondFactor(created_at=row.created_at, recovery_codes_left=row.left) if row else None

    async def add(self, connection: AsyncConnection, user_id: str, key: bytes, *, step: int) -> list[str] | None:
        """The recovery codes to show; None when there is a second factor already. The code of `step` is used up."""
        now = self._clock()
        sealed = self._seals.seal(AuthenticatorKey(user_id=user_id, key=key))
        row = {"user_id": user_id, "secret": sealed, "last_step": step, "created_at": now}
        _, is_new = await insert_or_get(connection, _TABLE, row, key=("user_id",))
        if not is_new:
            return None
        await connection.execute(_USERS.update().where(_USERS.c.id == user_id).values(second_factor_at=now))
        return await self.new_recovery_codes(connection, user_id)

    async def new_recovery_codes(self, connection: AsyncConnection, user_id: str) -> list[str]:
        """To show once; those of before are good no more."""
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        await connection.execute(_CODES.delete().where(_CODES.c.user_id == user_id))
        rows = [{"user_id": user_id, "code_hash": hash_of(_plain(code))} for code in codes]
        await connection.execute(_CODES.insert(), rows)
        return codes

    async def use(self, user_id: str, code: str) -> CodeUse | None:
        """None for a wrong code, or one that was used. With another key than it was sealed with, an app's is wrong."""
        plain = _plain(code)
        if len(plain) == DIGITS:
            return CodeUse.APP if await self._use_step(user_id, plain) else None
        used = _CODES.delete().where(_CODES.c.user_id == user_id, _CODES.c.code_hash == hash_of(plain))
        async with self._database.write() as connection:
            return CodeUse.RECOVERY if (await connection.execute(used)).rowcount == 1 else None

    async def can_be_read(self, user_id: str) -> bool:
        """False when the server's key is another one than the app's secret was sealed with."""
        return await self._key(user_id) is not None

    async def remove(self, connection: AsyncConnection, user_id: str) -> bool:
        """False when there is none."""
        await connection.execute(_CODES.delete().where(_CODES.c.user_id == user_id))
        await connection.execute(_USERS.update().where(_USERS.c.id == user_id).values(second_factor_at=None))
        return (await connection.execute(_TABLE.delete().where(_TABLE.c.user_id == user_id))).rowcount == 1

    async def _use_step(self, user_id: str, code: str) -> bool:
        key = await self._key(user_id)
        step = step_of(key, code, now=self._clock().timestamp()) if key else None
        if step is None:
            return False
        used = _TABLE.update().where(_TABLE.c.user_id == user_id, _TABLE.c.last_step < step)
        async with self._database.write() as connection:
            return (await connection.execute(used.values(last_step=step))).rowcount == 1

    async def _key(self, user_id: str) -> bytes | None:
        async with self._database.read() as connection:
            sealed = await connection.scalar(sa.select(_TABLE.c.secret).where(_TABLE.c.user_id == user_id))
        opened = self._seals.open(sealed, AuthenticatorKey) if sealed else None
        return opened.key if opened and opened.user_id == user_id else None  # a row that was moved opens nothing


def _new_recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _plain(code: str) -> str:
    """Without what people put between: spaces and hyphens, in any case."""
    return "".join(character for character in code.lower() if character not in " -\u2013\u00a0")
