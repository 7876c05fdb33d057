"""What somebody can do about their second factor, and others for who lost theirs."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from server.auth.audit import Audit, Via
from server.auth.credentials import Credentials
from server.auth.one_time_codes import address_of, new_key, step_of, typed_key
from server.auth.permissions import Principal, Role
from server.auth.seals import Seals
from server.auth.second_factors import SecondFactor
from server.errors import Conflict, FieldError, InvalidInput, NotFound
from server.jobs.outcomes import Notice
from server.operations.accounts import AccountOperations
from server.operations.password_step import Tell
from server.storage.database import Database

ISSUER = "Jindu"
ENROLMENT_SECONDS = 1_800


class UnconfirmedKey(msgspec.Struct, frozen=True):
    """A secret that an app has perhaps taken, until a code of it proves that."""

    user_id: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """`address` is for a QR code, `typed_key` for who cannot scan it, `sealed` comes back with the first code."""

    address: str
    typed_key: str
    sealed: str


class SecondFactorOperations:
    def __init__(
        self,
        *,
        database: Database,
        credentials: Credentials,
        accounts: AccountOperations,
        seals: Seals,
        strict_roles: frozenset[Role],
        tell: Tell,
    ) -> None:
        self._database = database
        self._users = credentials.users
        self._factors = credentials.second_factors
        self._accounts = accounts
        self._seals = seals
        self._strict_roles = strict_roles
        self._tell = tell

    async def mine(self, principal: Principal) -> SecondFactor | None:
        return await self._factors.get(principal.user_id)

    def is_required(self, principal: Principal) -> bool:
        return principal.role in self._strict_roles

    async def begin(self, principal: Principal, *, password: str) -> Enrolment:
        """A secret for an app; nothing is stored until `confirm`. Raises `InvalidInput` for a wrong password."""
        user = await self._accounts.confirm(principal, password)
        if user.second_factor_at is not None:
            raise _is_there()
        return self._enrolment(user.name, UnconfirmedKey(user_id=user.id, key=new_key()))

    def again(self, principal: Principal, sealed: str) -> Enrolment:
        """The same once more, after a code that was wrong; raises `InvalidInput` when it is too old."""
        return self._enrolment(principal.user_name, self._opened(principal, sealed))

    async def confirm(self, principal: Principal, *, sealed: str, code: str) -> list[str]:
        """From now on sign-in asks for it. The answer is the recovery codes, which are shown this once."""
        principal.require_own_change()
        enrolment = self._opened(principal, sealed)
        step = step_of(enrolment.key, "".join(code.split()), now=time.time())
        if step is None:
            wrong = FieldError(field="code", message="This code is wrong. Check that the clock of your phone is right.")
            raise InvalidInput(errors=[wrong])
        async with self._database.write() as connection:
            codes = await self._factors.add(connection, principal.user_id, enrolment.key, step=step)
            if codes is None:
                raise _is_there()
            await Audit.record(
                connection, principal, "second_factor.enable", principal.user_name, subject_id=principal.user_id
            )
        return codes

    async def new_recovery_codes(self, principal: Principal, *, password: str) -> list[str]:
        """Those of before are good no more; these are shown this once."""
        user = await self._accounts.confirm(principal, password)
        if user.second_factor_at is None:
            raise NotFound
        async with self._database.write() as connection:
            codes = await self._factors.new_recovery_codes(connection, user.id)
            await Audit.record(connection, principal, "second_factor.recovery_codes", user.name, subject_id=user.id)
        return codes

    async def remove(self, principal: Principal, *, password: str) -> None:
        """Raises `Conflict` where everybody with this role must have one."""
        user = await self._accounts.confirm(principal, password)
        if user.role in self._strict_roles:
            raise Conflict(
                "This server asks you for a second factor, so that it cannot be turned off.",
                code="second_factor_required",
            )
        async with self._database.write() as connection:
            if not await self._factors.remove(connection, user.id):
                raise NotFound
            await Audit.record(connection, principal, "second_factor.disable", user.name, subject_id=user.id)

    async def reset(self, principal: Principal, user_id: str) -> None:
        """For somebody who lost it: their password is enough again, until they set up another one."""
        principal.require_admin()
        await self._reset(principal, user_id)
        notice = Notice(
            title="Your second factor was removed",
            body="An administrator did so. Your password is enough to sign in, until you set up another one.",
            level="warning",
            url="/account/sign-in",
        )
        self._tell(user_id, notice)

    async def reset_by_name(self, name: str) -> None:
        """For whoever runs the server."""
        user = await self._users.by_name(name)
        if user is None:
            raise InvalidInput(errors=[FieldError(field="username", message="Nobody has this name.")])
        await self._reset(None, user.id)

    async def _reset(self, principal: Principal | None, user_id: str) -> None:
        user = await self._users.get(user_id)
        if user is None:
            raise NotFound
        async with self._database.write() as connection:
            if not await self._factors.remove(connection, user.id):
                raise Conflict("This account has no second factor.", code="no_second_factor")
            await Audit.record(
                connection, principal or Via.COMMAND_LINE, "second_factor.reset", user.name, subject_id=user.id
            )

    def _enrolment(self, user_name: str, key: UnconfirmedKey) -> Enrolment:
        return Enrolment(
            address=address_of(key.key, user_name=user_name, issuer=ISSUER),
            typed_key=typed_key(key.key),
            sealed=self._seals.seal(key),
        )

    def _opened(self, principal: Principal, sealed: str) -> UnconfirmedKey:
        opened = self._seals.open(sealed, UnconfirmedKey, seconds=ENROLMENT_SECONDS)
        if opened is None or opened.user_id != principal.user_id:
            raise InvalidInput("That took too long. Begin again with a new QR code.", code="enrolment_too_old")
        return opened


def _is_there() -> Conflict:
    return Conflict("You have a second factor already; turn it off first.", code="second_factor_there")
