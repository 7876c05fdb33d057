"""Sessions in browsers: signing in begins one, signing out ends it, and one's own can be looked at and ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from server.auth.audit import Audit
from server.auth.credentials import Credentials
from server.auth.devices import Device
from server.auth.permissions import Principal
from server.auth.sessions import Means, Session
from server.auth.users import User
from server.errors import NotFound, SecondFactorNeeded
from server.operations.password_step import PasswordStep, self_of
from server.operations.second_step import SecondStep
from server.storage.database import Database


class SessionOperations:
    def __init__(
        self, *, database: Database, credentials: Credentials, password_step: PasswordStep, second_step: SecondStep
    ) -> None:
        self._database = database
        self._sessions = credentials.sessions
        self._password_step = password_step
        self._second_step = second_step

    async def sign_in(
        self, name: str, password: str, *, address: str, user_agent: str, device: Device | None = None
    ) -> tuple[User, str]:
        """The user, and the secret of their new session for the cookie.

        Raises `NotSignedIn` without saying whether name or password was wrong, or `RateLimited`;
        `SecondFactorNeeded`, with what `finish_sign_in` takes in its parameter `half`, for whoever has one.
        """
        user = await self._password_step.prove(name, password, address=address, device=device)
        if user.second_factor_at is not None:
            raise SecondFactorNeeded(half=self._second_step.half(user))
        return user, await self.start(user, address=address, user_agent=user_agent)

    async def finish_sign_in(
        self, half: str, code: str, *, address: str, user_agent: str, device: Device | None = None
    ) -> tuple[User, str]:
        """As `sign_in` answers. Raises `NotSignedIn` for a wrong code or an old password, `RateLimited` after many."""
        user = await self._second_step.user_of(half)
        means = await self._second_step.prove(user, code, address=address, device=device)
        return user, await self.start(user, address=address, user_agent=user_agent, means=means)

    async def start(self, user: User, *, address: str, user_agent: str, means: str = Means.PASSWORD) -> str:
        """A session for somebody who has proved who they are just now, by `means`; the answer is its secret."""
        session, secret = await self._sessions.start(user.id, user_agent=user_agent, address=address, means=means)
        there = replace(self_of(user, address), session_id=session.id)
        await self._record(there, "session.start", subject_id=session.id, detail={"means": means})
        return secret

    async def sign_out(self, principal: Principal) -> None:
        if principal.session_id:
            await self._sessions.end(principal.session_id, user_id=principal.user_id)
            await self._record(principal, "session.end", subject_id=principal.session_id)

    async def mine(self, principal: Principal) -> list[Session]:
        return await self._sessions.of_user(principal.user_id)

    async def end(self, principal: Principal, session_id: str) -> None:
        principal.require_own_change()
        if not await self._sessions.end(session_id, user_id=principal.user_id):
            raise NotFound
        await self._record(principal, "session.end", subject_id=session_id)

    async def end_others(self, principal: Principal) -> int:
        principal.require_own_change()
        count = await self._sessions.end_all(principal.user_id, but=principal.session_id)
        await self._record(principal, "session.end_others", detail={"count": count})
        return count

    async def _record(
        self, principal: Principal, action: str, *, subject_id: str = "", detail: dict[str, Any] | None = None
    ) -> None:
        async with self._database.write() as connection:
            await Audit.record(connection, principal, action, detail=detail, subject_id=subject_id)
