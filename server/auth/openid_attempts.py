"""An attempt to sign in elsewhere: sealed into a cookie of its own, good once, for ten minutes and in one browser."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from server.auth.secret_words import hash_of, is_same

SECONDS = 600
_MOST_USED = 10_000


class SignInAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """`user_id` and `session_id` are of whoever links an account; empty for who signs in."""

    state: str
    nonce: str
    verifier: str
    target: str = "/"
    user_id: str = ""
    session_id: str = ""

    @property
    def challenge(self) -> str:
        """What of the verifier may be told before (PKCE, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class OpenIdAttempts:
    def __init__(self, key: Fernet, *, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock
        self._used: OrderedDict[str, None] = OrderedDict()

    def begin(self, *, target: str, user_id: str = "", session_id: str = "") -> SignInAttempt:
        return SignInAttempt(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            target=target,
            user_id=user_id,
            session_id=session_id,
        )

    def sealed(self, attempt: SignInAttempt) -> str:
        return self._key.encrypt_at_time(msgspec.json.encode(attempt), int(self._clock())).decode()

    def used(self, sealed: str, state: str) -> SignInAttempt | None:
        """The attempt with this state; None when there is none, it is too old, or it was used before."""
        try:
            raw = self._key.decrypt_at_time(sealed, SECONDS, int(self._clock()))
            attempt = msgspec.json.decode(raw, type=SignInAttempt)
        except (InvalidToken, msgspec.DecodeError, UnicodeError):
            return None
        mark = hash_of(attempt.state)
        if not is_same(state, mark) or mark in self._used:
            return None
        self._used[mark] = None
        if len(self._used) > _MOST_USED:
            self._used.popitem(last=False)
        return attempt
