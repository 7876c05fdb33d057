"""The first question at sign-in: a name and its password."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from server import logs
from server.auth.credentials import Credentials
from server.auth.devices import Device
from server.auth.permissions import Principal
from server.auth.refused_sign_ins import RefusedSignIns
from server.auth.throttle import Attempt, SignInThrottle
from server.auth.users import User, name_key
from server.errors import NotSignedIn, RateLimited
from server.jobs.outcomes import Notice
from server.storage.database import Database

PasswordWay = Callable[[User], Awaitable[None]]
"""Raises `NotSignedIn` for a user whom a right password does not let in."""
Tell = Callable[[str, Notice], None]
"""Keep a notice for the user with that id, later: nobody can tell by the time whether there is such a user."""
_REFUSED_SECONDS = 0.5


class PasswordStep:
    def __init__(
        self,
        *,
        database: Database,
        credentials: Credentials,
        throttle: SignInThrottle,
        tell: Tell,
        password_way: PasswordWay | None = None,
    ) -> None:
        self._database = database
        self._users = credentials.users
        self._passwords = credentials.passwords
        self._throttle = throttle
        self._tell = tell
        self._password_way = password_way
        self._refused = RefusedSignIns(database)

    async def prove(self, name: str, password: str, *, address: str, device: Device | None = None) -> User:
        """Whose they are. Raises `NotSignedIn` without saying whether name or password was wrong, `RateLimited` after
        many that were."""
        user = await self._users.by_name(name)
        is_known = device.of(user.id) if device and user else None
        attempt = Attempt(name_key=name_key(name), address=address, device=is_known)
        try:
            await self._throttle.begin(attempt)
        except RateLimited:
            await self._refused.record(user, address=address, reason="too_many")
            await asyncio.sleep(_REFUSED_SECONDS)  # else whoever goes on guessing could keep us busy with refusals
            raise
        # Also for a name that nobody has: how long it takes tells nobody who is here.
        verdict = await self._passwords.check(user.password_hash if user else None, password)
        if user is None or not verdict.is_right or not user.is_active:
            await self._failed(attempt, user)
            reason = "disabled" if user and verdict.is_right else "wrong_credentials"
            await self._refused.record(user, address=address, reason=reason)
            raise NotSignedIn("The user name or the password is wrong.", code="wrong_credentials")
        await self._throttle.succeeded(attempt)
        if self._password_way is not None:
            await self._password_way(user)
        if verdict.new_hash:
            async with self._database.write() as connection:
                await self._users.change(connection, user.id, password_hash=verdict.new_hash)
        return user

    async def _failed(self, attempt: Attempt, user: User | None) -> None:
        logs.STRANGERS.info("a sign-in as %.64r from %s failed", attempt.name_key, attempt.address)
        if await self._throttle.is_worth_telling(attempt) and user is not None and user.is_active:
            notice = Notice(
                title="Somebody tries to sign in with your name",
                body="At least {count} attempts with a wrong password, the last one from {address}. Nobody got in.",
                level="warning",
                url="/account",
                parameters={"count": self._throttle.attempts, "address": attempt.address},
            )
            self._tell(user.id, notice)


def self_of(user: User, address: str) -> Principal:
    """Somebody who has just proved who they are, for the audit log."""
    return Principal(
        user_id=user.id, user_name=user.name, role=user.role, language=user.language or "", address=address
    )
