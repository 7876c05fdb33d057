"""Signing in, in one step or two, and out."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from server.auth.users import User
from server.errors import JinduError, NotSignedIn, RateLimited, SecondFactorNeeded
from server.http.addresses import client_address, is_secure
from server.http.based_requests import base_path_of
from server.http.forms import read_form
from server.http.guards import current_principal
from server.http.parts import operations_of
from server.http.sessions import cookie, device_of, forget, remember, remember_device
from server.operations.second_step import HALF_SECONDS
from views.context import render
from views.forms import json_object, local_target
from views.openid import after_logout
from views.sign_in_page import sign_in_page

_HALF_COOKIE = "jindu_half"  # that the password was right


async def login_page(request: web.Request) -> web.Response:
    """`?next=` is the page somebody wanted before they were asked to sign in."""
    target = local_target(request.query.get("next", "/"))
    if current_principal(request) is not None:
        raise web.HTTPSeeOther(target)
    return await _page(request, target=target)


async def login(request: web.Request) -> web.Response:
    form = await read_form(request)
    name, target = form.get("username", ""), local_target(form.get("next", "/"))
    try:
        user, secret = await operations_of(request).sessions.sign_in(
            name,
            form.get("password", ""),
            address=client_address(request),
            device=device_of(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
    except SecondFactorNeeded as needed:
        return _ask_for_code(request, str(needed.parameters["half"]), target)
    except (NotSignedIn, RateLimited) as error:
        return await _page(request, target=target, name=name, error=error)
    return await let_in(request, user, secret, target=target)


async def code_page(request: web.Request) -> web.Response:
    """The second step, for whoever has sent the right password just now."""
    target = local_target(request.query.get("next", "/"))
    if cookie(request, _HALF_COOKIE) is None:
        raise web.HTTPSeeOther(f"/login?next={quote(target, safe='/')}")
    return await _code_page(request, target=target)


async def login_with_code(request: web.Request) -> web.Response:
    form = await read_form(request)
    target = local_target(form.get("next", "/"))
    try:
        user, secret = await operations_of(request).sessions.finish_sign_in(
            cookie(request, _HALF_COOKIE) or "",
            form.get("code", "").strip(),
            address=client_address(request),
            device=device_of(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
    except (NotSignedIn, RateLimited) as error:
        if error.specific_code == "sign_in_too_old":
            return await _page(request, target=target, error=error)
        return await _code_page(request, target=target, error=error)
    response = await let_in(request, user, secret, target=target)
    base = base_path_of(request)
    response.del_cookie(base.cookie(_HALF_COOKIE), path=base.outside("/login"))
    return response


async def ask_passkey(request: web.Request) -> web.Response:
    """What static/js/passkey-sign-in.js has the browser sign."""
    options, sealed = operations_of(request).passkeys.ask()
    return web.json_response({"options": options, "sealed": sealed}, headers={"Cache-Control": "no-store"})


async def login_with_passkey(request: web.Request) -> web.Response:
    form = await read_form(request)
    target = local_target(form.get("next", "/"))
    try:
        user, secret = await operations_of(request).passkeys.sign_in(
            answer=json_object(form.get("answer", "")),
            sealed=form.get("sealed", ""),
            address=client_address(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
    except NotSignedIn as error:
        return await _page(request, target=target, error=error)
    return await let_in(request, user, secret, target=target)


async def let_in(request: web.Request, user: User, secret: str, *, target: str) -> web.Response:
    """The cookie of a new session, and on to the page that was wanted."""
    before = current_principal(request)
    if before is not None:  # somebody else was signed in with this browser
        await operations_of(request).sessions.sign_out(before)
    await remember(request, secret)
    response = web.Response(status=303, headers={"Location": target})
    remember_device(request, response, user.id)
    return response


async def logout(request: web.Request) -> web.Response:
    principal = current_principal(request)
    response = web.Response(status=303, headers={"Location": "/login"})
    if principal is not None:
        await operations_of(request).sessions.sign_out(principal)
        remember_device(request, response, principal.user_id)
    await forget(request)
    return await after_logout(request) or response


def _ask_for_code(request: web.Request, half: str, target: str) -> web.Response:
    response = web.Response(status=303, headers={"Location": f"/login/code?next={quote(target, safe='/')}"})
    base = base_path_of(request)
    response.set_cookie(
        base.cookie(_HALF_COOKIE),
        half,
        max_age=HALF_SECONDS,
        path=base.outside("/login"),
        httponly=True,
        samesite="Lax",
        secure=is_secure(request),
    )
    return response


async def _code_page(request: web.Request, *, target: str, error: JinduError | None = None) -> web.Response:
    return _with_patience(
        await render(request, "login/code.html", error.status if error else 200, target=target, error=error), error
    )


async def _page(request: web.Request, *, target: str, name: str = "", error: JinduError | None = None) -> web.Response:
    return _with_patience(await sign_in_page(request, target=target, name=name, error=error), error)


def _with_patience(response: web.Response, error: JinduError | None) -> web.Response:
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = str(int(error.retry_after_seconds))
    return response
