"""Who uses it: users, sessions, tokens, and what a browser proves of who has used it before."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cryptography.fernet import Fernet

from server.app.resources import meanwhile
from server.auth.authenticator import Authenticator
from server.auth.credentials import Credentials
from server.auth.devices import Devices
from server.auth.passwords import Passwords
from server.auth.permissions import Role
from server.auth.refused_origins import RefusedOrigins
from server.auth.seals import Seals
from server.auth.secret_key import load_key
from server.languages import Languages
from server.operations.first_run import FirstRun
from server.settings import Settings
from server.storage.database import Database
from server.storage.repeating import ONCE_IT_SERVES, repeat

_LOG = logging.getLogger("jindu")
_STRICT_ROLES = {
    "nobody": frozenset[Role](),
    "administrators": frozenset({Role.ADMIN}),
    "everybody": frozenset(Role),
}
_SWEEP_SECONDS = 5.0  # how late an expired session's sockets may be closed


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthParts:
    secret_key: Fernet
    seals: Seals
    credentials: Credentials
    authenticator: Authenticator
    devices: Devices
    strict_roles: frozenset[Role]  # whose people need a second factor
    refused_origins: RefusedOrigins


def build_auth(settings: Settings, *, database: Database, languages: Languages, passwords: Passwords) -> AuthParts:
    """Raises `ConfigurationError` when the secret key is none."""
    key = load_key(settings.secret_key, settings.data)
    seals, strict_roles = Seals(key), _STRICT_ROLES[settings.require_second_factor]
    credentials = Credentials.over(database, passwords=passwords, seals=seals, session_days=settings.session_days)
    return AuthParts(
        secret_key=key,
        seals=seals,
        credentials=credentials,
        authenticator=Authenticator(credentials.sessions, credentials.tokens, languages, strict_roles),
        strict_roles=strict_roles,
        devices=Devices(key),
        refused_origins=RefusedOrigins(),
    )


@asynccontextmanager
async def open_accounts(settings: Settings, credentials: Credentials, first_run: FirstRun) -> AsyncIterator[None]:
    await first_run.prepare(admin_user=settings.admin_user, admin_password=settings.admin_password)
    # What expired opens nothing in any case; this ends what it has opened.
    ending = repeat(
        credentials.end_expired,
        every_seconds=_SWEEP_SECONDS,
        log=_LOG,
        failed="could not end what expired",
        action="end_expired",
        first_after_seconds=ONCE_IT_SERVES,
    )
    async with meanwhile(ending):
        yield
