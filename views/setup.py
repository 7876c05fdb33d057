"""The first page of a new server: whoever has the link from its console makes the first administrator."""

from __future__ import annotations

import asyncio

from aiohttp import web

from server.clock import utc_now
from server.errors import FieldError, InvalidInput
from server.http.addresses import client_address
from server.http.forms import read_form
from server.http.parts import operations_of
from server.http.sessions import remember, remember_device
from server.operations.account_fields import time_zones
from server.operations.first_run import wrong_setup_code
from views.context import language_of, render
from views.field_errors import errors_by_field
from views.time_zones import likely_time_zone, time_zone_choices


async def setup_page(request: web.Request) -> web.Response:
    first_run, code = operations_of(request).first_run, request.query.get("code", "")
    if not await first_run.is_pending():
        raise web.HTTPSeeOther("/")
    if not await first_run.is_code(code):
        raise wrong_setup_code()
    return await _page(request, {"code": code})


async def setup(request: web.Request) -> web.Response:
    """Makes the administrator and signs them in."""
    first_run, sessions = operations_of(request).first_run, operations_of(request).sessions
    if not await first_run.is_pending():
        raise web.HTTPSeeOther("/")
    form = await read_form(request)
    try:
        _require_same_passwords(form)
        user = await first_run.create_admin(
            form.get("code", ""),
            name=form.get("username", "").strip(),
            password=form.get("password", ""),
            language=form.get("language") or None,
            time_zone=form.get("time_zone", "UTC"),
            address=client_address(request),
        )
    except InvalidInput as error:
        return await _page(request, form, error)
    secret = await sessions.start(
        user, address=client_address(request), user_agent=request.headers.get("User-Agent", "")
    )
    await remember(request, secret)
    response = web.Response(status=303, headers={"Location": "/"})
    remember_device(request, response, user.id)
    return response


def _require_same_passwords(form: dict[str, str]) -> None:
    if form.get("password", "") != form.get("password_again", ""):
        again = FieldError(field="password_again", message="The two passwords differ.")
        raise InvalidInput(errors=[again])


async def _page(request: web.Request, form: dict[str, str], error: InvalidInput | None = None) -> web.Response:
    language = form.get("language") or language_of(request)
    chosen = form.get("time_zone", "")
    if chosen not in time_zones():
        chosen = likely_time_zone(language)
    return await render(
        request,
        "setup/setup.html",
        error.status if error else 200,
        form=form,
        chosen_language=language,
        chosen_time_zone=chosen,
        zones=await asyncio.to_thread(time_zone_choices, utc_now(), chosen=chosen),
        problems=errors_by_field(request, error),
    )
