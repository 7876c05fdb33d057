"""Administrators' pages about people: who there is, who is invited, and what one of them signs in with."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.auth.account_links import AccountLink
from server.auth.permissions import Principal, Role
from server.errors import InvalidInput, JinduError
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.operations.invitations import DEFAULT_DAYS
from server.operations.password_resets import DEFAULT_HOURS
from server.operations.schedule_handover import HandedOver
from server.realtime.presence import device_name
from server.schedules.schedule import ScheduleStanding
from server.texts import told
from views.context import formats_for, render
from views.field_errors import errors_by_field
from views.forms import local_target

_USERS_SHOWN = 200
_INVITATION_DAYS = (1, 7, 30)
_LINK_HOURS = (1, 24, 72)
_DONE = frozenset({"revoked", "reset", "passkey"})
Created = tuple[AccountLink, str]


async def users_page(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    return await _users(request, principal)


async def add_user(request: web.Request) -> web.Response:
    """`POST /admin/users` from the form; what is wrong is said beside its field."""
    principal = require_principal(request, "admin")
    form = await read_form(request)
    try:
        await operations_of(request).accounts.create_user(
            principal,
            name=form.get("username", ""),
            password=form.get("password", ""),
            role=_role(form.get("role", "")),
        )
    except JinduError as error:
        return await _users(request, principal, form=form, error=error, wrong_form="user")
    raise web.HTTPSeeOther("/admin/users")


async def change_user(request: web.Request) -> web.Response:
    """`POST /admin/users/{id}`: one of `role`, `disabled` (yes or no), `password`."""
    principal = require_principal(request, "admin")
    form = await read_form(request)
    changes: dict[str, Any] = {}
    if "role" in form:
        changes["role"] = _role(form["role"])
    if "disabled" in form:
        changes["is_disabled"] = form["disabled"] == "yes"
    if "password" in form:
        changes["password"] = form["password"]
    user_id = request.match_info["id"]
    await operations_of(request).admin.change_user(principal, user_id, **changes)
    if changes.get("is_disabled") and await operations_of(request).schedule_handover.counts(principal, [user_id]):
        raise web.HTTPSeeOther(f"/admin/users/{user_id}#schedules")
    raise web.HTTPSeeOther(local_target(form.get("next", "/admin/users")))


async def invite(request: web.Request) -> web.Response:
    """Answers the page itself, not a redirect: the link is in this answer and nowhere else."""
    principal = require_principal(request, "admin")
    form = await read_form(request)
    try:
        created = await operations_of(request).invitations.create(
            principal,
            name=form.get("invited_name", "").strip() or None,
            role=_role(form.get("invited_role", "")),
            days=whole_number(form.get("days", "")) or DEFAULT_DAYS,
        )
    except JinduError as error:
        return await _users(request, principal, form=form, error=error, wrong_form="invitation")
    return await _users(request, principal, created=created)


async def revoke_invitation(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    await operations_of(request).invitations.revoke(principal, request.match_info["invitation_id"])
    raise web.HTTPSeeOther("/admin/users?done=revoked")


async def user_page(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    return await _user(request, principal)


async def hand_over_schedules(request: web.Request) -> web.Response:
    """Answers the page itself: what could not be handed over stands there, with why."""
    principal, user_id = require_principal(request, "admin"), request.match_info["id"]
    to = (await read_form(request)).get("to", "").strip()
    try:
        done = await operations_of(request).schedule_handover.hand_over_all(principal, user_id, to)
    except InvalidInput as error:
        return await _user(request, principal, error=error, to=to)
    return await _user(request, principal, handed=done)


async def make_reset_link(request: web.Request) -> web.Response:
    """Answers the page itself, as `invite` does."""
    principal = require_principal(request, "admin")
    form = await read_form(request)
    try:
        created = await operations_of(request).password_resets.create(
            principal, request.match_info["id"], hours=whole_number(form.get("hours", "")) or DEFAULT_HOURS
        )
    except InvalidInput as error:
        return await _user(request, principal, error=error)
    return await _user(request, principal, created=created)


async def revoke_reset_link(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    user_id = request.match_info["id"]
    await operations_of(request).password_resets.revoke(principal, user_id)
    raise web.HTTPSeeOther(f"/admin/users/{user_id}?done=revoked")


async def reset_second_factor(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    user_id = request.match_info["id"]
    await operations_of(request).second_factors.reset(principal, user_id)
    raise web.HTTPSeeOther(f"/admin/users/{user_id}?done=reset")


async def revoke_passkey(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    user_id = request.match_info["id"]
    await operations_of(request).passkeys.revoke(principal, user_id, request.match_info["passkey_id"])
    raise web.HTTPSeeOther(f"/admin/users/{user_id}?done=passkey")


async def _users(
    request: web.Request,
    principal: Principal,
    *,
    form: dict[str, str] | None = None,
    error: JinduError | None = None,
    wrong_form: str = "",
    created: Created | None = None,
) -> web.Response:
    query = request.query.get("q", "").strip()
    users, _, total = await operations_of(request).admin.users(principal, q=query or None, limit=_USERS_SHOWN)
    over, is_on = operations_of(request).schedule_handover, (ScheduleStanding.ON,)
    usage = await operations_of(request).usage.by_user(principal)
    return await render(
        request,
        "admin/users.html",
        error.status if error else 200,
        section="users",
        users=users,
        total=total,
        q=query,
        roles=list(Role),
        used={user_id: sum(kinds.values()) for user_id, kinds in usage.items()},
        schedules_on=await over.counts(principal, [user.id for user in users], standing=is_on),
        invitations=await operations_of(request).invitations.open_ones(principal),
        invitation_days=_INVITATION_DAYS,
        form=form or {},
        problems=errors_by_field(request, error),
        wrong_form=wrong_form,
        created=created,
        done=_done(request),
    )


async def _user(
    request: web.Request,
    principal: Principal,
    *,
    error: InvalidInput | None = None,
    created: Created | None = None,
    handed: HandedOver | None = None,
    to: str = "",
) -> web.Response:
    admin, user_id = operations_of(request).admin, request.match_info["id"]
    gettext = formats_for(request).gettext
    usage = await operations_of(request).usage.by_user(principal)
    return await render(
        request,
        "admin/user.html",
        error.status if error else 200,
        section="users",
        user=await admin.user(principal, user_id),
        held=await admin.credentials_of(principal, user_id),
        reset_link=await operations_of(request).password_resets.open_one(principal, user_id),
        used=sum(usage.get(user_id, {}).values()),
        schedules=await operations_of(request).schedule_handover.of_user(principal, user_id),
        handed=handed,
        to=to,
        left=[(each.schedule, told(each.problem.message, each.problem.parameters, gettext)) for each in handed.left]
        if handed
        else [],
        roles=list(Role),
        hours=_LINK_HOURS,
        problems=errors_by_field(request, error),
        created=created,
        device_name=device_name,
        done=_done(request),
    )


def _done(request: web.Request) -> str:
    done = request.query.get("done", "")
    return done if done in _DONE else ""


def _role(value: str) -> Role:
    return Role(value) if value in set(Role) else Role.VIEWER
