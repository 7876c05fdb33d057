"""The session cookie, and the middleware that finds out who is asking from it or from a token."""

from __future__ import annotations

import re
import warnings

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp_session import Session, get_session, new_session
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.fernet import Fernet

from server.auth.authenticator import Visit
from server.auth.devices import DAYS, Device
from server.auth.permissions import Principal
from server.base_path import BasePath
from server.errors import NotSignedIn, SecondFactorMissing
from server.http.addresses import ProxyHint, client_address, is_secure
from server.http.based_requests import base_path_of
from server.http.guards import PRINCIPAL, REFUSAL
from server.http.parts import parts_of
from server.logs import about
from server.operations.account_fields import time_zones

# aiohttp-session keeps its session under a plain string key, which aiohttp mentions on the console.
warnings.filterwarnings("ignore", category=web.NotAppKeyWarning, module="aiohttp_session")

COOKIE = "jindu_session"
LANGUAGE_COOKIE = "language"
TIME_ZONE_COOKIE = "time_zone"  # written by static/js/time-zone.js
DEVICE_COOKIE = "jindu_device"
_SECRET = "secret"  # noqa: S105 - the name of the cookie's only field
# What is open to somebody who must have a second factor and has none yet.
_ENROLLING = re.compile(
    r"/(account/sign-in(/second-factor(/begin)?)?|api/v1/me/second-factor(/begin)?|logout|language|s/.*)"
)
_OPEN_PATHS = ("/static/", "/healthz", "/readyz")  # the same for everybody: no look at the database


class SessionCookies(EncryptedCookieStorage):
    """aiohttp-session's encrypted cookie, `Secure` whenever the browser talks TLS."""

    def __init__(self, key: Fernet, *, days: int, base: BasePath) -> None:
        super().__init__(
            key,
            cookie_name=base.cookie(COOKIE),
            max_age=days * 86_400,
            path=base.of_cookies,
            httponly=True,
            samesite="Lax",
        )

    def load_cookie(self, request: web.Request) -> str | None:
        return cookie(request, COOKIE)

    async def load_session(self, request: web.Request) -> Session:
        try:
            return await super().load_session(request)
        except (UnicodeError, ValueError):  # a cookie that is no text at all
            return Session(None, data=None, new=True, max_age=self.max_age)

    async def save_session(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        await super().save_session(request, response, session)
        if is_secure(request):
            response.cookies[self.cookie_name]["secure"] = True


async def remember(request: web.Request, secret: str) -> None:
    """Give the browser a new cookie; whatever it brought along is forgotten, so that no one can plant a session."""
    session = await new_session(request)
    session[_SECRET] = secret


async def forget(request: web.Request) -> None:
    """Take the cookie away."""
    (await get_session(request)).invalidate()


def device_of(request: web.Request) -> Device | None:
    """What the browser proves of who has been signed in with it before."""
    proof = cookie(request, DEVICE_COOKIE)
    return parts_of(request).devices.read(proof) if proof else None


def remember_device(request: web.Request, response: web.StreamResponse, user_id: str) -> None:
    """So that others who fail to sign in as this user do not keep this browser from it."""
    base = base_path_of(request)
    response.set_cookie(
        base.cookie(DEVICE_COOKIE),
        parts_of(request).devices.proof(user_id, device_of(request)),
        max_age=DAYS * 86_400,
        path=base.outside("/login"),
        httponly=True,
        samesite="Lax",
        secure=is_secure(request),
    )


def identity_middleware() -> Middleware:
    """Sets `guards.PRINCIPAL`. A revoked, expired or tampered credential is just "not signed in"."""

    hint = ProxyHint()

    @web.middleware
    async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
        hint.look_at(request)
        principal = None if request.path.startswith(_OPEN_PATHS) else await _principal(request)
        request[PRINCIPAL] = principal
        if principal is not None and principal.must_enrol and not _ENROLLING.fullmatch(request.path):
            raise SecondFactorMissing
        with about(user=principal.user_id if principal is not None else ""):
            return await handler(request)

    return identify


def bearer_token(request: web.Request) -> str | None:
    """What stands after `Authorization: Bearer`; None without that header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def cookie(request: web.Request, name: str) -> str | None:
    """One of our cookies that a browser sent.

    `request.cookies` takes them all apart and keeps that for as long as the request lives: as a WebSocket, for days.
    """
    name = base_path_of(request).cookie(name)
    for pair in request.headers.get("Cookie", "").split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value.strip('"')
    return None


def wanted_language(request: web.Request) -> str:
    """What this browser was set to, else what it asks for."""
    return parts_of(request).languages.choose(cookie(request, LANGUAGE_COOKIE), request.headers.get("Accept-Language"))


def wanted_time_zone(request: web.Request) -> str:
    """Where this browser is, as our pages had it say."""
    found = cookie(request, TIME_ZONE_COOKIE)
    return found if found in time_zones() else "UTC"


async def _principal(request: web.Request) -> Principal | None:
    authenticator = parts_of(request).authenticator
    visit = Visit(
        address=client_address(request), language=wanted_language(request), time_zone=wanted_time_zone(request)
    )
    token = bearer_token(request)
    if token is not None:  # a program: its cookies, if any, do not count
        try:
            return await authenticator.by_token(token, visit)
        except NotSignedIn as why:  # said at the doors that are not open to all
            request[REFUSAL] = type(why)
            return None
    session = await get_session(request)
    secret = session.get(_SECRET)
    if not isinstance(secret, str):
        return None
    found = await authenticator.by_session(secret, visit)
    if found is None:
        return None
    principal, was_extended = found
    if was_extended:
        session[_SECRET] = secret  # marks the cookie to be given anew, with a new end
    return principal
