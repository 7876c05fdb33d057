"""Secrets that are shown once and kept only as their hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets

_BYTES = 32


def new_secret(prefix: str = "") -> str:
    """256 random bits as text that can stand in a URL or a header."""
    return prefix + secrets.token_urlsafe(_BYTES)


def hash_of(secret: str) -> str:
    """What is stored. A plain hash is enough: nobody can guess 256 random bits, however fast it is."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_same(secret: str, stored_hash: str) -> bool:
    """Takes the same time wherever the two differ."""
    return hmac.compare_digest(hash_of(secret), stored_hash)
