"""Of what one is told by mail: chosen on the account page, and ended or confirmed by links in the mails themselves.

Looking at a link changes nothing, so that a mail scanner may. A mail program that knows `List-Unsubscribe` posts to the
link without asking.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.errors import JinduError
from server.http.addresses import client_address
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.live.notice_kinds import BELL_CHOICES, NoticeKind
from server.live.notice_mails import ABOUT
from views.account import account_with_error
from views.context import render

# The code stands in the address: it is told to nobody, neither to other sites nor to search engines.
_KEPT_TO_OURSELVES = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


async def save_notifications(request: web.Request) -> web.Response:
    """All columns at once; that of mail and that of this browser are in the form only where there are such."""
    principal, operations = require_principal(request), operations_of(request)
    form = await read_form(request)
    bell = {kind.value: f"bell_{kind}" in form for kind in sorted(BELL_CHOICES)}
    await operations.accounts.change_me(principal, {"notifications": bell})
    if operations.mail_choices.is_set_up:
        await operations.mail_choices.choose(principal, {kind: f"mail_{kind}" in form for kind in NoticeKind})
    if "push" in form:
        await operations.push.choose(principal, [kind for kind in NoticeKind if f"push_{kind}" in form])
    raise web.HTTPSeeOther("/account?done=notifications#told")


async def save_address(request: web.Request) -> web.Response:
    principal = require_principal(request)
    form = await read_form(request)
    try:
        choice = await operations_of(request).mail_choices.set_address(principal, form.get("address", ""))
    except JinduError as error:
        return await account_with_error(request, principal, form, error, section="mail")
    done = "address" if choice.address and choice.confirmed_at is None else "notifications"
    raise web.HTTPSeeOther(f"/account?done={done}#told")


async def confirm_address_again(request: web.Request) -> web.Response:
    principal = require_principal(request)
    try:
        await operations_of(request).mail_choices.prove_again(principal)
    except JinduError as error:
        return await account_with_error(request, principal, {}, error, section="mail")
    raise web.HTTPSeeOther("/account?done=address#told")


async def confirm_page(request: web.Request) -> web.Response:
    code = request.query.get("code", "")
    address = await operations_of(request).mail_choices.look_at_proof(code)
    return await _page(request, "confirm", code=code, address=address, is_done=False)


async def confirm_address(request: web.Request) -> web.Response:
    code = request.query.get("code", "")
    address = await operations_of(request).mail_choices.confirm(code, address=client_address(request))
    return await _page(request, "confirm", code=code, address=address, is_done=True)


async def stop_page(request: web.Request) -> web.Response:
    code = request.query.get("code", "")
    kinds = await operations_of(request).mail_choices.look_at_stop(code)
    return await _page(request, "stop", code=code, kinds=sorted(kinds), about=ABOUT, is_done=False)


async def stop_mail(request: web.Request) -> web.Response:
    """Whatever the body says: some programs send `List-Unsubscribe=One-Click`, our page nothing."""
    code = request.query.get("code", "")
    kinds = await operations_of(request).mail_choices.stop(code, address=client_address(request))
    return await _page(request, "stop", code=code, kinds=sorted(kinds), about=ABOUT, is_done=True)


async def _page(request: web.Request, name: str, **values: Any) -> web.Response:
    response = await render(request, f"mail_choices/{name}.html", **values)
    response.headers.update(_KEPT_TO_OURSELVES)
    return response
