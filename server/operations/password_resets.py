"""Links with which somebody who forgot their password chooses a new one, made by an administrator or on the machine.

A link does what the password did and no more: the second factor is still asked for. Mail can carry them once there is
some: whoever sends it needs `_made` alone.
"""

from __future__ import annotations

from datetime import timedelta

from server.auth.account_links import AccountLink, LinkKind
from server.auth.audit import Audit, Via
from server.auth.credentials import Credentials
from server.auth.passwords import password_problems
from server.auth.permissions import Principal
from server.auth.secret_words import hash_of
from server.auth.users import User
from server.errors import Conflict, FieldError, Gone, InvalidInput, NotFound
from server.jobs.outcomes import Notice
from server.operations.account_fields import hours_problems
from server.operations.password_step import Tell
from server.operations.public_links import PublicLinks
from server.storage.database import Database

DEFAULT_HOURS = 24
MOST_HOURS = 72
PATH = "/reset-password"


class PasswordResets:
    def __init__(self, *, database: Database, credentials: Credentials, links: PublicLinks, tell: Tell) -> None:
        self._database = database
        self._links = credentials.links
        self._users = credentials.users
        self._passwords = credentials.passwords
        self._sessions = credentials.sessions
        self._public = links
        self._tell = tell

    async def create(
        self, principal: Principal, user_id: str, *, hours: int = DEFAULT_HOURS
    ) -> tuple[AccountLink, str]:
        """The link and its address, which is shown this once; an older one of that user ends."""
        principal.require_admin()
        user = await self._users.get(user_id)
        if user is None:
            raise NotFound
        return await self._made(principal, user, hours)

    async def create_by_name(self, name: str, *, hours: int = DEFAULT_HOURS) -> tuple[AccountLink, str]:
        """For whoever runs the server, who is nobody to us."""
        user = await self._users.by_name(name)
        if user is None:
            unknown = FieldError(field="username", message="Nobody has this name.")
            raise InvalidInput(errors=[unknown])
        return await self._made(None, user, hours)

    async def open_one(self, principal: Principal, user_id: str) -> AccountLink | None:
        """The link of that user that can still be used."""
        principal.require_admin()
        return next((link for link in await self._links.all(LinkKind.RESET) if link.user_id == user_id), None)

    async def revoke(self, principal: Principal, user_id: str) -> None:
        link, user = await self.open_one(principal, user_id), await self._users.get(user_id)
        if link is None or user is None:
            raise NotFound
        async with self._database.write() as connection:
            await self._links.end(connection, LinkKind.RESET, link.id)
            await Audit.record(connection, principal, "reset_link.revoke", user.name, subject_id=user.id)

    async def look(self, code: str) -> User:
        """Whose password the code sets, which uses nothing up; raises `Gone` when it is none, or none any more."""
        _link, user = await self._found(code)
        return user

    async def redeem(self, code: str, *, password: str, address: str) -> User:
        """Set the password and end all sessions. Whoever did it is not signed in by that."""
        link, user = await self._found(code)
        if problems := password_problems(password, user_name=user.name):
            raise InvalidInput(errors=problems)
        new_hash = await self._passwords.hash(password)  # before the transaction: nobody else could write meanwhile
        async with self._database.write() as connection:
            is_ours = await self._links.use(connection, link)
            # Somebody may have changed it since: then the link is about a password that there is no more.
            if not is_ours or not await self._users.replace_password(connection, user, new_hash):
                raise _is_over()
            await Audit.record(
                connection,
                Via.STRANGER,
                "account.password",
                user.name,
                {"by": "link"},
                subject_id=user.id,
                address=address,
            )
        await self._sessions.end_all(user.id)
        self._tell(user.id, _notice(address))
        return user

    async def _made(self, principal: Principal | None, user: User, hours: int) -> tuple[AccountLink, str]:
        if problems := hours_problems(hours, field="hours", most=MOST_HOURS):
            raise InvalidInput(errors=problems)
        if not user.is_active:
            raise Conflict("This account is disabled; enable it first.", code="user_disabled")
        made_by = principal.user_id if principal else None
        async with self._database.write() as connection:
            link, secret = await self._links.reset(connection, user, made_by=made_by, lifetime=timedelta(hours=hours))
            await Audit.record(
                connection,
                principal or Via.COMMAND_LINE,
                "reset_link.create",
                user.name,
                {"hours": hours},
                subject_id=user.id,
            )
        return link, self._public.with_code(PATH, secret)

    async def _found(self, code: str) -> tuple[AccountLink, User]:
        link = await self._links.find(LinkKind.RESET, code)
        user = await self._users.get(link.user_id) if link and link.user_id else None
        if link is None or user is None or not user.is_active or hash_of(user.password_hash) != link.of_password:
            raise _is_over()
        return link, user


def _notice(address: str) -> Notice:
    return Notice(
        title="Your password was set by a link",
        body="An administrator had made it; it was used from {address}. If that was not you, tell an administrator.",
        level="warning",
        url="/account",
        parameters={"address": address},
    )


def _is_over() -> Gone:
    return Gone("This link was used, replaced or is too old. Ask an administrator for a new one.", code="link_over")
