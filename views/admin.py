"""The administrators' page: live connections, jobs of all, and the system's figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from aiohttp import web

from server.auth.permissions import Principal
from server.clock import utc_now
from server.errors import InvalidInput, NotFound
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of, parts_of
from server.jobs.job import State
from server.jobs.job_filter import JobFilter
from server.monitoring.uptime import GapKind
from server.operations.connections import LEVELS
from views.context import render
from views.field_errors import errors_by_field

_JOBS_SHOWN = 20
_GAPS_SHOWN = 50
_CONNECTIONS_SHOWN = 200
_CONNECTIONS_IN_OVERVIEW = 100
_SHOWN_APART = ("event_loop", "storage")
_POOLS = ("workers", "interactive", "exports")
_OF_ONE_NODE = (*_SHOWN_APART, "broker")
_SECTIONS = ("overview", "connections", "storage", "settings")


async def admin_page(request: web.Request) -> web.Response:
    """`/admin` shows the overview, `/admin/<section>` one of the others."""
    principal = require_principal(request, "admin")
    section = request.match_info.get("section", "overview")
    if section not in _SECTIONS:
        raise web.HTTPNotFound
    return await render(
        request, f"admin/{section}.html", section=section, **await _content(request, principal, section)
    )


async def admin_overview(request: web.Request) -> web.Response:
    """The overview's figures alone, for their live refresh."""
    principal = require_principal(request, "admin")
    return await render(request, "admin/_overview.html", **await _overview(request, principal))


async def admin_health(request: web.Request) -> web.Response:
    """How the server does, alone, for its live refresh."""
    principal = require_principal(request, "admin")
    return await render(request, "admin/_health.html", **await _health(request, principal))


async def connection_rows(request: web.Request) -> web.Response:
    """The list of connections alone, for its live refresh."""
    principal = require_principal(request, "admin")
    return await render(request, "admin/_connections.html", **await _connections(request, principal))


async def ask_to_close(request: web.Request) -> web.Response:
    """The question before a connection is closed, with a field for the reason."""
    principal = require_principal(request, "admin")
    connection = await operations_of(request).connections.one(principal, request.match_info["id"])
    if connection is None:
        raise web.HTTPSeeOther("/admin/connections?gone=1")
    return await render(request, "admin/close_connection.html", section="connections", connection=connection)


async def close_connection(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    form = await read_form(request)
    connection_id = request.match_info["id"]
    try:
        await operations_of(request).connections.close(principal, connection_id, reason=form.get("reason", "").strip())
    except NotFound:
        raise web.HTTPSeeOther("/admin/connections?gone=1") from None
    raise web.HTTPSeeOther("/admin/connections?closed=1")


async def broadcast(request: web.Request) -> web.Response:
    """`POST /admin/broadcast` from the form: a notification for everybody."""
    principal = require_principal(request, "admin")
    form = await read_form(request)
    try:
        count = await operations_of(request).connections.broadcast(
            principal,
            title=form.get("title", "").strip(),
            body=form.get("body", "").strip(),
            level=form.get("level", "info"),
            url=form.get("url", "").strip(),
        )
    except InvalidInput as error:
        content = await _connections(request, principal) | {"form": form, "problems": errors_by_field(request, error)}
        return await render(request, "admin/connections.html", 422, section="connections", **content)
    raise web.HTTPSeeOther(f"/admin/connections?told={count}")


async def _connections(request: web.Request, principal: Principal) -> dict[str, Any]:
    query = request.query.get("q", "").strip()
    page = await operations_of(request).connections.everybody(
        principal, q=query or None, limit=_CONNECTIONS_SHOWN, cursor=request.query.get("cursor")
    )
    is_whole = operations_of(request).connections.are_all_known
    return {"page": page, "q": query, "is_whole": is_whole, "levels": LEVELS, "form": {}, "problems": {}}


async def _content(request: web.Request, principal: Principal, section: str) -> dict[str, Any]:
    admin = operations_of(request).admin
    if section == "settings":
        return {"settings": admin.settings(principal)}
    if section == "storage":
        return {
            "storage": await operations_of(request).retention.everybodys(principal),
            "disk": (await admin.statistics(principal))["disk"],
        }
    if section == "connections":
        return await _connections(request, principal)
    return await _overview(request, principal) | await _health(request, principal)


async def _health(request: web.Request, principal: Principal) -> dict[str, Any]:
    present = await operations_of(request).monitoring.present(principal)
    running = await operations_of(request).jobs.list(principal, JobFilter(states=(State.RUNNING,), limit=_JOBS_SHOWN))
    started = [job.started_at for job in running.items if job.started_at]
    gaps = present.availability["30d"].gaps
    return {
        "present": present,
        "storage": parts_of(request).room.statistics(),
        "connected": await operations_of(request).connections.count(principal),
        "running": running.total or 0,
        "longest": (utc_now() - min(started)).total_seconds() if started else None,
        "outages": [gap for gap in gaps if gap.kind is GapKind.DOWN],
        "all_gaps": gaps[::-1][:_GAPS_SHOWN],
    }


async def _overview(request: web.Request, principal: Principal) -> dict[str, Any]:
    live = JobFilter(states=(State.RUNNING, State.QUEUED), limit=_JOBS_SHOWN)
    page = await operations_of(request).jobs.list(principal, live)
    admin = operations_of(request).admin
    statistics = await admin.statistics(principal)
    at_work = [(pool, each) for pool in _POOLS for each in statistics[pool].at_work]
    people = {job.owner_id for job in page.items} | {each.user_id for _, each in at_work}
    return {
        "statistics": statistics,
        "at_work": at_work,
        "runs_jobs": bool(statistics["jobs"].heavy_slots),
        "titles": {job.id: job.title for job in page.items},
        "figures": _figures(statistics, but=_SHOWN_APART if parts_of(request).settings.broker_url else _OF_ONE_NODE),
        "page": page,
        "owners": await admin.names(principal, people),
        "connections": await operations_of(request).connections.everybody(principal, limit=_CONNECTIONS_IN_OVERVIEW),
    }


def _figures(statistics: dict[str, Any], *, but: Collection[str]) -> dict[str, list[tuple[str, Any]]]:
    """The single figures that each running part tells, by the names they have in the code."""
    parts = {name: told for name, told in statistics.items() if dataclasses.is_dataclass(told) and name not in but}
    return {
        part: [
            (field.name, value)
            for field in dataclasses.fields(told)
            if isinstance(value := getattr(told, field.name), int | float | str)
        ]
        for part, told in parts.items()
    }
