"""`/me/passkeys`: keys of devices that sign me in. Browsers make them; a page of one's own uses these doors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.auth.passkeys import Passkey
from server.http.endpoint import Call, Endpoint, NoQuery, ShortPage
from server.http.short_lists import cut
from server.http.values import line
from server.operations.passkeys import MAX_NAME
from server.storage.pages import Listing
from views.api.second_factors import PasswordAgain

PasskeyName = Annotated[str, line(MAX_NAME, least=1)]


class PasskeyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`is_synced`: it is on several devices, by whoever makes them."""

    id: str
    name: str
    is_synced: bool
    created_at: datetime
    last_used_at: datetime | None


class PasskeyList(Listing[PasskeyInfo], frozen=True, kw_only=True):
    pass


class PasskeyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`options` are for `PublicKeyCredential.parseCreationOptionsFromJSON`; `sealed` comes back with the answer."""

    options: dict[str, Any]
    sealed: str


class MadePasskey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`answer` is what `toJSON()` of the browser's credential says."""

    name: PasskeyName
    answer: dict[str, Any]
    sealed: Annotated[str, msgspec.Meta(max_length=2_000)]


class PasskeyRenaming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: PasskeyName


async def list_passkeys(call: Call[None, ShortPage]) -> PasskeyList:
    page = cut(await call.operations.passkeys.mine(call.principal), call.query, lambda passkey: passkey.name)
    items = [_info(passkey) for passkey in page.items]
    return PasskeyList(items=items, next_cursor=page.next_cursor, total=page.total)


async def begin(call: Call[PasswordAgain, NoQuery]) -> PasskeyOptions:
    options, sealed = await call.operations.passkeys.begin(call.principal, password=call.body.current_password)
    return PasskeyOptions(options=options, sealed=sealed)


async def add(call: Call[MadePasskey, NoQuery]) -> PasskeyInfo:
    body = call.body
    return _info(
        await call.operations.passkeys.add(call.principal, name=body.name, answer=body.answer, sealed=body.sealed)
    )


async def rename(call: Call[PasskeyRenaming, NoQuery]) -> None:
    await call.operations.passkeys.rename(call.principal, call.path["passkey_id"], call.body.name)


async def remove(call: Call[None, NoQuery]) -> None:
    await call.operations.passkeys.remove(call.principal, call.path["passkey_id"])


async def revoke(call: Call[None, NoQuery]) -> None:
    await call.operations.passkeys.revoke(call.principal, call.path["user_id"], call.path["passkey_id"])


def _info(passkey: Passkey) -> PasskeyInfo:
    return msgspec.convert(passkey, PasskeyInfo, from_attributes=True)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/me/passkeys",
        name="api_passkeys",
        handler=list_passkeys,
        summary="My passkeys",
        query=ShortPage,
        answer=PasskeyList,
    ),
    Endpoint(
        method="POST",
        path="/me/passkeys/begin",
        name="api_begin_passkey",
        handler=begin,
        summary="What a browser makes a passkey from",
        body=PasswordAgain,
        answer=PasskeyOptions,
        errors=(409, 429),
    ),
    Endpoint(
        method="POST",
        path="/me/passkeys",
        name="api_add_passkey",
        handler=add,
        summary="Keep a passkey that a browser made",
        body=MadePasskey,
        answer=PasskeyInfo,
        status=201,
        errors=(409,),
    ),
    Endpoint(
        method="PATCH",
        path="/me/passkeys/{passkey_id}",
        name="api_rename_passkey",
        handler=rename,
        summary="Call a passkey of mine otherwise",
        body=PasskeyRenaming,
        status=204,
    ),
    Endpoint(
        method="DELETE",
        path="/me/passkeys/{passkey_id}",
        name="api_remove_passkey",
        handler=remove,
        summary="Remove a passkey of mine",
        status=204,
    ),
    Endpoint(
        method="DELETE",
        path="/admin/users/{user_id}/passkeys/{passkey_id}",
        name="api_revoke_passkey",
        handler=revoke,
        summary="Remove a passkey of a user whose device was stolen",
        access="admin",
        status=204,
    ),
]
