"""Signing in with an account elsewhere (OpenID Connect): who comes back, whose account that is, and linking one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit, Via
from server.auth.credentials import Credentials
from server.auth.identities import Identity, IdentityStore
from server.auth.openid import OpenIdClaims
from server.auth.openid_attempts import OpenIdAttempts, SignInAttempt
from server.auth.openid_provider import OpenIdAnswer, OpenIdProvider
from server.auth.permissions import Principal, Role
from server.auth.refused_sign_ins import RefusedSignIns
from server.auth.sessions import Means
from server.auth.users import User
from server.clock import new_id, utc_now
from server.errors import Conflict, NotFound, NotSignedIn, OpenIdRefused
from server.operations.account_fields import MAX_NAME, name_problems
from server.storage.database import Database

_MOST_TRIES = 50  # at a free name
_UNFIT = re.compile(r"""[^\w .@-]+""")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdArrival:
    """`secret` is of a new session, empty where an account was linked; `id_token` signs out there as well."""

    user: User
    secret: str
    id_token: str


class OpenIdOperations:
    """`provider` is None where the settings name none; with `is_alone`, passwords let nobody in who is linked."""

    def __init__(
        self,
        *,
        database: Database,
        credentials: Credentials,
        identities: IdentityStore,
        provider: OpenIdProvider | None,
        attempts: OpenIdAttempts,
        is_alone: bool,
    ) -> None:
        self._database = database
        self._users = credentials.users
        self._passwords = credentials.passwords
        self._sessions = credentials.sessions
        self._endings = credentials.endings
        self._identities = identities
        self._provider = provider
        self._attempts = attempts
        self._is_alone = is_alone
        self._refusals = RefusedSignIns(database)

    @property
    def label(self) -> str:
        """What the provider is called; empty where there is none."""
        return self._provider.settings.label if self._provider else ""

    async def require_password_way(self, user: User) -> None:
        """Asked once the password was right. Raises `NotSignedIn` for whoever signs in elsewhere alone."""
        if self._is_alone and self._provider and await self._identities.of_user(user.id):
            raise NotSignedIn(
                "Sign in with {provider}: passwords are turned off for accounts that are linked.",
                code="openid_only",
                provider=self.label,
            )

    async def begin(
        self, *, redirect_uri: str, target: str = "/", linking: Principal | None = None
    ) -> tuple[str, SignInAttempt, str]:
        """Where the browser goes, the attempt, and how it is sealed into a cookie. Raises `OpenIdAway`, `NotFound`."""
        provider = self._known()
        owner, session = ("", "") if linking is None else (linking.user_id, linking.session_id or "")
        attempt = self._attempts.begin(target=target, user_id=owner, session_id=session)
        url = await provider.authorization_url(
            redirect_uri=redirect_uri, state=attempt.state, nonce=attempt.nonce, challenge=attempt.challenge
        )
        return url, attempt, self._attempts.sealed(attempt)

    async def finish(
        self,
        sealed: str,
        *,
        state: str,
        code: str,
        issuer: str | None,
        redirect_uri: str,
        principal: Principal | None,
        address: str,
        user_agent: str,
    ) -> tuple[SignInAttempt, OpenIdArrival]:
        """Raises `OpenIdRefused` whatever is wrong; that stands in the audit log."""
        try:
            attempt, answer = await self._answered(
                sealed, state=state, code=code, issuer=issuer, redirect_uri=redirect_uri
            )
            if attempt.user_id:
                user = await self._link(attempt, answer.claims, principal)
                return attempt, OpenIdArrival(user=user, secret="", id_token=answer.id_token)
            user = await self._signed_in(answer.claims, address)
        except OpenIdRefused as error:
            await self._refusals.record(None, address=address, reason=error.specific_code)
            raise
        secret = await self._start(user, address=address, user_agent=user_agent)
        return attempt, OpenIdArrival(user=user, secret=secret, id_token=answer.id_token)

    async def _answered(
        self, sealed: str, *, state: str, code: str, issuer: str | None, redirect_uri: str
    ) -> tuple[SignInAttempt, OpenIdAnswer]:
        """The attempt that this is the end of, and who came back."""
        provider = self._known()
        attempt = self._attempts.used(sealed, state)
        if attempt is None or not code or issuer not in (None, provider.settings.issuer):
            raise OpenIdRefused
        answer = await provider.redeem(code, redirect_uri=redirect_uri, verifier=attempt.verifier, nonce=attempt.nonce)
        answer.claims.require_domain(provider.settings.domains)
        return attempt, answer

    async def identities(self, principal: Principal) -> Sequence[Identity]:
        principal.require_read()
        return await self._identities.of_user(principal.user_id)

    async def unlink(self, principal: Principal, identity_id: str, *, password: str) -> None:
        """With the password, which is then the only way in: who does not know it would be locked out."""
        principal.require_own_change()
        user = await self._users.get(principal.user_id)
        verdict = await self._passwords.check(user.password_hash if user else None, password)
        if user is None or not verdict.is_right:
            raise Conflict("This is not your present password.", code="wrong_password")
        async with self._database.write() as connection:
            if not await self._identities.delete(connection, identity_id, user_id=user.id):
                raise NotFound
            await Audit.record(connection, principal, "identity.unlink", self.label, subject_id=identity_id)

    async def end_session_url(self, id_token: str, *, back: str) -> str | None:
        """Where one signs out at the provider, too; None where there is no such place."""
        return await self._provider.end_session_url(id_token=id_token, back=back) if self._provider else None

    def _known(self) -> OpenIdProvider:
        if self._provider is None:
            raise NotFound
        return self._provider

    async def _signed_in(self, claims: OpenIdClaims, address: str) -> User:
        found = await self._identities.find(claims.issuer, claims.subject)
        if found is None:
            return await self._new_user(claims, address)
        async with self._database.write() as connection:
            await self._identities.use(connection, found.id)
        user = await self._users.get(found.user_id)
        if user is None or not user.is_active:
            raise OpenIdRefused("This account is disabled. An administrator can enable it.", code="openid_disabled")
        return await self._with_role(user, claims)

    async def _new_user(self, claims: OpenIdClaims, address: str) -> User:
        settings = self._known().settings
        role = claims.role(settings) or settings.new_role
        if settings.new_role is None or role is None:
            raise OpenIdRefused(
                "There is no account here that is linked to this one. Sign in with your password and link it on your "
                "account page, or ask an administrator for an account.",
                code="openid_unknown",
            )
        # Nobody knows it; who wants one is given one by an administrator.
        password_hash = await self._passwords.hash(secrets.token_urlsafe(32))
        async with self._database.write() as connection:
            user = await self._added(connection, claims, role, password_hash)
            identity = await self._identities.add(
                connection,
                user_id=user.id,
                issuer=claims.issuer,
                subject=claims.subject,
                label=claims.wanted_name or claims.email,
            )
            if identity is None:
                raise OpenIdRefused  # the same person in another tab at this moment
            detail = {"role": role, "by": settings.label}
            await Audit.record(
                connection, Via.STRANGER, "user.create", user.name, detail, subject_id=user.id, address=address
            )
        return user

    async def _added(self, connection: AsyncConnection, claims: OpenIdClaims, role: Role, password_hash: str) -> User:
        """Under a name that is free, as near as can be to what the provider calls them. It is only a name."""
        wanted = _name(claims)
        for number in range(1, _MOST_TRIES):
            name = wanted if number == 1 else f"{wanted[: MAX_NAME - 4]} {number}"
            user = User(
                id=new_id(), name=name, role=role, password_hash=password_hash, created_at=utc_now(), language=None
            )
            if not name_problems(name) and await self._users.add(connection, user) is None:
                return user
        raise OpenIdRefused("No name is free for you here. An administrator can make you an account.")

    async def _with_role(self, user: User, claims: OpenIdClaims) -> User:
        role = claims.role(self._known().settings)
        if role is None or role is user.role:
            return user
        async with self._database.write() as connection:
            await self._users.lock_admins(connection)
            if user.role is Role.ADMIN and await self._users.active_admins(connection) == 1:
                return user  # the last administrator stays one
            await self._users.change(connection, user.id, role=role)
            await Audit.record(
                connection, Via.SYSTEM, "user.change", user.name, {"role": role, "by": self.label}, subject_id=user.id
            )
        if user.role is Role.ADMIN:
            await self._sessions.end_all(user.id)
        self._endings.rights_changed(user.id)
        return await self._users.get(user.id) or user

    async def _link(self, attempt: SignInAttempt, claims: OpenIdClaims, principal: Principal | None) -> User:
        """Only by whoever began it, in the session in which they did."""
        is_same = principal is not None and (principal.user_id, principal.session_id or "") == (
            attempt.user_id,
            attempt.session_id,
        )
        user = await self._users.get(attempt.user_id)
        if principal is None or not is_same or user is None:
            raise OpenIdRefused("You were signed out meanwhile. Sign in and link your account once more.")
        label = claims.wanted_name or claims.email or claims.subject
        async with self._database.write() as connection:
            identity = await self._identities.add(
                connection, user_id=user.id, issuer=claims.issuer, subject=claims.subject, label=label
            )
            if identity is None:
                raise OpenIdRefused("That account is linked to somebody here already.", code="openid_linked")
            await Audit.record(connection, principal, "identity.link", self.label, subject_id=identity)
        return user

    async def _start(self, user: User, *, address: str, user_agent: str) -> str:
        session, secret = await self._sessions.start(
            user.id, user_agent=user_agent, address=address, means=Means.OPENID
        )
        who = Principal(
            user_id=user.id,
            user_name=user.name,
            role=user.role,
            language="",
            session_id=session.id,
            address=address,
        )
        async with self._database.write() as connection:
            await Audit.record(connection, who, "session.start", detail={"by": self.label}, subject_id=session.id)
        return secret


def _name(claims: OpenIdClaims) -> str:
    text = _UNFIT.sub(" ", claims.wanted_name or claims.email.partition("@")[0])
    return " ".join(text.split())[:MAX_NAME].strip() or "user"
