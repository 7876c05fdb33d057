"""Switching the language: for this browser always, and for the account of whoever is signed in."""

from __future__ import annotations

from aiohttp import web

from server.http.based_requests import base_path_of
from server.http.forms import read_form
from server.http.guards import current_principal
from server.http.parts import operations_of, parts_of
from server.http.sessions import LANGUAGE_COOKIE
from views.forms import local_target

_YEAR_SECONDS = 365 * 86_400


async def set_language(request: web.Request) -> web.Response:
    """`POST /language` with `language` and the page to come back to in `next`."""
    form = await read_form(request)
    language = parts_of(request).languages.choose(form.get("language", ""))
    principal = current_principal(request)
    if principal is not None:
        await operations_of(request).accounts.change_me(principal, {"language": language})
    response = web.Response(status=303, headers={"Location": local_target(form.get("next", "/"))})
    base = base_path_of(request)
    response.set_cookie(
        base.cookie(LANGUAGE_COOKIE),
        language,
        max_age=_YEAR_SECONDS,
        samesite="Lax",
        httponly=True,
        path=base.of_cookies,
    )
    return response
