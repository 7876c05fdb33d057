"""Pages of schedules: what comes when, one of them, and the form that needs no cron."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec
from aiohttp import web

from server.auth.access import Whose
from server.clock import utc_now
from server.deliveries.delivery import BatchDelivered
from server.delivery.wishes import DeliveryVia
from server.errors import InvalidInput, JinduError
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.operations.deliveries import DeliveryPreview
from server.operations.schedule_runs.queries import ALERT_VIAS
from server.operations.schedule_wishes import DELIVERED, ScheduleWish, wish_of
from server.reports.named_days import RANGES
from server.reports.work import FileFormat
from server.schedules.plans import PLAN_FIELDS, RunsWhat
from server.schedules.schedule import DEFAULT_QUIET_SECONDS, Missed, Overlap, Schedule, ScheduleRun
from server.schedules.timing import ors_days
from server.schedules.words import CronWords, Pattern, words_of
from server.schedules.workdays import DayOff, OnlyOn
from views.context import formats_for, render
from views.countries import country_choices, country_name, country_of_zone
from views.deliveries import is_to_me, previewed
from views.delivery_forms import MOST_FORM_BYTES, MOST_FORM_FIELDS, form_of, groups_of, regrouped, wishes_of
from views.field_errors import errors_by_field
from views.owned import parted
from views.schedule_calendar import calendar_of, days_of, month_of
from views.schedule_kinds import FORMS, kind_named, kind_of
from views.template_forms import FormField, fields_of, parameters_from
from views.time_zones import time_zone_choices

_PER_PAGE = 50
_TEMPLATES_OFFERED = 200
_OTHERS_OFFERED = 200
_RUNS_LOOKED_AT = 5  # of each in a list: whether one of them goes on
_HELD_PER_PAGE = 10
_MONTH = 31  # days there are at most
_WHEN_IMPORT, _WHEN_SCHEDULE = "import", "schedule"
# Words that a parameter of days takes instead of a day, which would be the same for ever.
_DAY_WORDS = {
    "date": ("today", "yesterday", "start_of_month", "start_of_last_month", "end_of_last_month", "start_of_year"),
    "month": ("this_month", "last_month"),
    "range": RANGES,
}


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
        ors_days=bool(schedule.cron) and ors_days(schedule.cron),
    )


async def _delivered(request: web.Request, schedule: Schedule, runs: Sequence[ScheduleRun]) -> Sequence[BatchDelivered]:
    """What became of the deliveries of these runs."""
    if not runs:
        return []
    deliveries = operations_of(request).deliveries
    return await deliveries.delivered(require_principal(request), [schedule], runs[-1].created_at, utc_now())


async def new_schedule_page(request: web.Request) -> web.Response:
    """What comes; of reports, which template; then when, and with which values."""
    principal = require_principal(request, "write")
    kind, name = kind_named(request.query.get("runs", "")), request.query.get("template")
    if kind is not RunsWhat.BATCH:
        return await _form(request, "", Form([("repeat", "daily"), *request.query.items()]))
    if not name:
        page = await operations_of(request).templates.list(principal, limit=_TEMPLATES_OFFERED)
        return await render(request, "schedules/choose.html", page=page, kind=kind)
    return await _form(request, name, Form([("repeat", "monthly"), *request.query.items()]))


async def create_schedule(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    form = await _read(request)
    name = form.get("template", "")
    if (changed := regrouped(form)) is not None:
        return await _form(request, name, changed)
    try:
        template, owner = parted(name) if name else ("", None)
        wish = ScheduleWish(template=template, owner=owner, **_changes(form))
        if form.get("try"):
            return await _form(request, name, form, preview=await previewed(request, wish.order))
        schedule = await operations_of(request).schedules.create(principal, wish)
    except InvalidInput as error:
        return await _form(request, name, form, error=error)
    raise web.HTTPSeeOther(f"/schedules/{schedule.id}")


async def edit_schedule_page(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    schedule = await operations_of(request).schedules.get(principal, request.match_info["id"])
    return await _form(request, _key_of(schedule), _filled(schedule), schedule=schedule)


async def change_schedule(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    operations = operations_of(request).schedules
    schedule = await operations.get(principal, request.match_info["id"])
    form = await _read(request)
    if (changed := regrouped(form)) is not None:
        return await _form(request, _key_of(schedule), changed, schedule=schedule)
    try:
        changes = _changes(form, before=schedule)
        if form.get("try"):
            wish = msgspec.structs.replace(wish_of(schedule), **changes)
            preview = await previewed(request, wish.order)
            return await _form(request, _key_of(schedule), form, schedule=schedule, preview=preview)
        await operations.change(principal, schedule.id, changes)
    except InvalidInput as error:
        return await _form(request, _key_of(schedule), form, schedule=schedule, error=error)
    raise web.HTTPSeeOther(f"/schedules/{schedule.id}")


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


async def _read(request: web.Request) -> Form:
    """With the one field of a template's page, `mail_to`, as the fields of a delivery."""
    form = await read_form(request, limit_bytes=MOST_FORM_BYTES, max_fields=MOST_FORM_FIELDS)
    mail_to = form.get("mail_to", "").strip()
    return Form([("via", DeliveryVia.MAIL.value), ("to", mail_to), *form.pairs()]) if mail_to else form


