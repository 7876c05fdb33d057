"""How one signs in beside the password: a second factor with its recovery codes, and passkeys."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.auth.permissions import Principal
from server.errors import InvalidInput, JinduError
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.operations.second_factors import Enrolment
from views.context import render
from views.field_errors import errors_by_field
from views.forms import json_object
from views.qr_code import qr_code

_DONE = frozenset({"removed", "passkey", "renamed", "passkey-removed"})


async def sign_in_page(request: web.Request) -> web.Response:
    return await _page(request, require_principal(request), done=request.query.get("done", ""))


async def begin_second_factor(request: web.Request) -> web.Response:
    """Answers the page with the QR code: its secret is in this answer, and in the form that comes back."""
    principal = require_principal(request)
    form = await read_form(request)
    try:
        enrolment = await operations_of(request).second_factors.begin(
            principal, password=form.get("current_password", "")
        )
    except JinduError as error:
        return await _page(request, principal, error=error, section="begin")
    return await _page(request, principal, enrolment=enrolment)


async def confirm_second_factor(request: web.Request) -> web.Response:
    """Answers the page with the recovery codes, which are shown this once."""
    principal = require_principal(request)
    form = await read_form(request)
    factors, sealed = operations_of(request).second_factors, form.get("sealed", "")
    try:
        codes = await factors.confirm(principal, sealed=sealed, code=form.get("code", ""))
    except InvalidInput as error:
        if error.specific_code != InvalidInput.code:  # there is nothing to go on with
            return await _page(request, principal, error=error, section="begin")
        return await _page(request, principal, error=error, section="code", enrolment=factors.again(principal, sealed))
    return await _page(request, principal, codes=codes)


async def new_recovery_codes(request: web.Request) -> web.Response:
    principal = require_principal(request)
    form = await read_form(request)
    try:
        codes = await operations_of(request).second_factors.new_recovery_codes(
            principal, password=form.get("current_password", "")
        )
    except JinduError as error:
        return await _page(request, principal, error=error, section="codes")
    return await _page(request, principal, codes=codes)


async def remove_second_factor(request: web.Request) -> web.Response:
    principal = require_principal(request)
    form = await read_form(request)
    try:
        await operations_of(request).second_factors.remove(principal, password=form.get("current_password", ""))
    except JinduError as error:
        return await _page(request, principal, error=error, section="remove")
    raise web.HTTPSeeOther("/account/sign-in?done=removed")


async def begin_passkey(request: web.Request) -> web.Response:
    """What static/js/passkeys.js has the browser make one from; errors are problems, as everywhere."""
    principal = require_principal(request)
    form = await read_form(request)
    options, sealed = await operations_of(request).passkeys.begin(principal, password=form.get("current_password", ""))
    return web.json_response({"options": options, "sealed": sealed}, headers={"Cache-Control": "no-store"})


async def add_passkey(request: web.Request) -> web.Response:
    principal = require_principal(request)
    form = await read_form(request)
    try:
        await operations_of(request).passkeys.add(
            principal,
            name=form.get("name", "").strip(),
            answer=json_object(form.get("answer", "")),
            sealed=form.get("sealed", ""),
        )
    except JinduError as error:
        return await _page(request, principal, error=error, section="passkey")
    raise web.HTTPSeeOther("/account/sign-in?done=passkey")


async def rename_passkey(request: web.Request) -> web.Response:
    principal = require_principal(request)
    form = await read_form(request)
    try:
        await operations_of(request).passkeys.rename(
            principal, request.match_info["passkey_id"], form.get("name", "").strip()
        )
    except InvalidInput as error:
        return await _page(request, principal, error=error, section="passkey")
    raise web.HTTPSeeOther("/account/sign-in?done=renamed")


async def remove_passkey(request: web.Request) -> web.Response:
    principal = require_principal(request)
    await operations_of(request).passkeys.remove(principal, request.match_info["passkey_id"])
    raise web.HTTPSeeOther("/account/sign-in?done=passkey-removed")


async def _page(
    request: web.Request,
    principal: Principal,
    *,
    error: JinduError | None = None,
    section: str = "",
    enrolment: Enrolment | None = None,
    codes: list[str] | None = None,
    done: str = "",
) -> web.Response:
    factors = operations_of(request).second_factors
    passkeys = operations_of(request).passkeys
    values: dict[str, Any] = {
        "factor": await factors.mine(principal),
        "is_required": factors.is_required(principal),
        "enrolment": enrolment,
        "picture": await qr_code(enrolment.address) if enrolment else "",
        "codes": codes,
        "passkeys": await passkeys.mine(principal),
        "site": passkeys.site,
    }
    return await render(
        request,
        "account/sign_in.html",
        error.status if error else 200,
        problems=errors_by_field(request, error),
        wrong_section=section,
        done=done if done in _DONE else "",
        **values,
    )
