"""Signing in and out."""

from __future__ import annotations

from aiohttp import web

from server.errors import JinduError, NotSignedIn, RateLimited
from server.http.addresses import client_address
from server.http.forms import read_form
from server.http.guards import current_principal
from server.http.parts import operations_of
from server.http.sessions import device_of, forget, remember, remember_device
from views.context import render
from views.forms import local_target


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
        user, secret = await operations_of(request).accounts.sign_in(
            name,
            form.get("password", ""),
            address=client_address(request),
            device=device_of(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
    except (NotSignedIn, RateLimited) as error:
        return await _page(request, target=target, name=name, error=error)
    before = current_principal(request)
    if before is not None:  # somebody else was signed in with this browser
        await operations_of(request).accounts.sign_out(before)
    await remember(request, secret)
    response = web.Response(status=303, headers={"Location": target})
    remember_device(request, response, user.id)
    return response


async def logout(request: web.Request) -> web.Response:
    principal = current_principal(request)
    response = web.Response(status=303, headers={"Location": "/login"})
    if principal is not None:
        await operations_of(request).accounts.sign_out(principal)
        remember_device(request, response, principal.user_id)
    await forget(request)
    return response


async def _page(request: web.Request, *, target: str, name: str = "", error: JinduError | None = None) -> web.Response:
    is_new = await operations_of(request).first_run.is_pending()
    status = error.status if error else 200
    response = await render(
        request,
        "login/login.html",
        status,
        target=target,
        name=name,
        error=error,
        is_new=is_new,
        done=request.query.get("done", ""),
    )
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = str(int(error.retry_after_seconds))
    return response
