"""Pages of signing in with an account elsewhere: there, back again, and linking it to one's own."""

from __future__ import annotations

import re

from aiohttp import web

from server.auth.openid_attempts import SECONDS, SignInAttempt
from server.errors import Conflict, JinduError, OpenIdRefused
from server.http.addresses import client_address, is_secure, public_origin
from server.http.based_requests import base_path_of
from server.http.forms import read_form
from server.http.guards import current_principal, require_principal
from server.http.parts import operations_of
from server.http.sessions import cookie, remember, remember_device
from views.context import render
from views.forms import local_target
from views.sign_in_page import sign_in_page

_PREFIX = "jindu_openid_"
_PATH = "/login/openid"
_HINT = "jindu_id_token"  # the ID token, for signing out there
_LONGEST_HINT = 3_500  # a browser keeps 4,096 bytes
_MOST_TABS = 5
_STATE = re.compile(r"[\w-]{32}")
_MARK_CHARACTERS = 8


async def begin_sign_in(request: web.Request) -> web.Response:
    """`GET /login/openid?next=`: each tab has an attempt, and a cookie, of its own."""
    target = local_target(request.query.get("next", "/"))
    try:
        url, attempt, sealed = await operations_of(request).openid.begin(redirect_uri=_back(request), target=target)
    except OpenIdRefused as error:
        return await _refused(request, error, target)
    response = web.Response(status=303, headers={"Location": url})
    _keep(request, response, attempt, sealed)
    return response


async def finish_sign_in(request: web.Request) -> web.Response:
    """`GET /login/openid/callback`: the provider sends the browser here."""
    state, told = request.query.get("state", ""), request.query
    name = _cookie_of(state)
    before = current_principal(request)
    if "error" in told:  # they changed their mind, or may not; whoever sent this need not be the provider
        return _forgetting(
            request,
            await _refused(
                request,
                OpenIdRefused("You did not sign in there, or it does not let you in here.", code="openid_declined"),
                "/",
            ),
            name,
        )
    try:
        attempt, arrival = await operations_of(request).openid.finish(
            cookie(request, name) or "",
            state=state,
            code=told.get("code", "")[:4_000],
            issuer=told.get("iss"),
            redirect_uri=_back(request),
            principal=before,
            address=client_address(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
    except OpenIdRefused as error:
        return _forgetting(request, await _refused(request, error, "/"), name)
    if not arrival.secret:
        return _forgetting(request, _see("/account/linked?done=linked"), name)
    if before is not None:  # somebody else was signed in with this browser
        await operations_of(request).sessions.sign_out(before)
    await remember(request, arrival.secret)
    response = _see(attempt.target)
    remember_device(request, response, arrival.user.id)
    if len(arrival.id_token) <= _LONGEST_HINT:
        response.set_cookie(
            base_path_of(request).cookie(_HINT),
            arrival.id_token,
            path=base_path_of(request).outside("/logout"),
            httponly=True,
            samesite="Lax",
            secure=is_secure(request),
        )
    return _forgetting(request, response, name)


async def linked_page(request: web.Request) -> web.Response:
    require_principal(request)
    if not operations_of(request).openid.label:
        raise web.HTTPNotFound
    return await _linked(request, done=request.query.get("done", ""))


async def begin_linking(request: web.Request) -> web.Response:
    """By a form of ours, so that nobody is led into it. What a form leads to must be ours: hence a page between."""
    principal = require_principal(request)
    principal.require_own_change()
    try:
        url, attempt, sealed = await operations_of(request).openid.begin(redirect_uri=_back(request), linking=principal)
    except OpenIdRefused as error:
        return await _linked(request, error=error)
    response = await going(request, url)
    _keep(request, response, attempt, sealed)
    return response


async def unlink(request: web.Request) -> web.Response:
    principal = require_principal(request)
    form = await read_form(request)
    try:
        await operations_of(request).openid.unlink(
            principal, request.match_info["id"], password=form.get("current_password", "")
        )
    except Conflict as error:
        return await _linked(request, error=error)
    return _see("/account/linked?done=unlinked")


async def after_logout(request: web.Request) -> web.Response | None:
    """A page that leads on to signing out at the provider, for whoever signed in there; None for all others."""
    hint = cookie(request, _HINT)
    if not hint:
        return None
    back = f"{public_origin(request)}/login"
    url = await operations_of(request).openid.end_session_url(hint, back=back)
    response = _see("/login") if url is None else await going(request, url)
    response.del_cookie(base_path_of(request).cookie(_HINT), path=base_path_of(request).outside("/logout"))
    return response


async def going(request: web.Request, url: str) -> web.Response:
    """A page that goes to `url` by itself."""
    return await render(request, "login/going.html", url=url)


def _back(request: web.Request) -> str:
    return f"{public_origin(request)}{_PATH}/callback"


def _cookie_of(state: str) -> str:
    """Named after its state, so that tabs do not take each other's."""
    return f"{_PREFIX}{state[:_MARK_CHARACTERS]}" if _STATE.fullmatch(state) else f"{_PREFIX}none"


def _keep(request: web.Request, response: web.Response, attempt: SignInAttempt, sealed: str) -> None:
    """Beside those of a few other tabs: a browser that began again and again would send a head that is too large."""
    names = [pair.partition("=")[0].strip() for pair in request.headers.get("Cookie", "").split(";")]
    for name in [name for name in names if name.startswith(_PREFIX)][: 1 - _MOST_TABS]:
        response.del_cookie(name, path=base_path_of(request).outside(_PATH))
    response.set_cookie(
        base_path_of(request).cookie(_cookie_of(attempt.state)),
        sealed,
        max_age=SECONDS,
        path=base_path_of(request).outside(_PATH),
        httponly=True,
        samesite="Lax",
        secure=is_secure(request),
    )


def _forgetting(request: web.Request, response: web.Response, name: str) -> web.Response:
    response.del_cookie(base_path_of(request).cookie(name), path=base_path_of(request).outside(_PATH))
    return response


async def _refused(request: web.Request, error: JinduError, target: str) -> web.Response:
    return await sign_in_page(request, target=target, error=error)


async def _linked(request: web.Request, *, done: str = "", error: JinduError | None = None) -> web.Response:
    principal = require_principal(request)
    identities = await operations_of(request).openid.identities(principal)
    return await render(
        request,
        "account/linked.html",
        error.status if error else 200,
        identities=identities,
        done=done,
        error=error,
    )


def _see(place: str) -> web.Response:
    return web.Response(status=303, headers={"Location": place})