async def _turned(request: web.Request, *, is_on: bool) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).schedules.change(principal, request.match_info["id"], {"enabled": is_on})
    raise web.HTTPSeeOther(f"/schedules/{request.match_info['id']}")


def _told(request: web.Request, schedule: Schedule) -> dict[str, Any]:
    """What a page says of one beside its fields."""
    times = operations_of(request).schedules.next_times(schedule, 1)
    return {"schedule": schedule, "words": words_of(schedule.cron), "next": times[0] if times else None}


async def _form(
    request: web.Request,
    name: str,
    given: Mapping[str, str],
    *,
    schedule: Schedule | None = None,
    error: JinduError | None = None,
    preview: tuple[DeliveryPreview, int] | None = None,
) -> web.Response:
    """With the fields of when, which all have, and those of what is run."""
    principal = require_principal(request, "write")
    operations = operations_of(request)
    form = given if isinstance(given, Form) else Form(list(given.items()))
    errors = errors_by_field(request, error)
    kind = kind_of(form, schedule)
    others = await operations.schedules.list(principal, limit=_OTHERS_OFFERED)
    zone = form.get("time_zone") or principal.time_zone
    own = FORMS[kind].context(request) if kind in FORMS else _batch_fields(request, name, form, errors)
    return await render(
        request,
        "schedules/form.html",
        status=error.status if error else 200,
        kind=kind,
        schedule=schedule,
        given=form,
        datasets=[(name, name) for name in await operations.template_starts.datasets(principal)],
        others=[(each.id, each.name) for each in others.items if schedule is None or each.id != schedule.id],
        zones=await asyncio.to_thread(time_zone_choices, utc_now(), chosen=zone),
        zone=zone,
        calendars=await asyncio.to_thread(country_choices, formats_for(request).locale),
        calendar=given.get("calendar") or country_of_zone(zone),
        errors=errors,
        error=error,
        ways=_ways(operations.deliveries.checks.ways(), kind),
        delivery_problems=[text for field, text in errors.items() if field.startswith("deliveries")],
        groups=groups_of(form),
        preview=preview[0] if preview else None,
        preview_shown=preview[1] if preview else 0,
        **await own,
    )


def _ways(ways: list[DeliveryVia], kind: RunsWhat) -> list[DeliveryVia]:
    """By which what is run may be told of."""
    if kind is RunsWhat.QUERY:
        return [via for via in ways if via in ALERT_VIAS]
    return ways if kind in DELIVERED else []


async def _batch_fields(request: web.Request, name: str, form: Form, errors: Mapping[str, str]) -> dict[str, Any]:
    principal = require_principal(request, "write")
    templates = operations_of(request).templates
    stored = await templates.get(principal, parted(name)[0], owner=parted(name)[1])
    check = await templates.check(principal, stored.source, owner_id=stored.owner_id)
    chosen = parameters_from(form.pairs())
    choices = await templates.choices(principal, stored, given=chosen)
    wrong = {field.rpartition(".")[2]: text for field, text in errors.items() if field.startswith("parameters")}
    types = {each.name: each.type for each in check.summary.parameters}
    return {
        "stored": stored,
        "summary": check.summary,
        "fields": [
            _by_words(field, types[field.name], chosen)
            for field in fields_of(check.summary, choices, chosen, errors=wrong)
            if not field.each
        ],
        "formats": form.all("format") or list(check.summary.formats),
    }


def _by_words(field: FormField, type: str, chosen: Mapping[str, Any]) -> FormField:  # noqa: A002
    """A fixed day would be wrong the next time: days are chosen by what they mean."""
    words = _DAY_WORDS.get(type)
    if words is None:
        return field
    value = chosen.get(field.name, "")
    return FormField(
        name=field.name,
        label=field.label,
        kind="select",
        value=str(value) if not isinstance(value, dict) else "",
        values=(),
        required=field.required,
        hint=field.hint,
        error=field.error,
        options=tuple((word, word.replace("_", " ")) for word in words),
    )


