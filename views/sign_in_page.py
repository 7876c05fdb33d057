"""The page on which people say who they are, and are told why they were not let in."""

from __future__ import annotations

from aiohttp import web

from server.errors import JinduError
from server.http.parts import operations_of
from views.context import render


async def sign_in_page(
    request: web.Request, *, target: str, name: str = "", error: JinduError | None = None
) -> web.Response:
    """`target` is where they want to go."""
    operations = operations_of(request)
    return await render(
        request,
        "login/login.html",
        error.status if error else 200,
        target=target,
        name=name,
        error=error,
        is_new=await operations.first_run.is_pending(),
        done=request.query.get("done", ""),
        passkeys=operations.passkeys.site,
    )
