"""`/api/v1/held-addresses`: where mail came back from, and goes to no more."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from server.auth.access import Whose
from server.http.endpoint import Call, Endpoint, NoQuery, PageByNumber
from server.storage.pages import Listing


class HeldAddressAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`said`: what the other side said when mail to it came back for good."""

    id: str
    owner: str
    address: str
    said: str
    batch_id: str
    created_at: datetime


class HeldAddressList(Listing[HeldAddressAnswer], frozen=True, kw_only=True):
    pass


class HeldAddressQuery(PageByNumber, frozen=True, kw_only=True):
    """`whose`: `all` there are, for administrators. `q` stands in the address, or in what was said; `cursor` is
    `next_cursor` of the page before: a number."""

    whose: Literal["mine", "all"] | None = None


async def list_held_addresses(call: Call[None, HeldAddressQuery]) -> HeldAddressList:
    whose = Whose.ALL if call.query.whose == "all" else Whose.MINE
    query = call.query
    page = await call.operations.held_addresses.list(
        call.principal, whose=whose, q=query.q or "", limit=query.limit, cursor=query.cursor
    )
    items = [
        HeldAddressAnswer(**{name: getattr(each, name) for name in HeldAddressAnswer.__struct_fields__})
        for each in page.items
    ]
    return HeldAddressList(items=items, next_cursor=page.next_cursor, total=page.total)


async def allow_held_address(call: Call[None, NoQuery]) -> None:
    await call.operations.held_addresses.allow(call.principal, call.path["id"])


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/held-addresses",
        name="api_held_addresses",
        handler=list_held_addresses,
        summary="Addresses that your mail came back from, and goes to no more; the newest first",
        query=HeldAddressQuery,
        answer=HeldAddressList,
    ),
    Endpoint(
        method="DELETE",
        path="/held-addresses/{id}",
        name="api_held_address_allow",
        handler=allow_held_address,
        summary="Let mail go to an address again",
        access="write",
        status=204,
        errors=(404,),
    ),
]
