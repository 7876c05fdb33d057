"""`/api/v1/admin/groups`: groups of people, to whom things can be shared."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec

from server.auth.groups import Group
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, ShortPage
from server.http.short_lists import cut
from server.http.values import AnyName, UserName
from server.storage.pages import Listing

_PLACES = {"name": AnyName}
_Members = Annotated[list[UserName], msgspec.Meta(max_length=10_000)]


class GroupItem(msgspec.Struct, frozen=True, kw_only=True):
    """`members` are names of users."""

    name: str
    members: list[str]
    created_at: datetime
    links: dict[str, str]


class GroupList(Listing[GroupItem], frozen=True, kw_only=True):
    pass


class NewGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: UserName
    members: _Members = []


class GroupChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is; `members` replace all there were."""

    name: UserName | None = None
    members: _Members | None = None


async def list_groups(call: Call[None, ShortPage]) -> GroupList:
    found = await call.operations.groups.list(call.principal)
    page = cut(found, call.query, lambda group: " ".join([group.name, *group.members]))
    items = [_item(group) for group in page.items]
    return GroupList(items=items, next_cursor=page.next_cursor, total=page.total)


async def create_group(call: Call[NewGroup, NoQuery]) -> GroupItem:
    return _item(await call.operations.groups.create(call.principal, call.body.name, call.body.members))


async def get_group(call: Call[None, NoQuery]) -> GroupItem:
    return _item(await call.operations.groups.get(call.principal, call.path["name"]))


async def change_group(call: Call[GroupChange, NoQuery]) -> GroupItem:
    body = call.body
    changed = await call.operations.groups.change(
        call.principal, call.path["name"], new_name=body.name, members=body.members
    )
    return _item(changed)


async def delete_group(call: Call[None, NoQuery]) -> None:
    await call.operations.groups.delete(call.principal, call.path["name"])


def _item(group: Group) -> GroupItem:
    links = {"self": outside(f"/api/v1/admin/groups/{quote(group.name, safe='')}")}
    return GroupItem(name=group.name, members=group.members, created_at=group.created_at, links=links)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/admin/groups",
        name="api_groups",
        handler=list_groups,
        summary="Groups of people by name",
        access="admin",
        query=ShortPage,
        answer=GroupList,
    ),
    Endpoint(
        method="POST",
        path="/admin/groups",
        name="api_create_group",
        handler=create_group,
        summary="Make a group",
        access="admin",
        body=NewGroup,
        answer=GroupItem,
        status=201,
        errors=(409, 422),
    ),
    Endpoint(
        method="GET",
        path="/admin/groups/{name}",
        places=_PLACES,
        name="api_group",
        handler=get_group,
        summary="One group and who is in it",
        access="admin",
        answer=GroupItem,
        errors=(404,),
    ),
    Endpoint(
        method="PATCH",
        path="/admin/groups/{name}",
        places=_PLACES,
        name="api_change_group",
        handler=change_group,
        summary="Rename a group, or say who is in it",
        access="admin",
        body=GroupChange,
        answer=GroupItem,
        errors=(404, 409, 422),
    ),
    Endpoint(
        method="DELETE",
        path="/admin/groups/{name}",
        places=_PLACES,
        name="api_delete_group",
        handler=delete_group,
        summary="Delete a group, and what was shared with it is shared with its members no more",
        access="admin",
        status=204,
        errors=(404,),
    ),
]
