"""`/api/v1/links`: addresses by which people without an account see a report or a batch."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from server.auth.passwords import MAX_LENGTH
from server.http.addresses import public_origin
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, PageByNumber, encoded
from server.http.values import Id, described
from server.operations.share_links import DEFAULT_END, MIN_PASSWORD, KnownLink, WantedLink
from server.reports.share_links import ShareLink
from server.storage.pages import Listing

_PASSWORD = described(maxLength=MAX_LENGTH, pattern=r"^(?:[^\x00-\x1f\x7f-\x9f]{6,})?$")
assert MIN_PASSWORD == 6  # as the pattern says


class ShareLinkRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one `report` or one `batch`. `expires_at`: RFC 3339, or a day (`2026-11-30`: to its end in your time
    zone); left out: in 30 days; null: never, where the server allows that. `password`: whoever opens the link is asked
    for it."""

    report: Id | None = None
    batch: Id | None = None
    expires_at: Annotated[str, Meta(max_length=40)] | UnsetType | None = UNSET
    password: Annotated[str, _PASSWORD] | None = None

    @property
    def wanted(self) -> WantedLink:
        return WantedLink(
            report_id=self.report,
            batch_id=self.batch,
            expires_at=DEFAULT_END if isinstance(self.expires_at, UnsetType) else self.expires_at,
            password=self.password or "",
        )


class ShareLinkItem(Struct, frozen=True, kw_only=True):
    """A share link. Either `report` or `batch` is null, `title` is what the other is called.

    `url` is for who made it, and null for others and for tokens that only read. `state`: `open` leads there; `ended`
    no longer; `resting` not at present, since whoever made it may not share the thing any more. `openings` counts
    people, not machines or files.
    """

    id: str
    url: str | None
    report: str | None
    batch: str | None
    title: str
    made_by: str
    created_at: datetime
    expires_at: datetime | None
    has_password: bool
    state: Literal["open", "ended", "resting"]
    openings: int
    last_opened_at: datetime | None
    links: dict[str, str]


class ShareLinkList(Listing[ShareLinkItem], frozen=True, kw_only=True):
    pass


class ShareLinkQuery(PageByNumber, frozen=True, kw_only=True):
    """`report`, `batch`: only the links that show this one."""

    report: Id | None = None
    batch: Id | None = None


async def make_link(call: Call[ShareLinkRequest, NoQuery]) -> web.Response:
    made = await call.operations.share_links.make(call.principal, call.body.wanted)
    item = link_item(call.request, made)
    return encoded(item, status=201, headers={"Location": item.links["self"]})


async def list_links(call: Call[None, ShareLinkQuery]) -> ShareLinkList:
    page = await call.operations.share_links.links(
        call.principal,
        report_id=call.query.report,
        batch_id=call.query.batch,
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    return ShareLinkList(
        items=[link_item(call.request, known) for known in page.items], next_cursor=page.next_cursor, total=page.total
    )


async def get_link(call: Call[None, NoQuery]) -> ShareLinkItem:
    return link_item(call.request, await call.operations.share_links.link(call.principal, call.path["id"]))


async def revoke_link(call: Call[None, NoQuery]) -> None:
    await call.operations.share_links.revoke(call.principal, call.path["id"])


def link_address(request: web.Request, known: KnownLink) -> str | None:
    """Where it leads, for whoever it is told to."""
    return f"{public_origin(request)}/s/{known.secret}" if known.secret else None


def page_of_thing(link: ShareLink) -> str:
    """Where those who have an account see what it shows."""
    return outside(f"/reports/{link.report_id}") if link.report_id else outside(f"/batches/{link.batch_id}")


def link_item(request: web.Request, known: KnownLink) -> ShareLinkItem:
    link = known.link
    return ShareLinkItem(
        id=link.id,
        url=link_address(request, known),
        report=link.report_id,
        batch=None if link.report_id else link.batch_id,
        title=link.title,
        made_by=link.maker_name,
        created_at=link.created_at,
        expires_at=link.expires_at,
        has_password=bool(link.password_hash),
        state=known.state.value,
        openings=link.openings,
        last_opened_at=link.last_opened_at,
        links={"self": outside(f"/api/v1/links/{link.id}"), "page": page_of_thing(link)},
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/links",
        name="api_links",
        handler=list_links,
        summary="Share links that you made or that show what is yours, newest first; administrators see all",
        query=ShareLinkQuery,
        answer=ShareLinkList,
        errors=(404,),
    ),
    Endpoint(
        method="POST",
        path="/links",
        name="api_link_make",
        handler=make_link,
        summary="Make an address by which people without an account see a report or a batch",
        access="write",
        body=ShareLinkRequest,
        answer=ShareLinkItem,
        status=201,
        errors=(404, 422),
    ),
    Endpoint(
        method="GET",
        path="/links/{id}",
        name="api_link",
        handler=get_link,
        summary="One share link: how it stands, how often it was opened",
        answer=ShareLinkItem,
        errors=(404,),
    ),
    Endpoint(
        method="DELETE",
        path="/links/{id}",
        name="api_link_revoke",
        handler=revoke_link,
        summary="Revoke a share link; whoever opens it from now on finds nothing",
        status=204,
        errors=(404,),
    ),
]
