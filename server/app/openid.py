"""Signing in with an account elsewhere, as the settings say."""

from __future__ import annotations

from urllib.parse import urlsplit

from server.app.accounts import AuthParts
from server.app.engines import ENGINES
from server.auth.identities import IdentityStore
from server.auth.openid import OpenIdSettings
from server.auth.openid_attempts import OpenIdAttempts
from server.auth.openid_provider import OpenIdProvider
from server.auth.permissions import Role
from server.operations.openid import OpenIdOperations
from server.settings import Settings
from server.storage.database import Database


def build_openid(settings: Settings, *, database: Database, auth: AuthParts) -> OpenIdOperations:
    return OpenIdOperations(
        database=database,
        credentials=auth.credentials,
        identities=IdentityStore(database),
        provider=_provider(settings),
        attempts=OpenIdAttempts(auth.secret_key),
        is_alone=settings.openid_only,
    )


def _provider(settings: Settings) -> OpenIdProvider | None:
    if not settings.openid_issuer:
        return None
    pairs = (pair.rpartition("=") for pair in settings.openid_roles)
    told = OpenIdSettings(
        issuer=settings.openid_issuer,
        client_id=settings.openid_client_id,
        client_secret=settings.openid_client_secret,
        scopes=settings.openid_scopes,
        label=settings.openid_label or urlsplit(settings.openid_issuer).hostname or "",
        new_role=Role(settings.openid_new_accounts) if settings.openid_new_accounts else None,
        domains=settings.openid_domains,
        groups_claim=settings.openid_groups_claim,
        roles={group.strip(): Role(role.strip()) for group, _, role in pairs},
    )
    return OpenIdProvider(told, ENGINES.openid())
