"""Who may pass: the principal of a request, put there by the session middleware, and what each kind of door asks."""

from __future__ import annotations

from aiohttp import web

from server.auth.permissions import ANONYMOUS, Principal
from server.errors import NotSignedIn

PRINCIPAL: web.RequestKey[Principal | None] = web.RequestKey("principal", Principal)

REFUSAL: web.RequestKey[type[NotSignedIn]] = web.RequestKey("refusal", type)  # why a token was not taken


def current_principal(request: web.Request) -> Principal | None:
    """Who is signed in, if anybody."""
    return request.get(PRINCIPAL)


def not_signed_in(request: web.Request) -> NotSignedIn:
    """What to tell somebody whom we do not know: of a token that was good once, also what became of it."""
    why: type[NotSignedIn] = request.get(REFUSAL, NotSignedIn)
    return why()


def require_principal(request: web.Request, access: str = "read") -> Principal:
    """Who is asking; raises `NotSignedIn`, or `Forbidden` when `access` (read, write, admin) is not theirs.

    Through a `public` door everybody may pass, whoever is not signed in as `ANONYMOUS`.
    """
    principal = current_principal(request)
    if access == "public":
        return principal or ANONYMOUS
    if principal is None:
        raise not_signed_in(request)
    if access == "read":
        principal.require_read()
    elif access == "write":
        principal.require_write()
    elif access == "admin":
        principal.require_admin()
    return principal
