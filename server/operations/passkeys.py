"""What somebody can do about their passkeys, and signing in with one: it stands for password and second factor."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime
from typing import Any

import msgspec

from server.auth.audit import Audit
from server.auth.credentials import Credentials
from server.auth.passkeys import Passkey
from server.auth.permissions import Principal
from server.auth.refused_sign_ins import RefusedSignIns
from server.auth.seals import Seals
from server.auth.sessions import Means
from server.auth.users import User
from server.auth.webauthn_site import NoPasskeys, NotVerified, WebauthnSite
from server.clock import utc_now
from server.errors import Conflict, InvalidInput, NotFound, NotSignedIn
from server.jobs.outcomes import Notice
from server.operations.account_fields import text_problems
from server.operations.accounts import AccountOperations
from server.operations.password_step import Tell
from server.operations.sessions import SessionOperations
from server.storage.database import Database

MOST = 20
MAX_NAME = 100
_CHALLENGE_BYTES = 32
_CHALLENGE_SECONDS = 300


class PasskeyQuestion(msgspec.Struct, frozen=True):
    """What a device was asked to sign; `user_id` is empty where nobody knows yet who asks."""

    challenge: bytes
    user_id: str
    asked_at: datetime


class PasskeyOperations:
    def __init__(
        self,
        *,
        database: Database,
        credentials: Credentials,
        accounts: AccountOperations,
        sessions: SessionOperations,
        seals: Seals,
        site: WebauthnSite | NoPasskeys,
        tell: Tell,
    ) -> None:
        self._database = database
        self._users = credentials.users
        self._passkeys = credentials.passkeys
        self._accounts = accounts
        self._sessions = sessions
        self._seals = seals
        self.site = site
        self._tell = tell
        self._refused = RefusedSignIns(database)

    async def mine(self, principal: Principal) -> list[Passkey]:
        return await self._passkeys.of_user(principal.user_id)

    async def begin(self, principal: Principal, *, password: str) -> tuple[dict[str, Any], str]:
        """What a browser is to make one from, and what comes back with it. Raises `InvalidInput` for the password."""
        site = self._required_site()
        user = await self._accounts.confirm(principal, password)
        known = await self._passkeys.of_user(user.id)
        if len(known) >= MOST:
            raise Conflict("You have {count} passkeys already; remove one that is not used.", count=MOST)
        question = _question(user.id)
        return site.to_make(user, question.challenge, known), self._seals.seal(question)

    async def add(self, principal: Principal, *, name: str, answer: dict[str, Any], sealed: str) -> Passkey:
        """Raises `InvalidInput` when it does not answer what was asked, `Conflict` when it is known."""
        principal.require_own_change()
        site = self._required_site()
        if problems := text_problems(name, field="name", most=MAX_NAME):
            raise InvalidInput(errors=problems)
        question = self._seals.open(sealed, PasskeyQuestion, seconds=_CHALLENGE_SECONDS)
        if question is None or question.user_id != principal.user_id:
            raise InvalidInput("That took too long. Try once more.", code="passkey_too_old")
        try:
            new = await asyncio.to_thread(site.made, answer, question.challenge)
        except NotVerified as error:
            raise InvalidInput("This is no passkey for this server. Try once more.", code="passkey_wrong") from error
        async with self._database.write() as connection:
            passkey = await self._passkeys.add(connection, principal.user_id, name, new)
            if passkey is None:
                raise Conflict("This passkey is known already.", code="passkey_known")
            await Audit.record(connection, principal, "passkey.add", name, subject_id=passkey.id)
        self._tell(principal.user_id, _notice(name, principal.address))
        return passkey

    async def rename(self, principal: Principal, passkey_id: str, name: str) -> None:
        principal.require_own_change()
        if problems := text_problems(name, field="name", most=MAX_NAME):
            raise InvalidInput(errors=problems)
        async with self._database.write() as connection:
            if not await self._passkeys.rename(connection, passkey_id, name, user_id=principal.user_id):
                raise NotFound
            await Audit.record(connection, principal, "passkey.rename", name, subject_id=passkey_id)

    async def remove(self, principal: Principal, passkey_id: str) -> None:
        """It opens nothing any more; what was opened with it stays."""
        principal.require_own_change()
        await self._remove(principal, passkey_id, principal.user_id)

    async def revoke(self, principal: Principal, user_id: str, passkey_id: str) -> None:
        """One of somebody else's, whose device was stolen."""
        principal.require_admin()
        user = await self._users.get(user_id)
        await self._remove(principal, passkey_id, user_id, {"owner": user.name} if user else {})

    def ask(self) -> tuple[dict[str, Any], str]:
        """What the browser of a stranger is to sign, and what comes back with it."""
        question = _question("")
        return self._required_site().to_use(question.challenge), self._seals.seal(question)

    async def sign_in(self, *, answer: dict[str, Any], sealed: str, address: str, user_agent: str) -> tuple[User, str]:
        """The user, and the secret of their new session. Raises `NotSignedIn` without saying what was wrong."""
        site = self._required_site()
        question = self._seals.open(sealed, PasskeyQuestion, seconds=_CHALLENGE_SECONDS)
        passkey = await self._passkeys.by_credential(_credential_of(answer))
        user = await self._users.get(passkey.user_id) if passkey else None
        if user is None or not user.is_active or not await self._is_used(site, answer, question, passkey):
            await self._refused.record(user, address=address, reason="wrong_passkey")
            raise NotSignedIn("This passkey is not known here. Sign in with your password.", code="wrong_passkey")
        secret = await self._sessions.start(user, address=address, user_agent=user_agent, means=Means.PASSKEY)
        return user, secret

    async def _is_used(
        self, site: WebauthnSite, answer: dict[str, Any], question: PasskeyQuestion | None, passkey: Passkey | None
    ) -> bool:
        """Whether it answers a question to a stranger, for the first time."""
        if question is None or question.user_id or passkey is None:
            return False
        try:
            count = await asyncio.to_thread(site.used, answer, question.challenge, passkey)
        except NotVerified:
            return False
        return await self._passkeys.use(passkey, sign_count=count, asked_at=question.asked_at)

    async def _remove(
        self, principal: Principal, passkey_id: str, user_id: str, detail: dict[str, str] | None = None
    ) -> None:
        async with self._database.write() as connection:
            name = await self._passkeys.remove(connection, passkey_id, user_id=user_id)
            if name is None:
                raise NotFound
            await Audit.record(connection, principal, "passkey.remove", name, detail, subject_id=passkey_id)

    def _required_site(self) -> WebauthnSite:
        if isinstance(self.site, NoPasskeys):
            raise Conflict(
                "Passkeys need an address with a name and TLS; whoever runs the server sets it as public_url.",
                code="no_passkeys",
            )
        return self.site


def _question(user_id: str) -> PasskeyQuestion:
    return PasskeyQuestion(challenge=secrets.token_bytes(_CHALLENGE_BYTES), user_id=user_id, asked_at=utc_now())


def _credential_of(answer: dict[str, Any]) -> str:
    found = answer.get("id")
    return found if isinstance(found, str) and found.isascii() and "\0" not in found else ""


def _notice(name: str, address: str) -> Notice:
    return Notice(
        title="A passkey was added to your account",
        body="“{name}”, from {address}. Whoever has it can sign in. If that was not you, remove it.",
        level="warning",
        url="/account/sign-in",
        parameters={"name": name, "address": address},
    )
