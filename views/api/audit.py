"""`/admin/audit`: who did what, searched and taken out as a file."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web

from server.auth.audit import AuditLine, AuditOutcome, Via
from server.auth.audit_search import AuditFilter
from server.auth.permissions import Principal
from server.http.endpoint import Call, Endpoint
from server.http.values import DigitText, Id, Limit, Moment
from server.operations.audit import AuditPage
from server.operations.audit_files import AuditFormat
from server.operations.audited_things import thing_of
from views.audit_export import send_audit
from views.audit_links import page_of

Looked = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
ActionName = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,31}(\.[a-z_]{1,31})?$")]


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`action` is `thing.verb`. `subject` is what the thing was called then, `subject_id` which one it was.

    `user_id` is null for whoever has no account: see `via`. `page` is null for what is gone and what has no page.
    """

    id: int
    at: datetime
    via: Via
    user_id: str | None
    user_name: str
    token_id: str | None
    token_name: str | None
    action: str
    outcome: AuditOutcome
    thing: str
    subject: str
    subject_id: str
    page: str | None
    detail: dict[str, Any]
    address: str


class AuditList(msgspec.Struct, frozen=True, kw_only=True):
    """`is_counted` is false where there are more than `total`: past 10,000 they are not counted."""

    items: list[AuditEntry]
    next_cursor: str | None
    total: int
    is_counted: bool


class AuditChoice(msgspec.Struct, frozen=True, kw_only=True):
    """All of it must be so. `user` is a name or an id, also of somebody who is gone; `token` is an id.

    `action` is one (`dataset.delete`) or all of a thing (`dataset`); `thing` is part of a name, or an id; `address` is
    how it begins; `since` is in, `until` is not. `q` looks for words in names, actions, things and addresses.
    """

    q: str | None = None
    user: Looked | None = None
    token: Id | None = None
    via: tuple[Via, ...] = ()
    action: tuple[ActionName, ...] = ()
    thing: Looked | None = None
    outcome: tuple[AuditOutcome, ...] = ()
    address: Looked | None = None
    since: Moment | None = None
    until: Moment | None = None


class AuditQuery(AuditChoice, frozen=True, kw_only=True):
    limit: Limit = 50
    cursor: DigitText | None = None


class AuditExportQuery(AuditChoice, frozen=True, kw_only=True):
    format: AuditFormat = AuditFormat.CSV


async def list_audit(call: Call[None, AuditQuery]) -> AuditList:
    query = call.query
    before = None if query.cursor is None else int(query.cursor)
    page = await call.operations.audit.page(call.principal, _filter(query), limit=query.limit, before=before)
    items = [_entry(line, page, call.principal) for line in page.lines]
    return AuditList(items=items, next_cursor=page.next_cursor, total=page.total, is_counted=page.is_counted)


async def export_audit(call: Call[None, AuditExportQuery]) -> web.StreamResponse:
    return await send_audit(call.request, call.principal, _filter(call.query), call.query.format)


def _filter(query: AuditChoice) -> AuditFilter:
    return AuditFilter(
        text=query.q or "",
        user=query.user or "",
        token_id=query.token or "",
        vias=query.via,
        actions=query.action,
        thing=query.thing or "",
        outcomes=query.outcome,
        address=query.address or "",
        since=query.since,
        until=query.until,
    )


def _entry(line: AuditLine, page: AuditPage, reader: Principal) -> AuditEntry:
    return AuditEntry(
        **{name: getattr(line, name) for name in AuditLine.__slots__},
        token_name=page.token_names.get(line.token_id or ""),
        thing=thing_of(line.action),
        page=page_of(line, reader, page.present),
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/admin/audit",
        name="api_audit",
        handler=list_audit,
        summary="Who did what, newest first",
        access="admin",
        query=AuditQuery,
        answer=AuditList,
    ),
    Endpoint(
        method="GET",
        path="/admin/audit/export",
        name="api_audit_export",
        handler=export_audit,
        summary="The same as a file; that it was taken out is written down as well",
        access="admin",
        query=AuditExportQuery,
        answer_type=("text/csv", "application/x-ndjson"),
    ),
]
