"""Invitations: an administrator hands over a link, and whoever has it makes an account with a name of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from server.auth.account_links import AccountLink, LinkKind
from server.auth.audit import Audit, Via
from server.auth.credentials import Credentials
from server.auth.permissions import Principal, Role
from server.auth.users import User
from server.errors import Conflict, Gone, InvalidInput, NotFound
from server.operations.account_fields import days_problems, name_problems
from server.operations.accounts import AccountOperations, require_no
from server.operations.public_links import PublicLinks
from server.storage.database import Database

DEFAULT_DAYS = 7
MOST_DAYS = 30
MOST_OPEN = 500
PATH = "/invitation"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvitation:
    """One that nobody has used yet; `made_by` is a name, empty for whoever runs the server."""

    link: AccountLink
    made_by: str


class InvitationOperations:
    def __init__(
        self, *, database: Database, credentials: Credentials, accounts: AccountOperations, links: PublicLinks
    ) -> None:
        self._database = database
        self._links = credentials.links
        self._users = credentials.users
        self._accounts = accounts
        self._public = links

    async def create(
        self, principal: Principal | None, *, role: Role, name: str | None = None, days: int = DEFAULT_DAYS
    ) -> tuple[AccountLink, str]:
        """The invitation and its address, which is shown this once. `name` is only proposed to the invited person.

        `principal` is None for whoever runs the server.
        """
        if principal is not None:
            principal.require_admin()
        problems = [
            *name_problems(name),
            *days_problems(days, field="days", most=MOST_DAYS),
        ]
        if problems:
            raise InvalidInput(errors=problems)
        if len(await self._links.all(LinkKind.INVITATION)) >= MOST_OPEN:
            raise Conflict("There are {count} open invitations already; withdraw some of them.", count=MOST_OPEN)
        async with self._database.write() as connection:
            link, secret = await self._links.invite(
                connection,
                name=name or "",
                role=role,
                made_by=principal.user_id if principal else None,
                lifetime=timedelta(days=days),
            )
            await Audit.record(
                connection,
                principal or Via.COMMAND_LINE,
                "invitation.create",
                name or "",
                {"role": role},
                subject_id=link.id,
            )
        return link, self._public.with_code(PATH, secret)

    async def open_ones(self, principal: Principal) -> list[OpenInvitation]:
        """Those that can still be used, the newest first."""
        principal.require_admin()
        links = await self._links.all(LinkKind.INVITATION)
        names = await self._users.names({link.made_by for link in links if link.made_by})
        return [OpenInvitation(link=link, made_by=names.get(link.made_by or "", "")) for link in links]

    async def revoke(self, principal: Principal, invitation_id: str) -> None:
        principal.require_admin()
        async with self._database.write() as connection:
            link = await self._links.end(connection, LinkKind.INVITATION, invitation_id)
            if link is None:
                raise NotFound
            await Audit.record(connection, principal, "invitation.revoke", link.name, subject_id=link.id)

    async def look(self, code: str) -> AccountLink:
        """What the code invites to, which uses nothing up; raises `Gone` when it is none, or none any more."""
        link = await self._links.find(LinkKind.INVITATION, code)
        if link is None:
            raise _is_over()
        return link

    async def accept(
        self, code: str, *, name: str, password: str, language: str | None, time_zone: str | None, address: str
    ) -> User:
        """Use it up: the account that was made. Raises as `look` does, `InvalidInput` and `Conflict` for the name."""
        link = await self.look(code)
        assert link.role is not None
        user = await self._accounts.prepared_user(
            name=name, password=password, role=link.role, language=language, time_zone=time_zone
        )
        names = await self._users.names([link.made_by] if link.made_by else [])
        async with self._database.write() as connection:
            if not await self._links.use(connection, link):
                raise _is_over()
            require_no(await self._users.add(connection, user))  # else the transaction gives the link back
            detail = {"role": link.role, "by": "invitation", "invited_by": names.get(link.made_by or "", "")}
            await Audit.record(
                connection, Via.STRANGER, "user.create", user.name, detail, subject_id=user.id, address=address
            )
        return user


def _is_over() -> Gone:
    return Gone("This invitation was used, withdrawn or is too old. Ask for a new one.", code="invitation_over")
