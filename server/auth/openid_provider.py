"""The provider of OpenID Connect: its addresses and keys, read when they are needed and kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from server.auth.openid import OpenIdClaims, OpenIdHttp, OpenIdSettings, read_id_token
from server.errors import OpenIdAway, OpenIdRefused
from server.late import late

if TYPE_CHECKING:
    from joserfc import errors as jose_errors
    from joserfc import jwk
else:
    jose_errors, jwk = late("joserfc.errors"), late("joserfc.jwk")

_FRESH_SECONDS = 3600.0
_AGAIN_SECONDS = 30.0  # keys are not asked for more often, whatever tokens name
_WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    authorization: str
    token: str
    keys: str
    end_session: str
    takes_basic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdAnswer:
    """`id_token` is a hint for signing out there as well."""

    claims: OpenIdClaims
    id_token: str


class OpenIdProvider:
    def __init__(
        self, settings: OpenIdSettings, http: OpenIdHttp, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self._http = http
        self._clock = clock
        self._discovered: tuple[float, Discovered] | None = None
        self._keys: tuple[float, jwk.KeySet] | None = None
        self._reading = asyncio.Lock()

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Where the browser is sent to. Raises `OpenIdAway`."""
        found = await self._discover()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return _with_query(found.authorization, query)

    async def redeem(self, code: str, *, redirect_uri: str, verifier: str, nonce: str) -> OpenIdAnswer:
        """Who it is that came back with `code`. Raises `OpenIdRefused`, or `OpenIdAway`."""
        found = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        told = await self._http.post(found.token, form | self._named(found), basic=self._basic(found))
        token = told.get("id_token")
        if not isinstance(token, str):
            raise OpenIdRefused
        return OpenIdAnswer(claims=await self._read(found, token, nonce), id_token=token)

    async def end_session_url(self, *, id_token: str, back: str) -> str | None:
        """Where one signs out there as well; None where that is not offered, or nobody answers."""
        try:
            found = await self._discover()
        except OpenIdAway:
            return None
        if not found.end_session:
            return None
        query = {
            "id_token_hint": id_token,
            "client_id": self.settings.client_id,
            "post_logout_redirect_uri": back,
        }
        return _with_query(found.end_session, query)

    def _named(self, found: Discovered) -> dict[str, str]:
        if self._basic(found) is not None:
            return {}
        secret = self.settings.client_secret
        return {"client_id": self.settings.client_id} | ({"client_secret": secret} if secret else {})

    def _basic(self, found: Discovered) -> tuple[str, str] | None:
        secret = self.settings.client_secret
        return (
            (quote(self.settings.client_id, safe=""), quote(secret, safe="")) if secret and found.takes_basic else None
        )

    async def _read(self, found: Discovered, token: str, nonce: str) -> OpenIdClaims:
        """With the keys that are known, and once more with new ones: providers change theirs."""
        try:
            return read_id_token(token, await self._key_set(found, within=_FRESH_SECONDS), self.settings, nonce=nonce)
        except OpenIdRefused:
            before = self._keys
            keys = await self._key_set(found, within=_AGAIN_SECONDS)
            if before is not None and self._keys is before:
                raise
            return read_id_token(token, keys, self.settings, nonce=nonce)

    async def _key_set(self, found: Discovered, *, within: float) -> jwk.KeySet:
        async with self._reading:
            if self._keys is None or self._clock() - self._keys[0] > within:
                told = await self._http.get(found.keys)
                try:
                    keys = jwk.KeySet.import_key_set({"keys": _public_keys(told)})
                except (jose_errors.JoseError, ValueError, TypeError, KeyError) as error:
                    raise OpenIdAway from error
                self._keys = (self._clock(), keys)
            return self._keys[1]

    async def _discover(self) -> Discovered:
        async with self._reading:
            if self._discovered is None or self._clock() - self._discovered[0] > _FRESH_SECONDS:
                told = await self._http.get(self.settings.issuer.rstrip("/") + _WELL_KNOWN)
                self._discovered = (self._clock(), _discovered(told, self.settings.issuer))
            return self._discovered[1]


def _public_keys(told: Mapping[str, Any]) -> list[Any]:
    """Without keys that are for something else: one that cannot be read must not spoil the others."""
    keys = told.get("keys")
    if not isinstance(keys, list):
        raise OpenIdAway
    return [
        key
        for key in keys
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
    ]


def _discovered(told: Mapping[str, Any], issuer: str) -> Discovered:
    """Raises `OpenIdAway` unless the document is of this very issuer, to the last slash."""
    methods = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if told.get("issuer") != issuer:
        raise OpenIdAway("The provider says that it is another one than the setting openid_issuer names.")
    return Discovered(
        authorization=_address(told, "authorization_endpoint", issuer),
        token=_address(told, "token_endpoint", issuer),
        keys=_address(told, "jwks_uri", issuer),
        end_session=_address(told, "end_session_endpoint", issuer) if told.get("end_session_endpoint") else "",
        takes_basic=isinstance(methods, list) and "client_secret_basic" in methods,
    )


def _address(told: Mapping[str, Any], name: str, issuer: str) -> str:
    """As safe as the issuer's own: nothing in its document leads from TLS to plain HTTP."""
    value = told.get(name)
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    if parts.scheme not in ("https", urlsplit(issuer).scheme) or not parts.hostname:
        raise OpenIdAway
    return str(value)


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
