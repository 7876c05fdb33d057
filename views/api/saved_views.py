"""`/api/v1/views`: views of lists under a name, one's own and those that are shared with everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from server.auth.saved_views import NAME_CHARACTERS, SavedView, ViewedList
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, encoded
from server.http.values import line
from server.operations.saved_views import ViewChanges
from views.saved_views import address_of_view

_ViewName = Annotated[str, line(NAME_CHARACTERS, least=1)]
_ViewValues = Annotated[tuple[Annotated[str, Meta(max_length=300)], ...], Meta(max_length=50)]


class ViewsQuery(Struct, frozen=True, kw_only=True, rename={"of": "list"}):
    """`list`: only views of this one."""

    of: ViewedList | None = None


class NewView(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"of": "list"}):
    """`query` holds the parameters of the address of the list's page, each with its values; `shared`: with everybody
    who has an account."""

    of: ViewedList
    name: _ViewName
    query: dict[str, _ViewValues]
    shared: bool = False


class ViewPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays."""

    name: _ViewName | None = None
    query: dict[str, _ViewValues] | None = None
    shared: bool | None = None


class ViewItem(Struct, frozen=True, kw_only=True, rename={"of": "list"}):
    """`links.page` is the list as the view has it."""

    id: str
    of: ViewedList
    name: str
    query: dict[str, list[str]]
    owner: str
    shared: bool
    created_at: datetime
    updated_at: datetime
    links: dict[str, str]


class ViewList(Struct, frozen=True, kw_only=True):
    """Your own first."""

    items: list[ViewItem]


async def list_views(call: Call[None, ViewsQuery]) -> ViewList:
    found = await call.operations.saved_views.list(call.principal, call.query.of)
    return ViewList(items=[_item(view) for view in found])


async def save_view(call: Call[NewView, NoQuery]) -> web.Response:
    body = call.body
    view = await call.operations.saved_views.save(call.principal, body.of, body.name, body.query, is_shared=body.shared)
    item = _item(view)
    return encoded(item, status=201, headers={"Location": item.links["self"]})


async def get_view(call: Call[None, NoQuery]) -> ViewItem:
    return _item(await call.operations.saved_views.get(call.principal, call.path["id"]))


async def change_view(call: Call[ViewPatch, NoQuery]) -> ViewItem:
    body = call.body
    changes = ViewChanges(name=body.name, query=body.query, is_shared=body.shared)
    return _item(await call.operations.saved_views.change(call.principal, call.path["id"], changes))


async def remove_view(call: Call[None, NoQuery]) -> None:
    await call.operations.saved_views.remove(call.principal, call.path["id"])


def _item(view: SavedView) -> ViewItem:
    return ViewItem(
        id=view.id,
        of=view.of,
        name=view.name,
        query=view.query,
        owner=view.owner,
        shared=view.is_shared,
        created_at=view.created_at,
        updated_at=view.updated_at,
        links={"self": outside(f"/api/v1/views/{view.id}"), "page": outside(address_of_view(view))},
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/views",
        name="list_views",
        handler=list_views,
        summary="Your saved views, and those that others share with everybody",
        query=ViewsQuery,
        answer=ViewList,
    ),
    Endpoint(
        method="POST",
        path="/views",
        name="save_view",
        handler=save_view,
        summary="Save a view of a list; sharing it takes the role of an editor",
        body=NewView,
        answer=ViewItem,
        status=201,
        errors=(403, 409, 422),
    ),
    Endpoint(
        method="GET",
        path="/views/{id}",
        name="get_view",
        handler=get_view,
        summary="One saved view",
        answer=ViewItem,
        errors=(404,),
    ),
    Endpoint(
        method="PATCH",
        path="/views/{id}",
        name="change_view",
        handler=change_view,
        summary="Rename a view, change what it asks for, share it or no longer",
        body=ViewPatch,
        answer=ViewItem,
        errors=(403, 404, 409, 422),
    ),
    Endpoint(
        method="DELETE",
        path="/views/{id}",
        name="remove_view",
        handler=remove_view,
        summary="Remove a view; what it shows stays",
        status=204,
        errors=(403, 404),
    ),
]
