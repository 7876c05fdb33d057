"""Passwords: what makes one acceptable, and their hashes, which are slow on purpose and so never on the event loop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from server.auth.users import name_key
from server.errors import FieldError

MIN_LENGTH = 10
MAX_LENGTH = 256  # a limit only so that nobody makes us hash megabytes
_NICENESS = 10
T = TypeVar("T")
_AT_ONCE = 2  # one hash takes 64 MiB and a whole core for about 50 ms

# What attackers try first among passwords of ten characters or more.
_COMMON_TEXT = """
    0123456789 01234567890 1029384756 111111111111 1111111111 1122334455 123123123123 1231231230 12341234123
    1234512345 123456123456 1234567890 12345678900 12345678901 123456789010 12345678910 1234567891 123456789a
    123456789q 123456789123 1234567898 1234qwerasdf 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc 5201314520
    a123456789 aa123456789 aaaaaaaaaa abc123456789 abcd123456 abcdefghij abcdefghijk administrator adminadmin
    asdfasdfasdf asdfghjkl; asdfghjkl1 basketball changeme123 correcthorsebatterystaple football123 iloveyou12
    iloveyou123 jindu12345 jinduadmin letmein123 letmein1234 p@ssw0rd123 p@ssword123 pass123456 passw0rd123
    password00 password01 password11 password12 password123 password1234 password12345 passwordpassword
    princess123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv qq123456789 qwe123456789 qwer123456 qwerasdfzxcv qwerty1234
    qwerty12345 qwerty123456 qwertyuiop qwertyuiop1 qwertyuiop123 qwertyuiop[] sunshine123 superman123 testtest123
    testpassword welcome123 welcome1234 woaini1314 woaini520 woaini5201314 zxcvbnm123 zxcvbnm1234 zxcvbnmasdf
"""
_COMMON = frozenset(_COMMON_TEXT.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordVerdict:
    """`new_hash` is to be stored: the password was right but hashed with older parameters."""

    is_right: bool
    new_hash: str | None = None


class Passwords:
    """Hashes and checks in threads of its own, few at once; what comes meanwhile waits for one of them."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords", initializer=_step_back)
        self._nobody = _hash_of_nothing(self._hasher)

    async def hash(self, password: str) -> str:
        return await self._in_thread(self._hasher.hash, _prepared(password))

    async def check(self, password_hash: str | None, password: str) -> PasswordVerdict:
        """Takes as long for `None`, a user who does not exist, as for one who does."""
        return await self._in_thread(self._check, password_hash or self._nobody, password)

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *arguments))

    def _check(self, password_hash: str, password: str) -> PasswordVerdict:
        if len(password) > MAX_LENGTH:
            return PasswordVerdict(is_right=False)
        try:
            self._hasher.verify(password_hash, _prepared(password))
        except (VerificationError, InvalidHashError):
            return PasswordVerdict(is_right=False)
        outdated = self._hasher.check_needs_rehash(password_hash)
        return PasswordVerdict(is_right=True, new_hash=self._hasher.hash(_prepared(password)) if outdated else None)


def _step_back() -> None:
    """On Linux a thread has a priority of its own: hashing takes whole cores, and others want answers meanwhile."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def password_problems(password: str, *, user_name: str, field: str = "password") -> list[FieldError]:
    """What is wrong with a new password; empty when it may be used."""
    key = name_key(password)
    if len(password) < MIN_LENGTH:
        return [FieldError(field=field, message="Use at least {count} characters.", parameters={"count": MIN_LENGTH})]
    if len(password) > MAX_LENGTH:
        return [FieldError(field=field, message="Use at most {count} characters.", parameters={"count": MAX_LENGTH})]
    if not _is_text(password):
        return [FieldError(field=field, message="This holds characters that cannot be stored.")]
    if key == name_key(user_name) or key == name_key(user_name) * 2:
        return [FieldError(field=field, message="The password must differ from the user name.")]
    if key in _COMMON or len(set(key)) < 4:
        return [FieldError(field=field, message="Too many people use this password; choose another.")]
    return []


def _prepared(password: str) -> bytes:
    # Input methods write the same character in several ways; all must open the door.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _is_text(value: str) -> bool:
    return value.isprintable()


def _hash_of_nothing(hasher: argon2.PasswordHasher) -> str:
    """A hash with the present parameters that no password has; to check against it costs what a real one costs."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
        for length in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${digest}"
