"""A provider of OpenID Connect that answers whatever a test wants, honest by default: signed with keys of its own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
LATER_KEY = RSAKey.generate_key(2048, {"kid": "later", "use": "sig", "alg": "RS256"})
Claims = dict[str, Any]


@dataclass(slots=True)
class OpenIdDouble:
    """`signed` makes the token of the claims; `document` is changed before it is told."""

    issuer: str = ""
    keys: list[RSAKey] = field(default_factory=lambda: [KEY])
    changed: Callable[[Claims], None] = lambda claims: None
    signed: Callable[[Claims], str] = lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, KEY)
    document: Callable[[Claims], None] = lambda document: None
    asked_for_keys: int = 0
    nonces: dict[str, str] = field(default_factory=dict)

    def sign_in_at(self, url: str, subject: str) -> dict[str, str]:
        """What the browser brings back from `url`, the authorization endpoint, once `subject` has signed in there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = f"{subject}.{len(self.nonces)}"
        self.nonces[code] = asked["nonce"]
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    async def configuration(self, request: web.Request) -> web.Response:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        self.document(document)
        return web.json_response(document)

    async def key_set(self, request: web.Request) -> web.Response:
        self.asked_for_keys += 1
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        code = str(form["code"])
        if code not in self.nonces or not form["code_verifier"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims: Claims = {
            "iss": self.issuer,
            "aud": "jindu",
            "sub": code.partition(".")[0],
            "nonce": self.nonces.pop(code),
            "iat": now,
            "exp": now + 60,
        }
        self.changed(claims)
        return web.json_response({"id_token": self.signed(claims), "token_type": "Bearer", "access_token": "x"})


@asynccontextmanager
async def openid_double() -> AsyncIterator[OpenIdDouble]:
    double, app = OpenIdDouble(), web.Application()
    app.router.add_get("/.well-known/openid-configuration", double.configuration)
    app.router.add_get("/keys", double.key_set)
    app.router.add_post("/token", double.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    double.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double
    finally:
        await runner.cleanup()
