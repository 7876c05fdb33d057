"""`/admin/invitations` and `/admin/users/{user_id}/reset-link`: links that an administrator hands over."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from server.auth.permissions import Role
from server.http.endpoint import Call, Endpoint, NoQuery, ShortPage
from server.http.short_lists import cut
from server.http.values import UserName
from server.operations.invitations import DEFAULT_DAYS, MOST_DAYS
from server.operations.password_resets import DEFAULT_HOURS, MOST_HOURS
from server.storage.pages import Listing


class NewInvitation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name` is only proposed: who is invited chooses one."""

    role: Role = Role.EDITOR
    name: UserName | None = None
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] = DEFAULT_DAYS


class CreatedInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """`link` is shown this once; it is a path when the server was not told its `public_url`."""

    id: str
    link: str
    role: Role
    name: str
    expires_at: datetime


class InvitationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One that nobody has used yet. `made_by` is a name, empty for whoever runs the server."""

    id: str
    role: Role
    name: str
    made_by: str
    created_at: datetime
    expires_at: datetime


class InvitationList(Listing[InvitationInfo], frozen=True, kw_only=True):
    pass


class NewResetLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    expires_in_hours: Annotated[int, msgspec.Meta(ge=1, le=MOST_HOURS)] = DEFAULT_HOURS


class CreatedResetLink(msgspec.Struct, frozen=True, kw_only=True):
    """`link` is shown this once; it is a path when the server was not told its `public_url`."""

    link: str
    expires_at: datetime


async def create_invitation(call: Call[NewInvitation, NoQuery]) -> CreatedInvitation:
    body = call.body
    invitation, link = await call.operations.invitations.create(
        call.principal, role=body.role, name=body.name, days=body.expires_in_days
    )
    return CreatedInvitation(
        id=invitation.id, link=link, role=body.role, name=invitation.name, expires_at=invitation.expires_at
    )


async def list_invitations(call: Call[None, ShortPage]) -> InvitationList:
    found = await call.operations.invitations.open_ones(call.principal)
    page = cut(found, call.query, lambda each: f"{each.link.name} {each.made_by}")
    items = [
        InvitationInfo(
            id=each.link.id,
            role=each.link.role or Role.VIEWER,
            name=each.link.name,
            made_by=each.made_by,
            created_at=each.link.created_at,
            expires_at=each.link.expires_at,
        )
        for each in page.items
    ]
    return InvitationList(items=items, next_cursor=page.next_cursor, total=page.total)


async def revoke_invitation(call: Call[None, NoQuery]) -> None:
    await call.operations.invitations.revoke(call.principal, call.path["invitation_id"])


async def create_reset_link(call: Call[NewResetLink, NoQuery]) -> CreatedResetLink:
    created, link = await call.operations.password_resets.create(
        call.principal, call.path["user_id"], hours=call.body.expires_in_hours
    )
    return CreatedResetLink(link=link, expires_at=created.expires_at)


async def revoke_reset_link(call: Call[None, NoQuery]) -> None:
    await call.operations.password_resets.revoke(call.principal, call.path["user_id"])


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/admin/invitations",
        name="api_invitations",
        handler=list_invitations,
        summary="Invitations that nobody has used yet",
        access="admin",
        query=ShortPage,
        answer=InvitationList,
    ),
    Endpoint(
        method="POST",
        path="/admin/invitations",
        name="api_invite",
        handler=create_invitation,
        summary="Make a link with which somebody makes an account; it is shown this once",
        access="admin",
        body=NewInvitation,
        answer=CreatedInvitation,
        status=201,
        errors=(409,),
    ),
    Endpoint(
        method="DELETE",
        path="/admin/invitations/{invitation_id}",
        name="api_revoke_invitation",
        handler=revoke_invitation,
        summary="Withdraw an invitation",
        access="admin",
        status=204,
    ),
    Endpoint(
        method="POST",
        path="/admin/users/{user_id}/reset-link",
        name="api_reset_link",
        handler=create_reset_link,
        summary="Make a link with which a user chooses a new password; it is shown this once",
        access="admin",
        body=NewResetLink,
        answer=CreatedResetLink,
        status=201,
        errors=(409,),
    ),
    Endpoint(
        method="DELETE",
        path="/admin/users/{user_id}/reset-link",
        name="api_revoke_reset_link",
        handler=revoke_reset_link,
        summary="Withdraw that link",
        access="admin",
        status=204,
    ),
]
