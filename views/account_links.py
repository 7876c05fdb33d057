"""Pages behind the links that administrators hand over: an account for who was invited, a new password.

Looking at them uses nothing up, so that a mail scanner may. What is sent to them is not from a session, and starts one
only when it surely comes from these pages.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from server.auth.account_links import AccountLink
from server.auth.users import User
from server.clock import utc_now
from server.errors import Conflict, FieldError, InvalidInput
from server.http.addresses import client_address
from server.http.forms import Form, read_form
from server.http.parts import operations_of
from server.http.same_origin import is_same_origin
from server.operations.account_fields import time_zones
from views.context import language_of, render
from views.field_errors import errors_by_field
from views.login import let_in
from views.time_zones import likely_time_zone, time_zone_choices

# The code stands in the address: it is told to nobody, neither to other sites nor to search engines.
_KEPT_TO_OURSELVES = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


async def invitation_page(request: web.Request) -> web.Response:
    code = request.query.get("code", "")
    link = await operations_of(request).invitations.look(code)
    return await _invitation(request, link, Form([("code", code), ("username", link.name)]))


async def accept_invitation(request: web.Request) -> web.Response:
    """Makes the account, and signs in who made it."""
    form = await read_form(request)
    invitations, code = operations_of(request).invitations, form.get("code", "")
    link = await invitations.look(code)
    try:
        _require_same_passwords(form)
        user = await invitations.accept(
            code,
            name=form.get("username", "").strip(),
            password=form.get("password", ""),
            language=form.get("language") or None,
            time_zone=form.get("time_zone", "UTC"),
            address=client_address(request),
        )
    except (InvalidInput, Conflict) as error:
        return await _invitation(request, link, form, error)
    if not is_same_origin(request):
        raise web.HTTPSeeOther("/login?done=invitation")
    secret = await operations_of(request).sessions.start(
        user, address=client_address(request), user_agent=request.headers.get("User-Agent", "")
    )
    return await let_in(request, user, secret, target="/")


async def reset_page(request: web.Request) -> web.Response:
    code = request.query.get("code", "")
    return await _reset(request, await operations_of(request).password_resets.look(code), code)


async def reset_password(request: web.Request) -> web.Response:
    """Sets the password; then one signs in with it, by a second factor where there is one."""
    form = await read_form(request)
    resets, code = operations_of(request).password_resets, form.get("code", "")
    user = await resets.look(code)
    try:
        _require_same_passwords(form)
        await resets.redeem(code, password=form.get("password", ""), address=client_address(request))
    except InvalidInput as error:
        return await _reset(request, user, code, error)
    raise web.HTTPSeeOther("/login?done=password")


def _require_same_passwords(form: Form) -> None:
    if form.get("password", "") != form.get("password_again", ""):
        again = FieldError(field="password_again", message="The two passwords differ.")
        raise InvalidInput(errors=[again])


async def _invitation(
    request: web.Request, link: AccountLink, form: Form, error: InvalidInput | Conflict | None = None
) -> web.Response:
    language = form.get("language") or language_of(request)
    chosen = form.get("time_zone", "")
    if chosen not in time_zones():
        chosen = likely_time_zone(language)
    response = await render(
        request,
        "account_links/invitation.html",
        error.status if error else 200,
        link=link,
        form=form,
        chosen_language=language,
        chosen_time_zone=chosen,
        zones=await asyncio.to_thread(time_zone_choices, utc_now(), chosen=chosen),
        problems=errors_by_field(request, error),
    )
    response.headers.update(_KEPT_TO_OURSELVES)
    return response


async def _reset(request: web.Request, user: User, code: str, error: InvalidInput | None = None) -> web.Response:
    response = await render(
        request,
        "account_links/reset.html",
        error.status if error else 200,
        user=user,
        code=code,
        problems=errors_by_field(request, error),
    )
    response.headers.update(_KEPT_TO_OURSELVES)
    return response
