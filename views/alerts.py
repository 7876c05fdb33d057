"""The administrators' page of alerts: what fires, rules, channels, maintenance, screens, and what is on its way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from server.alerts.alert import AlertChannel
from server.alerts.subject import AlertUnit
from server.alerts.subjects import SUBJECTS, subject_named
from server.auth.permissions import Principal
from server.errors import FieldError, InvalidInput, JinduError, NotFound
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.operations.account_fields import time_zones
from server.operations.alerts import by_cause
from views.api.maintenance import wall_address
from views.context import formats_for, render
from views.field_errors import errors_by_field

_PAGE = "/admin/alerts"
_HISTORY_SHOWN = 30


async def alerts_page(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    return await _page(request, principal)


async def alerts_now(request: web.Request) -> web.Response:
    """What fires and what is on its way, alone, for its live refresh."""
    principal = require_principal(request, "admin")
    return await render(request, "admin/_alerts_now.html", **await _now(request, principal))


async def add_rule(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    form = await read_form(request)
    subject = subject_named(form.get("subject", ""))
    try:
        await operations_of(request).alerts.add_rule(
            principal,
            subject=form.get("subject", ""),
            target=form.get("target", ""),
            threshold=_threshold(form, subject.unit if subject else AlertUnit.COUNT),
            seconds=_seconds(form),
        )
    except JinduError as error:
        return await _again(request, principal, _as_asked(error, subject.unit if subject else None), form, "rule")
    raise web.HTTPSeeOther(f"{_PAGE}#rules")


async def change_rule(request: web.Request) -> web.Response:
    """One rule as its form says: threshold, minutes, which channels, on or off."""
    principal = require_principal(request, "admin")
    form = await read_form(request)
    rule_id = request.match_info["id"]
    standings = await operations_of(request).alerts.rules(principal)
    rule = next((each.rule for each in standings if each.rule.id == rule_id), None)
    if rule is None:
        raise NotFound
    try:
        await operations_of(request).alerts.change_rule(
            principal,
            rule_id,
            threshold=_threshold(form, rule.subject.unit),
            seconds=_seconds(form),
            is_on="is_on" in form,
            channels=[channel for channel in AlertChannel if channel in form.all("channels")],
        )
    except JinduError as error:
        return await _again(request, principal, _as_asked(error, rule.subject.unit), form, rule_id)
    raise web.HTTPSeeOther(f"{_PAGE}#rule-{rule_id}")


async def remove_rule(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    await operations_of(request).alerts.remove_rule(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"{_PAGE}#rules")


async def try_channel(request: web.Request) -> web.Response:
    """Sends a test message and shows what became of it: an answer of its own, since it is true at this moment alone."""
    principal = require_principal(request, "admin")
    form = await read_form(request)
    channel = form.get("channel", "")
    if channel not in set(AlertChannel):
        raise NotFound
    try:
        tried = await operations_of(request).alerts.test(principal, AlertChannel(channel))
    except JinduError as error:
        return await _again(request, principal, error, form, "test")
    return await _page(request, principal, tried=tried)


async def send_again(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    await operations_of(request).alerts.send_again(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"{_PAGE}#outbox")


async def plan_maintenance(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    form = await read_form(request)
    begins_now = form.get("when", "now") == "now"
    try:
        await operations_of(request).maintenance.plan(
            principal,
            minutes=_number(form.get("maintenance_minutes", "")) or 0,
            begin=None if begins_now else form.get("begin", ""),
            time_zone=form.get("time_zone") or None,
            is_weekly="is_weekly" in form and not begins_now,
            note=form.get("note", ""),
        )
    except JinduError as error:
        return await _again(request, principal, error, form, "maintenance")
    raise web.HTTPSeeOther(f"{_PAGE}#maintenance")


async def end_maintenance(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    await operations_of(request).maintenance.end(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"{_PAGE}#maintenance")


async def add_wall(request: web.Request) -> web.Response:
    """The address is shown in this answer and never again."""
    principal = require_principal(request, "admin")
    form = await read_form(request)
    try:
        made, secret = await operations_of(request).wall.add(
            principal, name=form.get("name", ""), shows_names="shows_names" in form
        )
    except JinduError as error:
        return await _again(request, principal, error, form, "wall")
    return await _page(request, principal, made=made, address=wall_address(request, secret))


async def remove_wall(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    await operations_of(request).wall.remove(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"{_PAGE}#walls")


async def _again(
    request: web.Request, principal: Principal, error: JinduError, form: Form, of_form: str
) -> web.Response:
    """The page with what was typed, and beside it what is wrong."""
    problems = errors_by_field(request, error)
    return await _page(request, principal, status=error.status, form=form, problems=problems, of_form=of_form)


async def _page(request: web.Request, principal: Principal, *, status: int = 200, **values: Any) -> web.Response:
    operations = operations_of(request)
    standings = await operations.alerts.rules(principal)
    history, following, total = await operations.alerts.history(
        principal, limit=_HISTORY_SHOWN, before=request.query.get("before") or None
    )
    gettext = formats_for(request).gettext
    shown = {
        "section": "alerts",
        "causes": by_cause(standings),
        "subject_options": [(subject.name, gettext(subject.label)) for subject in SUBJECTS],
        "channels": operations.alerts.channels(principal),
        "history": history,
        "following": following,
        "total": total,
        "heartbeat": operations.alerts.heartbeat(principal),
        "walls": await operations.wall.screens(principal),
        "time_zone_options": [(zone, zone) for zone in sorted(time_zones())],
        "tried": None,
        "made": None,
        "address": "",
        "form": Form([]),
        "problems": {},
        "of_form": "",
        **await _now(request, principal),
    }
    return await render(request, "admin/alerts.html", status, **shown | values)


async def _now(request: web.Request, principal: Principal) -> dict[str, Any]:
    operations = operations_of(request)
    return {
        "present": await operations.monitoring.present(principal),
        "windows": await operations.maintenance.windows(principal),
        "parcels": await operations.alerts.outbox(principal),
    }


def _as_asked(error: JinduError, unit: AlertUnit | None) -> JinduError:
    """With the limits of a share in percent, as the form asks for it."""
    if unit is not AlertUnit.SHARE or not isinstance(error, InvalidInput):
        return error
    return InvalidInput(errors=[_in_percent(each) if each.field == "threshold" else each for each in error.errors])


def _in_percent(problem: FieldError) -> FieldError:
    return replace(
        problem, parameters={name: f"{100 * float(str(limit)):g}" for name, limit in problem.parameters.items()}
    )


def _threshold(form: Form, unit: AlertUnit) -> float | None:
    """Shares are written in percent. None for what was left empty; no number at all is one that no rule can have."""
    text = form.get("threshold", "").strip()
    if not text:
        return None
    number = _number(text)
    if number is None:
        return float("nan")
    return number / 100 if unit is AlertUnit.SHARE else number


def _seconds(form: Form) -> float | None:
    text = form.get("minutes", "").strip()
    if not text:
        return None
    number = _number(text)
    return -1.0 if number is None else number * 60


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
