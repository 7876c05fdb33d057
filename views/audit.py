"""The administrators' page of the audit log: its filter stays in the address, which can be kept and sent on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from server.auth.audit import AuditOutcome, Via
from server.auth.audit_search import AuditFilter
from server.errors import FieldError, InvalidInput
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.operations.audit import AuditPage
from server.operations.audit_files import AuditFormat
from views.audit_export import send_audit
from views.audit_links import page_of
from views.context import formats_for, render
from views.field_errors import errors_by_field

_LINES_SHOWN = 50
_FIELDS = ("q", "user", "token", "via", "action", "thing", "outcome", "address", "since", "until")
_LONGEST = 200
_KEPT_KINDS = ("audit", "audit_addresses")
_NOTHING = AuditPage(lines=(), next_cursor=None, total=0, is_counted=True, present={}, token_names={})


async def audit_page(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    asked, problem, page = _asked(request), None, _NOTHING
    try:
        wanted = _filter(request, asked)
    except InvalidInput as error:  # shown beside its field; whoever mistypes a day must not think that nothing was done
        problem = error
    else:
        before = whole_number(request.query.get("before"))
        page = await operations_of(request).audit.page(principal, wanted, limit=_LINES_SHOWN, before=before)
    kept = await operations_of(request).retention.of_kinds(principal, _KEPT_KINDS)
    return await render(
        request,
        "admin/audit.html",
        422 if problem else 200,
        section="audit",
        asked={name: asked.get(name, "") for name in _FIELDS},
        problems=errors_by_field(request, problem),
        page=page,
        pages={line.id: page_of(line, principal, page.present) for line in page.lines},
        kept={each.kind: each for each in kept.kinds},
        next_sweep=kept.next_at,
        zone=formats_for(request).zone.key,
        **_links(asked, page, is_later="before" in request.query),
    )


async def export_audit(request: web.Request) -> web.StreamResponse:
    """`GET /admin/audit/export?format=csv` with the fields of the page."""
    principal = require_principal(request, "admin")
    wanted = _filter(request, _asked(request))
    is_csv = request.query.get("format") != AuditFormat.JSON_LINES
    return await send_audit(request, principal, wanted, AuditFormat.CSV if is_csv else AuditFormat.JSON_LINES)


def _asked(request: web.Request) -> dict[str, str]:
    """Only fields that are filled in."""
    texts = {name: request.query.get(name, "").strip()[:_LONGEST] for name in _FIELDS}
    return {name: text for name, text in texts.items() if text}


def _filter(request: web.Request, asked: Mapping[str, str]) -> AuditFilter:
    """Raises `InvalidInput` naming `since` or `until`."""
    return AuditFilter(
        text=asked.get("q", ""),
        user=asked.get("user", ""),
        token_id=asked.get("token", ""),
        vias=[via for via in Via if via == asked.get("via")],
        actions=[asked["action"]] if "action" in asked else [],
        thing=asked.get("thing", ""),
        outcomes=[outcome for outcome in AuditOutcome if outcome == asked.get("outcome")],
        address=asked.get("address", ""),
        since=_moment(request, asked, "since"),
        until=_moment(request, asked, "until"),
    )


def _moment(request: web.Request, asked: Mapping[str, str], field: str) -> datetime | None:
    """As the clock on the reader's wall shows it, unless it says its own offset."""
    if field not in asked:
        return None
    try:
        moment = datetime.fromisoformat(asked[field])
    except ValueError:
        wrong = FieldError(field=field, message="Write a day and a time, such as 2026-11-27T08:30.")
        raise InvalidInput(errors=[wrong]) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=formats_for(request).zone)


def _links(asked: Mapping[str, str], page: AuditPage, *, is_later: bool) -> dict[str, Any]:
    def url(path: str, **more: str | None) -> str:
        query = urlencode({**asked, **{name: value for name, value in more.items() if value}})
        return f"{path}?{query}" if query else path

    return {
        "next_url": url("/admin/audit", before=page.next_cursor) if page.next_cursor else "",
        "first_url": url("/admin/audit") if is_later else "",
        "exports": [(name, url("/admin/audit/export", format=name)) for name in AuditFormat],
    }
