"""Pages of schedules: what comes when, one of them, and what is done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from server.auth.access import Whose
from server.clock import utc_now
from server.deliveries.delivery import BatchDelivered
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.schedules.schedule import Schedule, ScheduleRun
from server.schedules.timing import DaysMeant, days_meant
from views.context import formats_for, render
from views.countries import country_name
from views.deliveries import is_to_me
from views.schedule_calendar import calendar_of, days_of, month_of
from views.schedule_words import said_when

_PER_PAGE = 50
_RUNS_LOOKED_AT = 5  # of each in a list: whether one of them goes on
_HELD_PER_PAGE = 10


async def schedules_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    operations = operations_of(request).schedules
    is_all = principal.is_admin and request.query.get("whose") == "all"
    q = request.query.get("q", "")
    page = await operations.list(
        principal,
        whose=Whose.ALL if is_all else Whose.MINE,
        q=q,
        limit=_PER_PAGE,
        cursor=str(whole_number(request.query.get("cursor", ""), at_most=10**9) or 0),
    )
    runs = await operations.runs(principal, page.items, limit=_RUNS_LOOKED_AT)
    month = month_of(request.query.get("month", ""), utc_now(), principal.time_zone)
    days = days_of(month, principal.time_zone)
    return await render(
        request,
        "schedules/_list.html" if "fragment" in request.query else "schedules/list.html",
        page=page,
        q=q,
        is_all=is_all,
        held=await operations_of(request).held_addresses.list(
            principal,
            whose=Whose.ALL if is_all else Whose.MINE,
            limit=_HELD_PER_PAGE,
            cursor=str(whole_number(request.query.get("held", ""), at_most=10**9) or 0),
        ),
        told=[_told(request, each) for each in page.items],
        runs=runs,
        troubled=await operations_of(request).deliveries.troubled(principal, page.items),
        month=month,
        calendar=calendar_of(
            page.items,
            await operations.runs_by_day(principal, page.items, days),
            month,
            now=utc_now(),
            time_zone=principal.time_zone,
            delivered=await operations_of(request).deliveries.delivered(principal, page.items, days[0], days[-1]),
        ),
    )


async def schedule_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    schedule = await operations_of(request).schedules.get(principal, request.match_info["id"])
    runs = await operations_of(request).schedules.runs(principal, [schedule], limit=_PER_PAGE)
    times = operations_of(request).schedules.next_times(schedule)
    return await render(
        request,
        "schedules/_detail.html" if "fragment" in request.query else "schedules/detail.html",
        schedule=schedule,
        told=_told(request, schedule),
        runs=runs[schedule.id],
        delivered={each.batch_id: each for each in await _delivered(request, schedule, runs[schedule.id])},
        optouts=await operations_of(request).unsubscribing.of_schedule(principal, schedule.id),
        times=times,
        calendar_name=country_name(schedule.calendar, formats_for(request).locale),
        calendar_end=operations_of(request).schedules.calendar_end(schedule, times),
        days_meant=days_meant(schedule.cron) if schedule.cron else DaysMeant.ONE,
    )


async def _delivered(request: web.Request, schedule: Schedule, runs: Sequence[ScheduleRun]) -> Sequence[BatchDelivered]:
    """What became of the deliveries of these runs."""
    if not runs:
        return []
    deliveries = operations_of(request).deliveries
    return await deliveries.delivered(require_principal(request), [schedule], runs[-1].created_at, utc_now())


async def pause_schedule(request: web.Request) -> web.Response:
    return await _turned(request, is_on=False)


async def resume_schedule(request: web.Request) -> web.Response:
    return await _turned(request, is_on=True)


async def run_schedule(request: web.Request) -> web.Response:
    principal, operations = require_principal(request, "write"), operations_of(request).schedules
    run_it = operations.run_to_me if is_to_me(await read_form(request)) else operations.run
    run = await run_it(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"/schedules/{run.schedule_id}")


async def take_over_schedule(request: web.Request) -> web.Response:
    """By an administrator, from somebody whose account is disabled."""
    principal = require_principal(request, "admin")
    over = operations_of(request).schedule_handover
    taken = await over.hand_over(principal, request.match_info["id"], principal.user_name)
    raise web.HTTPSeeOther(f"/schedules/{taken.id}")


async def delete_schedule(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).schedules.delete(principal, request.match_info["id"])
    raise web.HTTPSeeOther("/schedules")


async def _turned(request: web.Request, *, is_on: bool) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).schedules.change(principal, request.match_info["id"], {"enabled": is_on})
    raise web.HTTPSeeOther(f"/schedules/{request.match_info['id']}")


def _told(request: web.Request, schedule: Schedule) -> dict[str, Any]:
    """What a page says of one beside its fields."""
    times = operations_of(request).schedules.next_times(schedule, 1)
    return {"schedule": schedule, "said": said_when(request, schedule.cron), "next": times[0] if times else None}
