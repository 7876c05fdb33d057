"""From a credential to who is asking: the one place where a `Principal` is made."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from server.auth.permissions import ALL_SCOPES, Principal, Scope
from server.auth.sessions import SessionStore
from server.auth.tokens import TokenStore
from server.auth.users import User
from server.languages import Languages


@dataclass(frozen=True, slots=True)
class Authenticator:
    """`language` is what the browser or program asks for: it counts when the user has not chosen one."""

    sessions: SessionStore
    tokens: TokenStore
    languages: Languages

    async def by_session(
        self, secret: str, *, address: str = "", language: str | None = None
    ) -> tuple[Principal, bool] | None:
        """Also whether the session was extended just now, so that the cookie should be given anew."""
        known_at = time.monotonic()  # before reading: whatever ends from here on is newer than what we read
        visit = await self.sessions.visit(secret, address=address)
        if visit is None:
            return None
        principal = self._principal(visit.user, ALL_SCOPES, address, language, known_at, session_id=visit.session.id)
        return principal, visit.was_extended

    async def by_token(self, secret: str, *, address: str = "", language: str | None = None) -> Principal:
        """Raises `NotSignedIn`, the kind of which says why."""
        known_at = time.monotonic()
        token, user = await self.tokens.use(secret)
        return self._principal(user, token.scopes, address, language, known_at, token_id=token.id)

    def _principal(
        self,
        user: User,
        scopes: frozenset[Scope],
        address: str,
        language: str | None,
        known_at: float,
        *,
        session_id: str | None = None,
        token_id: str | None = None,
    ) -> Principal:
        # Each connection keeps its principal; what is equal for all of a user's is kept once.
        return Principal(
            user_id=sys.intern(user.id),
            user_name=sys.intern(user.name),
            role=user.role,
            language=self.languages.choose(user.language, language),
            time_zone=sys.intern(user.time_zone),
            scopes=scopes,
            session_id=session_id,
            token_id=token_id,
            address=address,
            known_at=known_at,
        )
