"""Live connections: one's own, everybody's for administrators, and telling everybody something."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from server.http.endpoint import Call, Endpoint, NoQuery, PageById, ShortPage
from server.http.short_lists import cut
from server.http.values import described, line
from server.operations.connections import ConnectionOperations
from server.realtime.presence import Presence
from server.storage.pages import Listing

_VISIBLE = r"^[^\x00]*[^\x00\s][^\x00]*$"
_OWN_PATH = r"^(?:/(?:[^/\\\x00-\x1f\x7f-\xa0][^\x00-\x1f\x7f-\xa0]*)?)?$"


class ConnectionList(Listing[Presence], frozen=True, kw_only=True):
    """`is_whole` is false while other nodes cannot be asked: these are those of the node that answered."""

    is_whole: bool


class Closing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reason` is told to whoever is at the other end."""

    reason: Annotated[str, line(100)] = ""


class Broadcast(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A notification for every user; it waits for those who are away. `url` is a path of this server."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200), described(pattern=_VISIBLE)]
    body: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    level: Literal["info", "success", "warning", "error"] = "info"
    url: Annotated[str, described(maxLength=500, pattern=_OWN_PATH)] = ""


class BroadcastAnswer(msgspec.Struct, frozen=True, kw_only=True):
    users: int


async def list_own(call: Call[None, ShortPage]) -> ConnectionList:
    found = await call.operations.connections.own(call.principal)
    page = cut(found, call.query, lambda each: f"{each.device} {each.address} {each.client_id}")
    return _listed(call.operations.connections, page)


async def list_all(call: Call[None, PageById]) -> ConnectionList:
    query = call.query
    page = await call.operations.connections.everybody(
        call.principal, q=query.q, limit=query.limit, cursor=query.cursor
    )
    return _listed(call.operations.connections, page)


def _listed(connections: ConnectionOperations, page: Listing[Presence]) -> ConnectionList:
    return ConnectionList(
        items=list(page.items), next_cursor=page.next_cursor, total=page.total, is_whole=connections.are_all_known
    )


async def close(call: Call[None, Closing]) -> None:
    await call.operations.connections.close(call.principal, call.path["connection_id"], reason=call.query.reason)


async def broadcast(call: Call[Broadcast, NoQuery]) -> BroadcastAnswer:
    body = call.body
    users = await call.operations.connections.broadcast(
        call.principal, title=body.title, body=body.body, level=body.level, url=body.url
    )
    return BroadcastAnswer(users=users)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/connections",
        name="api_own_connections",
        handler=list_own,
        summary="My live connections",
        query=ShortPage,
        answer=ConnectionList,
    ),
    Endpoint(
        method="GET",
        path="/admin/connections",
        name="api_connections",
        handler=list_all,
        summary="Everybody's live connections, the oldest first",
        access="admin",
        query=PageById,
        answer=ConnectionList,
    ),
    Endpoint(
        method="DELETE",
        path="/admin/connections/{connection_id}",
        name="api_close_connection",
        handler=close,
        summary="Close a live connection, telling why",
        access="admin",
        query=Closing,
        status=204,
    ),
    Endpoint(
        method="POST",
        path="/admin/broadcast",
        name="api_broadcast",
        handler=broadcast,
        summary="Tell every user something",
        access="admin",
        body=Broadcast,
        answer=BroadcastAnswer,
        status=201,
    ),
]
