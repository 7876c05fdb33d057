"""API tokens: for programs, made by their user or for a name and its password, never more than their maker may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from server.auth.audit import Audit
from server.auth.credentials import Credentials
from server.auth.permissions import SCOPES_OF_ROLE, Principal, Scope
from server.auth.sessions import Means
from server.auth.tokens import Token
from server.clock import rfc3339, utc_now
from server.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    SecondFactorMissing,
    SecondFactorNeeded,
)
from server.operations.account_fields import text_problems
from server.operations.password_step import PasswordStep, self_of
from server.operations.second_step import SecondStep
from server.storage.database import Database
from server.storage.growth import Growth

DEFAULT_TOKEN_DAYS = 365
MAX_TOKENS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What a token should be; None for `scopes` means all that its user's role allows."""

    name: str
    scopes: frozenset[Scope] | None = None
    days: int | None = DEFAULT_TOKEN_DAYS  # None: it never expires


class TokenOperations:
    def __init__(
        self,
        *,
        database: Database,
        credentials: Credentials,
        password_step: PasswordStep,
        second_step: SecondStep,
        growth: Growth,
    ) -> None:
        self._database = database
        self._tokens = credentials.tokens
        self._sessions = credentials.sessions
        self._password_step = password_step
        self._second_step = second_step
        self._growth = growth

    async def mine(self, principal: Principal) -> list[Token]:
        return await self._tokens.of_user(principal.user_id)

    async def create(self, principal: Principal, wanted: NewToken) -> tuple[Token, str]:
        """The token and its secret. A token makes no token that may do more or lives longer than itself."""
        principal.require_own_change()
        latest = None
        if principal.token_id:
            parent = await self._tokens.get(principal.token_id)
            latest = parent.expires_at if parent else None
        means = await self._means_of(principal)
        return await self._create(principal, wanted, most=principal.scopes, latest=latest, means=means)

    async def create_with_password(
        self, wanted: NewToken, *, name: str, password: str, address: str, code: str | None = None
    ) -> tuple[Token, str]:
        """For programs that have no session. Raises as `PasswordStep.prove` and `SecondStep.prove` do,
        `SecondFactorNeeded` where the code is missing, `SecondFactorMissing` for whoever must have one and has none."""
        user, means = await self._password_step.prove(name, password, address=address), Means.PASSWORD
        if user.second_factor_at is not None:
            if code is None:
                raise SecondFactorNeeded
            means = await self._second_step.prove(user, code, address=address)
        elif self._second_step.is_required(user.role):
            raise SecondFactorMissing
        who = self_of(user, address)
        return await self._create(who, wanted, most=frozenset(Scope), latest=None, means=means)

    async def delete(self, principal: Principal, token_id: str) -> None:
        principal.require_own_change()
        name = next((token.name for token in await self._tokens.of_user(principal.user_id) if token.id == token_id), "")
        if not await self._tokens.end(token_id, user_id=principal.user_id):
            raise NotFound
        async with self._database.write() as connection:
            await Audit.record(connection, principal, "token.delete", name, subject_id=token_id)

    async def _means_of(self, principal: Principal) -> str | None:
        """By what they came in; None for a token."""
        theirs = await self._sessions.of_user(principal.user_id) if principal.session_id else []
        return next((session.means for session in theirs if session.id == principal.session_id), None)

    async def _create(
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
