"""The form of a schedule: what comes; of reports, which template; then when, and with which values."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from server.clock import utc_now
from server.delivery.wishes import DeliveryVia
from server.errors import InvalidInput, JinduError
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.operations.deliveries import DeliveryPreview
from server.operations.schedule_runs.queries import ALERT_VIAS
from server.operations.schedule_wishes import DELIVERED, ScheduleWish, wish_of
from server.reports.named_days import RANGES
from server.schedules.plans import RunsWhat
from server.schedules.schedule import Schedule
from views.context import formats_for, render
from views.countries import country_choices, country_of_zone
from views.deliveries import previewed
from views.delivery_forms import MOST_FORM_BYTES, MOST_FORM_FIELDS, groups_of, regrouped
from views.field_errors import errors_by_field
from views.owned import parted
from views.schedule_fields import changes_of, filled
from views.schedule_kinds import FORMS, kind_named, kind_of
from views.template_forms import FormField, fields_of, parameters_from
from views.time_zones import time_zone_choices

_TEMPLATES_OFFERED = 200
_OTHERS_OFFERED = 200
# Words that a parameter of days takes instead of a day, which would be the same for ever.
_DAY_WORDS = {
    "date": ("today", "yesterday", "start_of_month", "start_of_last_month", "end_of_last_month", "start_of_year"),
    "month": ("this_month", "last_month"),
    "range": RANGES,
}


async def new_schedule_page(request: web.Request) -> web.Response:
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
        wish = ScheduleWish(template=template, owner=owner, **changes_of(form))
        if form.get("try"):
            return await _form(request, name, form, preview=await previewed(request, wish.order))
        schedule = await operations_of(request).schedules.create(principal, wish)
    except InvalidInput as error:
        return await _form(request, name, form, error=error)
    raise web.HTTPSeeOther(f"/schedules/{schedule.id}")


async def edit_schedule_page(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    schedule = await operations_of(request).schedules.get(principal, request.match_info["id"])
    return await _form(request, _key_of(schedule), filled(schedule), schedule=schedule)


async def change_schedule(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    operations = operations_of(request).schedules
    schedule = await operations.get(principal, request.match_info["id"])
    form = await _read(request)
    if (changed := regrouped(form)) is not None:
        return await _form(request, _key_of(schedule), changed, schedule=schedule)
    try:
        changes = changes_of(form, before=schedule)
        if form.get("try"):
            wish = msgspec.structs.replace(wish_of(schedule), **changes)
            preview = await previewed(request, wish.order)
            return await _form(request, _key_of(schedule), form, schedule=schedule, preview=preview)
        await operations.change(principal, schedule.id, changes)
    except InvalidInput as error:
        return await _form(request, _key_of(schedule), form, schedule=schedule, error=error)
    raise web.HTTPSeeOther(f"/schedules/{schedule.id}")


async def _read(request: web.Request) -> Form:
    """With the one field of a template's page, `mail_to`, as the fields of a delivery."""
    form = await read_form(request, limit_bytes=MOST_FORM_BYTES, max_fields=MOST_FORM_FIELDS)
    mail_to = form.get("mail_to", "").strip()
    return Form([("via", DeliveryVia.MAIL.value), ("to", mail_to), *form.pairs()]) if mail_to else form


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


def _key_of(schedule: Schedule) -> str:
    if schedule.template_owner is None or schedule.template_owner_id == schedule.owner_id:
        return schedule.template_name
    return f"{schedule.template_owner}:{schedule.template_name}"
