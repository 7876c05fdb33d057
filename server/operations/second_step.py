"""The second question at sign-in: after a password that was right, a code of an app or a recovery code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from server import logs
from server.auth.code_throttle import CodeAttempt, CodeThrottle
from server.auth.credentials import Credentials
from server.auth.devices import Device
from server.auth.lately import Lately
from server.auth.permissions import Role
from server.auth.refused_sign_ins import RefusedSignIns
from server.auth.seals import Seals
from server.auth.second_factors import CodeUse
from server.auth.secret_words import hash_of
from server.auth.sessions import Means
from server.auth.users import User
from server.errors import NotSignedIn, RateLimited
from server.jobs.outcomes import Notice
from server.storage.database import Database

HALF_SECONDS = 600  # to look for the phone
_REFUSED_SECONDS = 0.5
_WORTH_TELLING, _TOLD_SECONDS = 3, 3_600.0


class HalfSignIn(msgspec.Struct, frozen=True):
    """Proof of the password that `of_password` is the hash of, of its hash: another password ends it."""

    user_id: str
    of_password: str


class SecondStep:
    def __init__(
        self,
        *,
        database: Database,
        credentials: Credentials,
        seals: Seals,
        strict_roles: frozenset[Role],
        tell: Callable[[str, Notice], None],
    ) -> None:
        self._users = credentials.users
        self._factors = credentials.second_factors
        self._seals = seals
        self._strict_roles = strict_roles
        self._tell = tell
        self._refused = RefusedSignIns(database)
        self._throttle = CodeThrottle()
        self._failures = Lately(most=_WORTH_TELLING, within_seconds=_TOLD_SECONDS)

    def is_required(self, role: Role) -> bool:
        return role in self._strict_roles

    def half(self, user: User) -> str:
        """What the browser keeps until it sends the code; it can neither be read nor made there."""
        return self._seals.seal(HalfSignIn(user_id=user.id, of_password=hash_of(user.password_hash)))

    async def user_of(self, half: str) -> User:
        """Raises `NotSignedIn` when it is too old, or of a password that is not theirs any more."""
        opened = self._seals.open(half, HalfSignIn, seconds=HALF_SECONDS)
        user = await self._users.get(opened.user_id) if opened else None
        if not opened or not user or not user.is_active or hash_of(user.password_hash) != opened.of_password:
            raise NotSignedIn("That took too long. Enter the name and the password again.", code="sign_in_too_old")
        return user

    async def prove(self, user: User, code: str, *, address: str, device: Device | None = None) -> Means:
        """Use the code up; raises `NotSignedIn` for a wrong one, `RateLimited` after many."""
        attempt = CodeAttempt(user_id=user.id, address=address, device=device.of(user.id) if device else None)
        try:
            self._throttle.begin(attempt)
        except RateLimited:
            await self._refused.record(user, address=address, reason="too_many")
            await asyncio.sleep(_REFUSED_SECONDS)  # else whoever goes on guessing could keep us busy with refusals
            raise
        use = await self._factors.use(user.id, code)
        if use is None:
            self._failed(attempt)
            await self._refused.record(user, address=address, reason="wrong_code")
            raise await self._wrong(user)
        self._throttle.succeeded(attempt)
        if use is CodeUse.RECOVERY:
            await self._tell_of_recovery(user)
            return Means.RECOVERY
        return Means.CODE

    async def _wrong(self, user: User) -> NotSignedIn:
        if await self._factors.can_be_read(user.id):
            return NotSignedIn("This code is wrong, or was used already.", code="wrong_code")
        return NotSignedIn(
            "The server has another key than when your app was set up, so that codes of the app cannot be checked. "
            "Use a recovery code, or ask an administrator to reset your second factor.",
            code="second_factor_unreadable",
        )

    def _failed(self, attempt: CodeAttempt) -> None:
        """Whoever gets here knows the password: its owner should know of that soon."""
        logs.STRANGERS.info("a second factor from %s failed", attempt.address)
        self._failures.add(attempt.user_id)
        if self._failures.seconds_to_wait(attempt.user_id) > 0:
            self._failures.forget(attempt.user_id)
            notice = Notice(
                title="Somebody knows your password",
                body="At least {count} attempts with your password and a wrong code, the last one from {address}. "
                "Nobody got in. If that was not you, change the password.",
                level="warning",
                url="/account",
                parameters={"count": _WORTH_TELLING, "address": attempt.address},
            )
            self._tell(attempt.user_id, notice)

    async def _tell_of_recovery(self, user: User) -> None:
        factor = await self._factors.get(user.id)
        notice = Notice(
            title="You signed in with a recovery code",
            body="Recovery codes that are left: {count}. Make new ones before they are used up.",
            level="warning",
            url="/account/sign-in",
            parameters={"count": factor.recovery_codes_left if factor else 0},
        )
        self._tell(user.id, notice)
