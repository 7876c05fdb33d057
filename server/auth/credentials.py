"""The stores of everything that proves who somebody is; they belong together and are made together."""

from __future__ import annotations

from dataclasses import dataclass

from server.auth.account_links import AccountLinks
from server.auth.endings import Endings
from server.auth.passkeys import PasskeyStore
from server.auth.passwords import Passwords
from server.auth.seals import Seals
from server.auth.second_factors import SecondFactors
from server.auth.sessions import SessionStore
from server.auth.tokens import TokenStore
from server.auth.users import UserStore
from server.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    users: UserStore
    passwords: Passwords
    sessions: SessionStore
    tokens: TokenStore
    links: AccountLinks
    second_factors: SecondFactors
    passkeys: PasskeyStore
    endings: Endings

    @classmethod
    def over(cls, database: Database, *, passwords: Passwords, seals: Seals, session_days: int) -> Credentials:
        endings = Endings()
        return cls(
            users=UserStore(database),
            passwords=passwords,
            sessions=SessionStore(database, endings=endings, days=session_days),
            tokens=TokenStore(database, endings=endings),
            links=AccountLinks(database),
            second_factors=SecondFactors(database, seals),
            passkeys=PasskeyStore(database),
            endings=endings,
        )

    async def end_expired(self) -> None:
        """Forget what ran out of time, and tell who listens."""
        await self.sessions.end_expired()
        await self.tokens.end_expired()
        await self.links.end_expired()
