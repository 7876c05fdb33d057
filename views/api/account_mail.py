"""`/me/mail`: of what one is told by mail besides the bell, and at which address."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.values import line
from server.live.notice_kinds import NoticeKind
from server.operations.mail_choices import MailChoice


class MailedKinds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When I am told by mail: an import or a batch is `finished`; something `failed`; a comment; something is `shared`
    with me; a schedule failed, stopped or missed its time; an announcement; a change in how I sign in."""

    finished: bool = False
    failed: bool = False
    commented: bool = False
    shared: bool = False
    scheduled: bool = False
    announced: bool = False
    account: bool = False


class MailedKindsChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    finished: bool | msgspec.UnsetType = msgspec.UNSET
    failed: bool | msgspec.UnsetType = msgspec.UNSET
    commented: bool | msgspec.UnsetType = msgspec.UNSET
    shared: bool | msgspec.UnsetType = msgspec.UNSET
    scheduled: bool | msgspec.UnsetType = msgspec.UNSET
    announced: bool | msgspec.UnsetType = msgspec.UNSET
    account: bool | msgspec.UnsetType = msgspec.UNSET


class AccountMail(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is sent before the address was `confirmed_at` by the link that went there, nor where mail is not set
    up."""

    is_set_up: bool
    address: str | None
    confirmed_at: datetime | None
    kinds: MailedKinds


class AccountMailChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is; `address: null` takes it away. A new one is sent a link that confirms it."""

    address: Annotated[str, line(254, least=3)] | msgspec.UnsetType | None = msgspec.UNSET
    kinds: MailedKindsChange | msgspec.UnsetType = msgspec.UNSET


async def get_mail(call: Call[None, NoQuery]) -> AccountMail:
    return _told(await call.operations.mail_choices.mine(call.principal))


async def change_mail(call: Call[AccountMailChange, NoQuery]) -> AccountMail:
    call.principal.require_own_change()  # also where nothing is named
    choices = call.operations.mail_choices
    if call.body.address is not msgspec.UNSET:  # first: it may be refused
        await choices.set_address(call.principal, call.body.address or "")
    if call.body.kinds is not msgspec.UNSET:
        given = msgspec.to_builtins(call.body.kinds)
        await choices.choose(call.principal, {NoticeKind(kind): is_on for kind, is_on in given.items()})
    return _told(await choices.mine(call.principal))


async def confirm_again(call: Call[None, NoQuery]) -> AccountMail:
    return _told(await call.operations.mail_choices.prove_again(call.principal))


def _told(choice: MailChoice) -> AccountMail:
    kinds: dict[str, Any] = {kind.value: True for kind in choice.kinds}
    return AccountMail(
        is_set_up=choice.is_set_up,
        address=choice.address or None,
        confirmed_at=choice.confirmed_at,
        kinds=MailedKinds(**kinds),
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/me/mail",
        name="api_my_mail",
        handler=get_mail,
        summary="Of what I am told by mail, and where",
        answer=AccountMail,
    ),
    Endpoint(
        method="PATCH",
        path="/me/mail",
        name="api_change_my_mail",
        handler=change_mail,
        summary="Change my mail address, or of what I am told by mail",
        body=AccountMailChange,
        answer=AccountMail,
        errors=(429,),
    ),
    Endpoint(
        method="POST",
        path="/me/mail/confirmation",
        name="api_confirm_my_mail",
        handler=confirm_again,
        summary="Send the link that confirms my mail address once more",
        answer=AccountMail,
        errors=(429,),
    ),
]
