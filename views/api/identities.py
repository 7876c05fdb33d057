"""`/me/identities`: accounts elsewhere that one can sign in with. Linking one takes a browser."""

from __future__ import annotations

from datetime import datetime

import msgspec

from server.http.endpoint import Call, Endpoint, ShortPage
from server.http.short_lists import cut
from server.storage.pages import Listing


class IdentityInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`issuer` and `subject` are who it is; `label` is how they were called when it was linked."""

    id: str
    issuer: str
    subject: str
    label: str
    created_at: datetime
    used_at: datetime | None


class IdentityList(Listing[IdentityInfo], frozen=True, kw_only=True):
    pass


async def list_identities(call: Call[None, ShortPage]) -> IdentityList:
    found = await call.operations.openid.identities(call.principal)
    page = cut(found, call.query, lambda identity: f"{identity.issuer} {identity.subject} {identity.label}")
    items = [msgspec.convert(identity, IdentityInfo, from_attributes=True) for identity in page.items]
    return IdentityList(items=items, next_cursor=page.next_cursor, total=page.total)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/me/identities",
        name="api_identities",
        handler=list_identities,
        summary="Accounts elsewhere that I can sign in with",
        query=ShortPage,
        answer=IdentityList,
    ),
]
