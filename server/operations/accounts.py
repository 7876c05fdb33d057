"""What somebody can ask for about their own account: sign in and out, settings, password, sessions, tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from server import logs
from server.auth.audit import Audit, Via
from server.auth.credentials import Credentials
from server.auth.devices import Device
from server.auth.name_tries import NameTries
from server.auth.passwords import password_problems
from server.auth.permissions import SCOPES_OF_ROLE, Principal, Role, Scope
from server.auth.refused_sign_ins import RefusedSignIns
from server.auth.sessions import Means, Session
from server.auth.throttle import Attempt, SignInThrottle
from server.auth.tokens import Token
from server.auth.users import Clash, User, name_key
from server.clock import new_id, rfc3339, utc_now
from server.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    NotSignedIn,
    RateLimited,
    SecondFactorMissing,
    SecondFactorNeeded,
)
from server.jobs.outcomes import Notice
from server.languages import Languages
from server.operations.account_fields import (
    language_problems,
    name_problems,
    text_problems,
    time_zone_problems,
)
from server.operations.second_step import SecondStep
from server.storage.database import Database
from server.storage.growth import Growth

PasswordWay = Callable[[User], Awaitable[None]]
"""Raises `NotSignedIn` for a user whom a right password does not let in."""
Tell = Callable[[str, Notice], None]
"""Keep a notice for the user with that id, later: nobody can tell by the time whether there is such a user."""
DEFAULT_TOKEN_DAYS = 365
MAX_TOKENS = 100
_REFUSED_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What a token should be; None for `scopes` means all that its user's role allows."""

    name: str
    scopes: frozenset[Scope] | None = None
    days: int | None = DEFAULT_TOKEN_DAYS  # None: it never expires


