"""OpenID Connect: what the settings say of the provider, and what an ID token of it must hold to be believed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from server.auth.permissions import Role
from server.errors import OpenIdRefused
from server.late import late

if TYPE_CHECKING:
    from joserfc import errors as jose_errors
    from joserfc import jwt
    from joserfc.jwk import KeySet
else:
    jose_errors, jwt = late("joserfc.errors"), late("joserfc.jwt")

# Signatures by the provider's key alone: with `none` nobody has signed, and with HS256 our own secret would have.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_SKEW_SECONDS = 60
_LONGEST_SUBJECT = 255
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # no database stores them
_RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.ADMIN: 2}


class OpenIdHttp(Protocol):
    """Fetches small JSON documents; raises `OpenIdAway` for everything else."""

    async def get(self, url: str) -> dict[str, Any]: ...

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdSettings:
    """As in the settings. `roles` are by the names of groups; `new_role` is None where nobody new is let in."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: Sequence[str]
    label: str
    new_role: Role | None
    domains: Sequence[str]
    groups_claim: str
    roles: Mapping[str, Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdClaims:
    """Who it is: issuer and subject, and nothing else. `groups` is None where the token says nothing of them."""

    issuer: str
    subject: str
    wanted_name: str
    email: str
    is_email_verified: bool
    groups: Sequence[str] | None

    def role(self, settings: OpenIdSettings) -> Role | None:
        """The highest of the groups; None where nothing is said, so that nothing changes."""
        if self.groups is None or not settings.roles:
            return None
        found = [settings.roles[group] for group in self.groups if group in settings.roles]
        return max(found, key=_RANK.__getitem__, default=settings.new_role or Role.VIEWER)

    def require_domain(self, domains: Sequence[str]) -> None:
        """Raises `OpenIdRefused` where only some domains may come in, and this is none of them."""
        if not domains:
            return
        domain = self.email.rpartition("@")[2].lower()
        if not self.is_email_verified or domain not in {each.lower() for each in domains}:
            raise OpenIdRefused("Your e-mail address is not of a domain that may sign in here.", code="openid_domain")


def read_id_token(
    token: str,
    keys: KeySet,
    settings: OpenIdSettings,
    *,
    nonce: str,
    clock: Callable[[], float] = time.time,
) -> OpenIdClaims:
    """Raises `OpenIdRefused` unless the provider has signed it, for us, for this attempt, and it is fresh."""
    try:
        claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
    except (jose_errors.JoseError, ValueError, TypeError, KeyError) as error:
        raise OpenIdRefused from error
    now = clock()
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    is_for_us = settings.client_id in audiences
    if is_for_us and (len(audiences) > 1 or "azp" in claims):
        is_for_us = claims.get("azp") == settings.client_id
    is_good = (
        claims.get("iss") == settings.issuer
        and is_for_us
        and claims.get("nonce") == nonce
        and _seconds(claims, "exp") > now - _SKEW_SECONDS
        and 0 < _seconds(claims, "iat") < now + _SKEW_SECONDS
        and _seconds(claims, "nbf") < now + _SKEW_SECONDS
    )
    subject = claims.get("sub")
    if not is_good or not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise OpenIdRefused
    if _NO_TEXT.search(subject):  # it is a key of ours: nothing in it may be left out
        raise OpenIdRefused("The provider says who you are with characters that cannot be stored.")
    return OpenIdClaims(
        issuer=settings.issuer,
        subject=subject,
        wanted_name=_text(claims, "preferred_username") or _text(claims, "name"),
        email=_text(claims, "email"),
        is_email_verified=claims.get("email_verified") is True,
        groups=_groups(claims.get(settings.groups_claim)),
    )


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name, 0)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _text(claims: Mapping[str, Any], name: str) -> str:
    """What people are called is shown and not compared, so that it may lose what cannot be stored."""
    value = claims.get(name)
    return _NO_TEXT.sub("", value) if isinstance(value, str) else ""


def _groups(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else None
