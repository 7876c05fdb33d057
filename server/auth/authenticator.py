"""From a credential to who is asking: the one place where a `Principal` is made."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from server.auth.permissions import ALL_SCOPES, SCOPES_OF_ROLE, Principal, Role, Scope
from server.auth.sessions import Means, SessionStore
from server.auth.tokens import TokenStore
from server.auth.users import User
from server.languages import Languages


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a request comes from, and what its browser or program wants: it counts when the user has not chosen."""

    address: str = ""
    language: str | None = None
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Authenticator:
    sessions: SessionStore
    tokens: TokenStore
    languages: Languages
    strict_roles: frozenset[Role] = frozenset()  # whose people need a second factor

    async def by_session(self, secret: str, visit: Visit) -> tuple[Principal, bool] | None:
        """Also whether the session was extended just now, so that the cookie should be given anew."""
        known_at = time.monotonic()  # before reading: whatever ends from here on is newer than what we read
        found = await self.sessions.visit(secret, address=visit.address)
        if found is None:
            return None
        user = found.user
        is_weak = found.session.means == Means.PASSWORD and user.second_factor_at is None
        principal = self._principal(
            user,
            ALL_SCOPES,
            visit,
            known_at,
            session_id=found.session.id,
            must_enrol=is_weak and user.role in self.strict_roles,
        )
        return principal, found.was_extended

    async def by_token(self, secret: str, visit: Visit) -> Principal:
        """Raises `NotSignedIn`, the kind of which says why."""
        known_at = time.monotonic()
        token, user = await self.tokens.use(secret, address=visit.address)
        scopes = token.scopes & SCOPES_OF_ROLE[user.role]  # which may be another one than when it was made
        return self._principal(user, scopes, visit, known_at, token_id=token.id)

    def _principal(
        self,
        user: User,
        scopes: frozenset[Scope],
        visit: Visit,
        known_at: float,
        *,
        session_id: str | None = None,
        token_id: str | None = None,
        must_enrol: bool = False,
    ) -> Principal:
        # Each connection keeps its principal; what is equal for all of a user's is kept once.
        return Principal(
            user_id=sys.intern(user.id),
            user_name=sys.intern(user.name),
            role=user.role,
            language=self.languages.choose(user.language, visit.language),
            time_zone=sys.intern(user.time_zone or visit.time_zone),
            scopes=scopes,
            session_id=session_id,
            token_id=token_id,
            address=visit.address,
            must_enrol=must_enrol,
            known_at=known_at,
        )
