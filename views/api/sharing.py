"""`/api/v1/…/access`: who else may see or change a dataset, a template or a batch. And who there is to share with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from server.auth.access import Right
from server.auth.grants import MOST_GRANTS, Grant
from server.errors import InvalidInput
from server.http.endpoint import Call, Endpoint, NoQuery, encoded
from server.http.values import DatasetName, TemplateName, UserName
from server.operations.sharing import Shared
from views.api.owners import OwnerQuery

AccessCall = Call[Any, Any]


class GrantItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """To whom, exactly one of `user`, `group` and `everyone` (who has an account); and what: `view` or `edit`."""

    user: UserName | None = None
    group: UserName | None = None
    everyone: Literal[True] | None = None
    right: Literal["view", "edit"]


class AccessItem(msgspec.Struct, frozen=True, kw_only=True):
    """`right` is your own. `grants` are all there are for the owner, for others those that reach them."""

    owner: str
    right: Right
    grants: list[GrantItem]


class AccessChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`grants` replace all there were. What GET says besides (`owner`, `right`) may come back, and changes nothing."""

    grants: Annotated[list[GrantItem], msgspec.Meta(max_length=MOST_GRANTS)]
    owner: str | None = None
    right: Right | None = None


class PeopleItem(msgspec.Struct, frozen=True, kw_only=True):
    users: list[str]
    groups: list[str]


def grant_of(item: GrantItem) -> Grant:
    return Grant(user=item.user, group=item.group, everyone=bool(item.everyone), right=Right(item.right))


def _getting(kind: str) -> Callable[[AccessCall], Awaitable[web.Response]]:
    async def get_access(call: AccessCall) -> web.Response:
        owner = getattr(call.query, "owner", None)
        return _answer(await call.operations.sharing.get(call.principal, kind, _thing(call), owner=owner))

    return get_access


def _putting(kind: str) -> Callable[[AccessCall], Awaitable[web.Response]]:
    async def put_access(call: AccessCall) -> web.Response:
        shared = await call.operations.sharing.put(
            call.principal,
            kind,
            _thing(call),
            [grant_of(each) for each in call.body.grants],
            owner=getattr(call.query, "owner", None),
            expected=_expected(call.request),
        )
        return _answer(shared)

    return put_access


async def list_people(call: Call[None, NoQuery]) -> PeopleItem:
    people = await call.operations.sharing.people(call.principal)
    return PeopleItem(users=list(people.users), groups=list(people.groups))


def _thing(call: AccessCall) -> str:
    return call.path["id"] if "id" in call.path else call.path["name"]


def _answer(shared: Shared) -> web.Response:
    grants = [
        GrantItem(
            user=each.user,
            group=each.group,
            everyone=True if each.everyone else None,
            right="edit" if each.right is Right.EDIT else "view",
        )
        for each in shared.grants
    ]
    item = AccessItem(owner=shared.sight.owner, right=shared.sight.right, grants=grants)
    return encoded(item, headers={"ETag": f'"{shared.tag}"'} if shared.tag else None)


def _expected(request: web.Request) -> str | None:
    tags = request.if_match
    if tags and len(tags) != 1:
        raise InvalidInput("If-Match must hold one entity tag, as it was in the answer of GET.")
    return tags[0].value if tags else None


def _endpoints(kind: str, path: str, places: dict[str, Any], query: type[msgspec.Struct]) -> list[Endpoint]:
    return [
        Endpoint(
            method="GET",
            path=path,
            places=places,
            name=f"api_{kind}_access",
            handler=_getting(kind),
            summary="Whose it is, what you may do, with whom it is shared; its owner gets an entity tag for If-Match",
            query=query,
            answer=AccessItem,
            errors=(404,),
        ),
        Endpoint(
            method="PUT",
            path=path,
            places=places,
            name=f"api_change_{kind}_access",
            handler=_putting(kind),
            summary="Share it with these users, groups or everybody, and nobody else; for its owner and administrators",
            access="write",
            query=query,
            body=AccessChange,
            answer=AccessItem,
            errors=(403, 404, 412, 422),
        ),
    ]


ENDPOINTS = [
    *_endpoints("dataset", "/datasets/{name}/access", {"name": DatasetName}, OwnerQuery),
    *_endpoints("template", "/templates/{name}/access", {"name": TemplateName}, OwnerQuery),
    *_endpoints("batch", "/batches/{id}/access", {}, NoQuery),
    Endpoint(
        method="GET",
        path="/people",
        name="api_people",
        handler=list_people,
        summary="Users and groups to share something with, by name; for editors and administrators",
        access="write",
        answer=PeopleItem,
    ),
]
