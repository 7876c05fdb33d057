"""`/api/v1/favourites` and `/api/v1/recent`: what somebody marked, and what they opened last."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from server.auth.permissions import Principal
from server.auth.things import ThingSeen
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, ShortPage
from server.http.short_lists import cut
from server.storage.pages import Listing
from views.owned import page_of

Kind = Literal["dataset", "template", "batch", "report"]


class ThingItem(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, template, batch or report. `within`: the batch that a report is of. `at`: when it was marked, or
    opened last."""

    kind: Kind
    id: str
    name: str
    owner: str
    within: str
    at: datetime
    links: dict[str, str]


class ThingList(Listing[ThingItem], frozen=True, kw_only=True):
    pass


class FavouriteQuery(ShortPage, frozen=True, kw_only=True):
    """`q` is looked for in names; `cursor` is `next_cursor` of the page before."""

    kind: Kind | None = None


async def list_favourites(call: Call[None, FavouriteQuery]) -> ThingList:
    found = await call.operations.favourites.list(call.principal, kind=call.query.kind or "")
    return _page(call.principal, cut(found, call.query, _name_of))


async def put_favourite(call: Call[None, NoQuery]) -> None:
    await call.operations.favourites.put(call.principal, call.path["kind"], call.path["id"])


async def remove_favourite(call: Call[None, NoQuery]) -> None:
    await call.operations.favourites.remove(call.principal, call.path["kind"], call.path["id"])


async def list_recent(call: Call[None, ShortPage]) -> ThingList:
    found = await call.operations.recently_seen.list(call.principal)
    return _page(call.principal, cut(found, call.query, _name_of))


def _name_of(thing: ThingSeen) -> str:
    return thing.name


def _page(reader: Principal, page: Listing[ThingSeen]) -> ThingList:
    items = [thing_item(reader, thing) for thing in page.items]
    return ThingList(items=items, next_cursor=page.next_cursor, total=page.total)


def thing_item(reader: Principal, thing: ThingSeen) -> ThingItem:
    return ThingItem(
        kind=thing.kind,  # type: ignore[arg-type]
        id=thing.id,
        name=thing.name,
        owner=thing.owner,
        within=thing.within,
        at=thing.at,
        links={"page": outside(page_of(reader, thing))},
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/favourites",
        name="api_favourites",
        handler=list_favourites,
        summary="What you marked as favourites and may still see, newest first",
        query=FavouriteQuery,
        answer=ThingList,
    ),
    Endpoint(
        method="PUT",
        path="/favourites/{kind}/{id}",
        name="api_favourite_put",
        handler=put_favourite,
        summary="Mark a dataset, template, batch or report as a favourite of yours",
        places={"kind": Kind},
        status=204,
        errors=(403, 404, 422),
    ),
    Endpoint(
        method="DELETE",
        path="/favourites/{kind}/{id}",
        name="api_favourite_remove",
        handler=remove_favourite,
        summary="Mark it no more; also for what was not marked",
        places={"kind": Kind},
        status=204,
        errors=(403, 404),
    ),
    Endpoint(
        method="GET",
        path="/recent",
        name="api_recent",
        handler=list_recent,
        summary="The pages of datasets, templates, batches and reports that you opened last, each once, newest first",
        query=ShortPage,
        answer=ThingList,
    ),
]