def _changes(form: Form, *, before: Schedule | None = None) -> dict[str, Any]:
    """What the form says; what it does not show, such as a query for the parameters, stays."""
    repeat, kind = form.get("repeat", ""), kind_of(form, before)
    quiet = whole_number(form.get("quiet_minutes", ""), at_most=24 * 60)
    changes: dict[str, Any] = {
        "name": form.get("name", "").strip(),
        "cron": "" if repeat in (_WHEN_IMPORT, _WHEN_SCHEDULE) else _cron(form, repeat),
        "after_import": form.get("after_import", "") if repeat == _WHEN_IMPORT else "",
        "after_schedule": form.get("after_schedule", "") if repeat == _WHEN_SCHEDULE else "",
        "time_zone": form.get("time_zone", ""),
        "quiet_seconds": DEFAULT_QUIET_SECONDS if quiet is None else quiet * 60,
        "missed": _one_of(Missed, form.get("missed", ""), Missed.ONCE),
        "overlap": _one_of(Overlap, form.get("overlap", ""), Overlap.QUEUE),
        **_workdays(form, has_times=repeat not in (_WHEN_IMPORT, _WHEN_SCHEDULE)),
    }
    if kind is not RunsWhat.BATCH:
        changes |= {"runs": kind, PLAN_FIELDS[kind]: FORMS[kind].plan(form, before.ordered if before else None)}
    if kind not in DELIVERED:
        return changes
    changes["deliveries"] = wishes_of(form, before.ordered.deliveries if before else ())
    if kind is not RunsWhat.BATCH:
        return changes
    formats = [name for name in get_args(FileFormat) if name in form.all("format")]
    if formats:
        changes["formats"] = formats
    wanted = before.ordered.parameters if before else None
    if isinstance(wanted, dict) or (isinstance(wanted, list) and len(wanted) > 1):
        return changes
    values = parameters_from(form.pairs())
    changes["parameters"] = [values] if values else None
    return changes


def _workdays(form: Form, *, has_times: bool) -> dict[str, Any]:
    """`days_off` is empty where it comes on these as well."""
    day_off = form.get("days_off", "")
    if not has_times or day_off not in list(DayOff):
        return {"only_on": OnlyOn.EACH, "calendar": "", "day_off": DayOff.SKIP}
    return {"only_on": OnlyOn.WORKDAYS, "calendar": form.get("calendar", ""), "day_off": DayOff(day_off)}


def _cron(form: Form, repeat: str) -> str:
    pattern = _one_of(Pattern, repeat, Pattern.OWN)
    return CronWords(
        pattern=pattern,
        time=form.get("time", ""),
        weekday=whole_number(form.get("weekday", ""), at_most=6) or 0,
        day=whole_number(form.get("day", ""), at_most=_MONTH) or 1,
        cron=form.get("cron", "").strip(),
    ).as_cron()


def _one_of(kind: Any, said: str, otherwise: Any) -> Any:
    return kind(said) if said in {each.value for each in kind} else otherwise


def _key_of(schedule: Schedule) -> str:
    if schedule.template_owner is None or schedule.template_owner_id == schedule.owner_id:
        return schedule.template_name
    return f"{schedule.template_owner}:{schedule.template_name}"


def _filled(schedule: Schedule) -> Form:
    """The form as it would have been sent."""
    words = words_of(schedule.cron)
    repeat = words.pattern.value
    if schedule.dataset_name:
        repeat = _WHEN_IMPORT
    elif schedule.leader_id:
        repeat = _WHEN_SCHEDULE
    pairs = [
        ("name", schedule.name),
        ("repeat", repeat),
        ("time", words.time),
        ("weekday", str(words.weekday)),
        ("day", str(words.day)),
        ("cron", schedule.cron),
        ("after_import", schedule.dataset_name),
        ("after_schedule", schedule.leader_id or ""),
        ("time_zone", schedule.time_zone),
        ("quiet_minutes", str(schedule.quiet_seconds // 60)),
        ("missed", schedule.missed.value),
        ("overlap", schedule.overlap.value),
        ("days_off", schedule.day_off.value if schedule.calendar else ""),
        ("calendar", schedule.calendar),
        *(("format", each) for each in schedule.ordered.formats),
        *(FORMS[schedule.runs].filled(schedule.ordered) if schedule.runs in FORMS else ()),
        *form_of(schedule.ordered.deliveries),
    ]
    wanted = schedule.ordered.parameters
    if isinstance(wanted, list) and len(wanted) == 1:
        for name, value in wanted[0].items():
            pairs += [(f"p.{name}", str(each)) for each in (value if isinstance(value, list) else [value])]
    return Form(pairs)
