"""The fields by which people choose jobs on a page, in its address and in its forms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from server.auth.saved_views import FIELDS as SAVED_FIELDS
from server.auth.saved_views import ViewedList
from server.clock import utc_now
from server.errors import NotFound
from server.http.guards import require_principal
from server.http.parts import operations_of, parts_of
from server.jobs.job import Completeness, State
from server.jobs.job_filter import JobFilter
from views.context import formats_for

FIELDS = SAVED_FIELDS[ViewedList.JOBS]
SPANS = {"1": 1, "7": 7, "30": 30}  # days
ENDED = "ended"  # of `when`: the times are those of the end


async def filter_of(request: web.Request, wanted: Mapping[str, str]) -> JobFilter:
    """From `FIELDS`; what makes no sense is as if it were not there. Days are those of the reader's time zone."""
    state = wanted["state"]
    since, until = _times(wanted, formats_for(request).zone)
    by_end = wanted["when"] == ENDED
    owner_id, nobody = await _owner(request, wanted["user"])
    return JobFilter(
        owner_id=owner_id,
        states=[each for each in State if each == state],
        outcomes=[Completeness.PARTIAL] if state == Completeness.PARTIAL else [],
        kinds=(wanted["kind"],) if wanted["kind"] in parts_of(request).job_kinds.names() else (),
        errors=(wanted["error"],) if wanted["error"] else (),
        reason=wanted["reason"],
        text=wanted["q"],
        since=None if by_end else since,
        until=None if by_end else until,
        ended_since=since if by_end else None,
        ended_until=until if by_end else None,
        ids=() if nobody else None,
    )


def senseless_in(request: web.Request, wanted: Mapping[str, str]) -> list[str]:
    """Names of those that stand in the address and say nothing: the list is as if they were not there."""
    states = {*map(str, State), Completeness.PARTIAL.value}
    means_something = {
        "state": wanted["state"] in states,
        "kind": wanted["kind"] in parts_of(request).job_kinds.names(),
        "within": wanted["within"] in SPANS,
        "when": wanted["when"] == ENDED,
        "user": require_principal(request).is_admin,
        "from": _day(wanted["from"]) is not None,
        "to": _day(wanted["to"]) is not None,
    }
    return [name for name, is_meant in means_something.items() if wanted[name] and not is_meant]


async def _owner(request: web.Request, name: str) -> tuple[str | None, bool]:
    """Whose jobs are meant, for administrators; true when there is nobody of this name."""
    principal = require_principal(request)
    if not name or not principal.is_admin:
        return None, False
    try:
        return await operations_of(request).jobs.owner_named(principal, name), False
    except NotFound:
        return None, True


def _times(wanted: Mapping[str, str], zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    first, last = _day(wanted["from"]), _day(wanted["to"])
    since = None if first is None else datetime.combine(first, time.min, zone)
    until = None if last is None else datetime.combine(last + timedelta(days=1), time.min, zone)
    days = SPANS.get(wanted["within"])
    if days is not None and since is None:
        since = utc_now() - timedelta(days=days)
    return since, until


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(1970, 1, 1) < found < date(9999, 1, 1) else None
