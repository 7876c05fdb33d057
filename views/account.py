"""One's own account: language and time zone, password, devices, API tokens."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from server.auth.permissions import SCOPES_OF_ROLE, Principal, Scope
from server.auth.tokens import Token
from server.clock import utc_now
from server.errors import FieldError, InvalidInput, JinduError
from server.http.based_requests import base_path_of
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.http.sessions import LANGUAGE_COOKIE
from server.live.notice_kinds import BELL_CHOICES
from server.live.notice_mails import ABOUT
from server.numerals import whole_number
from server.operations.tokens import NewToken
from server.realtime.presence import Presence, device_name
from views.context import render
from views.field_errors import errors_by_field
from views.time_zones import time_zone_choices

_DONE = frozenset({"settings", "notifications", "address", "password", "session", "sessions", "token"})
_EXPIRIES = (30, 90, 365)


async def account_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    return await _page(request, principal, done=request.query.get("done", ""))


async def devices(request: web.Request) -> web.Response:
    """The list of devices alone, for its live refresh."""
    principal = require_principal(request)
    return await render(request, "account/_devices.html", **await _devices(request, principal))


async def save_settings(request: web.Request) -> web.Response:
    principal = require_principal(request)
    form = await read_form(request)
    language = form.get("language", "")
    changes = {
        "language": language or None,
        "time_zone": form.get("time_zone") or None,
    }
    try:
        await operations_of(request).accounts.change_me(principal, changes)
    except InvalidInput as error:
        return await _page(request, principal, form=form, error=error)
    response = _done("settings")
    base = base_path_of(request)
    response.del_cookie(base.cookie(LANGUAGE_COOKIE), path=base.of_cookies)  # the account decides from now on
    return response


async def change_password(request: web.Request) -> web.Response:
    principal = require_principal(request)
    form = await read_form(request)
    try:
        if form.get("new_password", "") != form.get("new_password_again", ""):
            again = FieldError(field="new_password_again", message="The two passwords differ.")
            raise InvalidInput(errors=[again])
        await operations_of(request).accounts.change_password(
            principal, current=form.get("current_password", ""), new=form.get("new_password", "")
        )
    except JinduError as error:
        return await _page(request, principal, error=error, section="password")
    return _done("password")


async def end_session(request: web.Request) -> web.Response:
    principal = require_principal(request)
    await operations_of(request).sessions.end(principal, request.match_info["session_id"])
    return _done("session")


async def end_other_sessions(request: web.Request) -> web.Response:
    principal = require_principal(request)
    await operations_of(request).sessions.end_others(principal)
    return _done("sessions")


async def create_token(request: web.Request) -> web.Response:
    """Answers the page itself, not a redirect: the secret is in this answer and nowhere else."""
    principal = require_principal(request)
    form = await read_form(request)
    try:
        created = await operations_of(request).tokens.create(principal, _wanted_token(form))
    except JinduError as error:
        return await _page(request, principal, form=form, error=error, section="token")
    return await _page(request, principal, created=created)


async def delete_token(request: web.Request) -> web.Response:
    principal = require_principal(request)
    await operations_of(request).tokens.delete(principal, request.match_info["token_id"])
    return _done("token")


async def account_with_error(
    request: web.Request, principal: Principal, form: dict[str, str], error: JinduError, *, section: str
) -> web.Response:
    """The page with a form that was refused, of one of its sections."""
    return await _page(request, principal, form=form, error=error, section=section)


async def _page(
    request: web.Request,
    principal: Principal,
    *,
    form: dict[str, str] | None = None,
    error: JinduError | None = None,
    section: str = "settings",
    created: tuple[Token, str] | None = None,
    done: str = "",
) -> web.Response:
    user = await operations_of(request).accounts.me(principal)
    values: dict[str, Any] = {
        "user": user,
        **await _devices(request, principal),
        "zones": await asyncio.to_thread(time_zone_choices, utc_now(), chosen=principal.time_zone),
        "scopes": sorted(SCOPES_OF_ROLE[principal.role], key=list(Scope).index),
        "expiries": _EXPIRIES,
        "mail": await operations_of(request).mail_choices.mine(principal),
        "push": next((each for each in await operations_of(request).push.mine(principal) if each.is_current), None),
        "told_about": ABOUT,
        "bell_choices": BELL_CHOICES,
        "usage": await operations_of(request).usage.mine(principal),
        "storage": await operations_of(request).retention.mine(principal),
    }
    return await render(
        request,
        "account/account.html",
        error.status if error else 200,
        form=form or {},
        problems=errors_by_field(request, error),
        wrong_section=section if error else "",
        created=created,
        done=done if done in _DONE else "",
        **values,
    )


async def _devices(request: web.Request, principal: Principal) -> dict[str, Any]:
    """Where somebody is signed in, and which of it is connected at this moment."""
    operations = operations_of(request)
    connections = await operations.connections.own(principal)
    tokens = await operations.tokens.mine(principal)
    names = {token.id: token.name for token in tokens}
    by_session: dict[str, list[Presence]] = {}
    for each in connections:
        by_session.setdefault(each.session_id or "", []).append(each)
    return {
        # this device first, then by last use
        "sessions": sorted(await operations.sessions.mine(principal), key=lambda each: each.id != principal.session_id),
        "tokens": tokens,
        "connections": by_session,
        "programs": [(names.get(each.token_id, ""), each) for each in connections if each.token_id],
        "device_name": device_name,
    }


def _wanted_token(form: dict[str, str]) -> NewToken:
    scopes = frozenset(scope for scope in Scope if form.get(f"scope_{scope}"))
    if not scopes:
        raise InvalidInput(errors=[FieldError(field="scopes", message="Choose what the token may do.")])
    days = form.get("days", "")
    chosen = whole_number(days)
    return NewToken(name=form.get("name", "").strip(), scopes=scopes, days=chosen if chosen in _EXPIRIES else None)


def _done(what: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/account?done={what}"})