class AccountOperations:
    def __init__(
        self,
        *,
        database: Database,
        credentials: Credentials,
        throttle: SignInThrottle,
        languages: Languages,
        second_step: SecondStep,
        tell: Tell,
        growth: Growth,
        password_way: PasswordWay | None = None,
    ) -> None:
        self._database = database
        self._users = credentials.users
        self._passwords = credentials.passwords
        self._sessions = credentials.sessions
        self._tokens = credentials.tokens
        self._throttle = throttle
        self._languages = languages
        self._second_step = second_step
        self._tell = tell
        self._growth = growth
        self._password_way = password_way
        self._name_tries = NameTries()
        self._refused = RefusedSignIns(database)

    async def sign_in(
        self, name: str, password: str, *, address: str, user_agent: str, device: Device | None = None
    ) -> tuple[User, str]:
        """The user, and the secret of their new session for the cookie.

        Raises `NotSignedIn` without saying whether name or password was wrong, or `RateLimited`;
        `SecondFactorNeeded`, with what `finish_sign_in` takes in its parameter `half`, for whoever has one.
        """
        user = await self._authenticated(name, password, address, device)
        if user.second_factor_at is not None:
            raise SecondFactorNeeded(half=self._second_step.half(user))
        return user, await self.start_session(user, address=address, user_agent=user_agent)

    async def finish_sign_in(
        self, half: str, code: str, *, address: str, user_agent: str, device: Device | None = None
    ) -> tuple[User, str]:
        """As `sign_in` answers. Raises `NotSignedIn` for a wrong code or an old password, `RateLimited` after many."""
        user = await self._second_step.user_of(half)
        means = await self._second_step.prove(user, code, address=address, device=device)
        return user, await self.start_session(user, address=address, user_agent=user_agent, means=means)

    async def start_session(self, user: User, *, address: str, user_agent: str, means: str = Means.PASSWORD) -> str:
        """A session for somebody who has proved who they are just now, by `means`; the answer is its secret."""
        session, secret = await self._sessions.start(user.id, user_agent=user_agent, address=address, means=means)
        there = replace(self_of(user, address), session_id=session.id)
        await self._record(there, "session.start", subject_id=session.id, detail={"means": means})
        return secret

    async def sign_out(self, principal: Principal) -> None:
        if principal.session_id:
            await self._sessions.end(principal.session_id, user_id=principal.user_id)
            await self._record(principal, "session.end", subject_id=principal.session_id)

    async def me(self, principal: Principal) -> User:
        user = await self._users.get(principal.user_id)
        if user is None:
            raise NotSignedIn
        return user

    async def change_me(self, principal: Principal, changes: dict[str, Any]) -> User:
        """Change `name`, `language`, `time_zone`, `notifications`: those that `changes` holds.

        Raises `Conflict` for a name in use, `RateLimited` after many of them.
        """
        principal.require_own_change()
        problems = [
            *name_problems(changes.get("name")),
            *language_problems(changes.get("language"), self._languages),
            *time_zone_problems(changes.get("time_zone")),
        ]
        if problems:
            raise InvalidInput(errors=problems)
        plain = ("language", "time_zone", "notifications")
        values: dict[str, Any] = {key: changes[key] for key in plain if key in changes}
        if "name" in changes:
            values |= {"name": changes["name"], "name_key": name_key(changes["name"])}
        if values:
            async with self._database.write() as connection:
                if "name" in changes:
                    self._name_tries.require_patience(principal.user_id)
                    clash = await self._users.clash(connection, changes["name"], but=principal.user_id)
                    if clash is not None:
                        self._name_tries.failed(principal.user_id)
                    require_no(clash)
                await self._users.change(connection, principal.user_id, **values)
                detail = {"fields": [*changes]}
                await Audit.record(
                    connection,
                    principal,
                    "account.change",
                    principal.user_name,
                    detail,
                    subject_id=principal.user_id,
                )
        return await self.me(principal)

    async def set_language(self, principal: Principal, language: str) -> None:
        """What the switch on every page does."""
        await self.change_me(principal, {"language": language})

    async def change_password(self, principal: Principal, *, current: str, new: str) -> None:
        """Ends every other session, so that whoever knew the old password is out."""
        user = await self.confirm(principal, current)
        if problems := password_problems(new, user_name=user.name, field="new_password"):
            raise InvalidInput(errors=problems)
        password_hash = await self._passwords.hash(new)  # before the transaction: nobody else could write meanwhile
        async with self._database.write() as connection:
            await self._users.change(connection, user.id, password_hash=password_hash)
            await Audit.record(connection, principal, "account.password", user.name, subject_id=user.id)
        # Once it is stored: as long as the old password is good, nobody is thrown out.
        await self._sessions.end_all(user.id, but=principal.session_id)

    async def confirm(self, principal: Principal, password: str) -> User:
        """Before something by which a stranger at an open browser could stay: the password once more."""
        principal.require_own_change()
        user = await self.me(principal)
        try:
            # Whoever is signed in is known here; what others try at this name is not held against them.
            signed_in = Device(id=principal.session_id or principal.token_id or "", user_ids=(user.id,))
            return await self._authenticated(user.name, password, principal.address, signed_in)
        except NotSignedIn as error:
            wrong = FieldError(field="current_password", message="This is not your present password.")
            raise InvalidInput(errors=[wrong]) from error

    async def sessions(self, principal: Principal) -> list[Session]:
        return await self._sessions.of_user(principal.user_id)

    async def end_session(self, principal: Principal, session_id: str) -> None:
        principal.require_own_change()
        if not await self._sessions.end(session_id, user_id=principal.user_id):
            raise NotFound
        await self._record(principal, "session.end", subject_id=session_id)

    async def end_other_sessions(self, principal: Principal) -> int:
        principal.require_own_change()
        count = await self._sessions.end_all(principal.user_id, but=principal.session_id)
        await self._record(principal, "session.end_others", detail={"count": count})
        return count

    async def tokens(self, principal: Principal) -> list[Token]:
        return await self._tokens.of_user(principal.user_id)

    async def create_token(self, principal: Principal, wanted: NewToken) -> tuple[Token, str]:
        """The token and its secret. A token makes no token that may do more or lives longer than itself."""
        principal.require_own_change()
        latest = None
        if principal.token_id:
            parent = await self._tokens.get(principal.token_id)
            latest = parent.expires_at if parent else None
        means = await self._means_of(principal)
        return await self._create_token(principal, wanted, most=principal.scopes, latest=latest, means=means)

    async def _means_of(self, principal: Principal) -> str | None:
        """By what they came in; None for a token."""
        theirs = await self._sessions.of_user(principal.user_id) if principal.session_id else []
        return next((session.means for session in theirs if session.id == principal.session_id), None)

    async def create_token_with_password(
        self, wanted: NewToken, *, name: str, password: str, address: str, code: str | None = None
    ) -> tuple[Token, str]:
        """For programs that have no session. Raises as `sign_in` and `finish_sign_in` do."""
        user, means = await self._authenticated(name, password, address), Means.PASSWORD
        if user.second_factor_at is not None:
            if code is None:
                raise SecondFactorNeeded
            means = await self._second_step.prove(user, code, address=address)
        elif self._second_step.is_required(user.role):
            raise SecondFactorMissing
        who = self_of(user, address)
        return await self._create_token(who, wanted, most=frozenset(Scope), latest=None, means=means)

    async def delete_token(self, principal: Principal, token_id: str) -> None:
        principal.require_own_change()
        name = next((token.name for token in await self._tokens.of_user(principal.user_id) if token.id == token_id), "")
        if not await self._tokens.end(token_id, user_id=principal.user_id):
            raise NotFound
        await self._record(principal, "token.delete", name, subject_id=token_id)

    async def create_user(
        self,
        principal: Principal | None,
        *,
        name: str,
        password: str,
        role: Role,
        language: str | None = None,
        time_zone: str | None = None,
        by: Via = Via.SYSTEM,
    ) -> User:
        """Make an account. `principal` is None for whoever runs the server: first run, command line, environment.

        Raises `InvalidInput` naming `username`, `password`, `language` or `time_zone`; `Conflict` for a name in use.
        """
        if principal is not None:
            principal.require_admin()
        user = await self.prepared_user(name=name, password=password, role=role, language=language, time_zone=time_zone)
        async with self._database.write() as connection:
            require_no(await self._users.add(connection, user))
            await Audit.record(
                connection, principal or by, "user.create", user.name, {"role": role}, subject_id=user.id
            )
        return user

    async def prepared_user(
        self, *, name: str, password: str, role: Role, language: str | None, time_zone: str | None
    ) -> User:
        """A checked user with a hashed password, not stored yet."""
        problems = [
            *name_problems(name, field="username"),
            *password_problems(password, user_name=name),
            *language_problems(language, self._languages),
            *time_zone_problems(time_zone),
        ]
        if problems:
            raise InvalidInput(errors=problems)
        return User(
            id=new_id(),
            name=name,
            role=role,
            password_hash=await self._passwords.hash(password),
            created_at=utc_now(),
            language=language,
            time_zone=time_zone,
        )

    async def _authenticated(self, name: str, password: str, address: str, device: Device | None = None) -> User:
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

    async def _create_token(
        self,
        principal: Principal,
        wanted: NewToken,
        *,
        most: frozenset[Scope],
        latest: datetime | None,
        means: str | None,
    ) -> tuple[Token, str]:
        if problems := text_problems(wanted.name, field="name", most=100):
            raise InvalidInput(errors=problems)
        if len(await self._tokens.of_user(principal.user_id)) >= MAX_TOKENS:
            raise Conflict("You have {count} tokens already; delete one that is not used.", count=MAX_TOKENS)
        if wanted.scopes is not None and not wanted.scopes:
            raise InvalidInput(errors=[FieldError(field="scopes", message="Choose what the token may do.")])
        allowed = SCOPES_OF_ROLE[principal.role] & most
        if wanted.scopes is not None and not wanted.scopes <= allowed:
            raise Forbidden("A token cannot be allowed more than you are.")
        expires_at = utc_now() + timedelta(days=wanted.days) if wanted.days else None
        if latest is not None:
            expires_at = min(expires_at or latest, latest)
        self._growth.charge(principal.user_id, wanted.name)
        async with self._database.write() as connection:
            scopes = allowed if wanted.scopes is None else wanted.scopes
            token, secret = await self._tokens.add(
                connection, user_id=principal.user_id, name=wanted.name, scopes=scopes, expires_at=expires_at
            )
            detail = {"scopes": sorted(scopes), "expires_at": expires_at and rfc3339(expires_at)}
            detail |= {"means": str(means)} if means else {}
            await Audit.record(connection, principal, "token.create", token.name, detail, subject_id=token.id)
        return token, secret

    async def _record(
        self,
        principal: Principal,
        action: str,
        subject: str = "",
        *,
        subject_id: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        async with self._database.write() as connection:
            await Audit.record(connection, principal, action, subject, detail, subject_id=subject_id)


def self_of(user: User, address: str) -> Principal:
    """Somebody who has just proved who they are, for the audit log."""
    return Principal(
        user_id=user.id, user_name=user.name, role=user.role, language=user.language or "", address=address
    )


def require_no(clash: Clash | None) -> None:
    """Raises `Conflict` when a name clashes."""
    if clash is Clash.TAKEN:
        taken = FieldError(field="username", message="Somebody has this name already.")
        raise Conflict("Somebody has this name already.", code="name_taken", errors=[taken])
    if clash is Clash.LOOKS_ALIKE:
        alike = FieldError(field="username", message="This looks like the name of somebody else; choose another.")
        raise Conflict("This looks like the name of somebody else; choose another.", code="name_taken", errors=[alike])
