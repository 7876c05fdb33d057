"""The codes of an authenticator app (RFC 6238: SHA-1, 6 digits, 30 seconds, which all of them know), and its secret."""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS = 30
DIGITS = 6
_BYTES = 20  # as long as the hash, says RFC 4226
_DRIFT = 1  # steps that a clock may be early or late


def new_key() -> bytes:
    return secrets.token_bytes(_BYTES)


def typed_key(key: bytes) -> str:
    """As people type it into an app that cannot see the picture."""
    return base64.b32encode(key).decode()


def address_of(key: bytes, *, user_name: str, issuer: str) -> str:
    """The `otpauth://` address that is drawn as a QR code."""
    label = f"{quote(issuer, safe='')}:{quote(user_name, safe='')}"
    return f"otpauth://totp/{label}?{urlencode({'secret': typed_key(key), 'issuer': issuer}, quote_via=quote)}"


def step_of(key: bytes, code: str, *, now: float) -> int | None:
    """The step whose code this is, now or one before or after; None for a wrong one."""
    present = int(now) // STEP_SECONDS
    steps = range(present - _DRIFT, present + _DRIFT + 1)
    given = code.encode("utf-8", "surrogatepass")
    matching = [step for step in steps if hmac.compare_digest(code_at(key, step), given)]
    return max(matching, default=None)


def code_at(key: bytes, step: int) -> bytes:
    return TOTP(key, DIGITS, SHA1(), STEP_SECONDS, enforce_key_length=False).generate(step * STEP_SECONDS)  # noqa: S303
