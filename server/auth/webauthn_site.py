"""What browsers and devices know this server by, and what they answer when they are asked to make or use a passkey."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from server.auth.passkeys import NewPasskey, Passkey
from server.auth.users import User
from server.late import late

if TYPE_CHECKING:
    import webauthn
    from webauthn.helpers import exceptions, structs
else:
    webauthn = late("webauthn")
    exceptions, structs = late("webauthn.helpers.exceptions"), late("webauthn.helpers.structs")

_NAME = "Jindu"
_LONGEST_ID = 1_023  # bytes, says the standard
_MILLISECONDS = 120_000  # for whoever looks for their key


class NoPasskeys(StrEnum):
    """Why there can be none."""

    NO_ADDRESS = "no_address"  # the settings do not say what people call this server
    NOT_SECURE = "not_secure"  # browsers want TLS, but on this machine itself
    NUMBERS = "numbers"  # an IP address is no name


class NotVerified(Exception):
    """What came is not what a device signs for this server and this question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebauthnSite:
    """`origin` is the public one, `host` what passkeys belong to: for whoever calls us otherwise they do not work."""

    origin: str
    host: str

    def to_make(self, user: User, challenge: bytes, known: Sequence[Passkey]) -> dict[str, Any]:
        """What `navigator.credentials.create` takes, as JSON; devices that hold one of `known` make no other."""
        options = webauthn.generate_registration_options(
            rp_id=self.host,
            rp_name=_NAME,
            user_id=user.id.encode(),
            user_name=user.name,
            challenge=challenge,
            timeout=_MILLISECONDS,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(id=webauthn.base64url_to_bytes(each.credential_id))
                for each in known
            ],
        )
        return _as_json(webauthn.options_to_json(options))

    def to_use(self, challenge: bytes) -> dict[str, Any]:
        """What `navigator.credentials.get` takes, as JSON: any passkey for this server."""
        options = webauthn.generate_authentication_options(
            rp_id=self.host,
            challenge=challenge,
            timeout=_MILLISECONDS,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return _as_json(webauthn.options_to_json(options))

    def made(self, answer: dict[str, Any], challenge: bytes) -> NewPasskey:
        """Raises `NotVerified`."""
        try:
            found = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                require_user_verification=True,
            )
        except (exceptions.WebAuthnException, *_ODD) as error:
            raise NotVerified(str(error)) from error
        if len(found.credential_id) > _LONGEST_ID:
            raise NotVerified("the id is too long")
        return NewPasskey(
            credential_id=webauthn.helpers.bytes_to_base64url(found.credential_id),
            public_key=found.credential_public_key,
            sign_count=found.sign_count,
            is_synced=found.credential_device_type is structs.CredentialDeviceType.MULTI_DEVICE,
        )

    def used(self, answer: dict[str, Any], challenge: bytes, passkey: Passkey) -> int:
        """How often the device says that it has signed; raises `NotVerified`, also for a copy of a key that counts."""
        try:
            found = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (exceptions.WebAuthnException, *_ODD) as error:
            raise NotVerified(str(error)) from error
        return found.new_sign_count


def site_of(public_url: str) -> WebauthnSite | NoPasskeys:
    """From the configured address alone: what a request calls us may be anything."""
    parts = urlsplit(public_url)
    host = parts.hostname
    if not host:
        return NoPasskeys.NO_ADDRESS
    if _is_numeric(host):
        return NoPasskeys.NUMBERS
    if parts.scheme != "https" and host != "localhost":
        return NoPasskeys.NOT_SECURE
    return WebauthnSite(origin=f"{parts.scheme}://{parts.netloc.lower()}", host=host)


# What the library lets through of answers that no browser makes: wrong types, bytes that are no CBOR, odd keys.
_ODD = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _as_json(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found
