"""Devices that somebody has been signed in with: a browser brings along what proves it, so that it is let try again."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from server.clock import new_id

DAYS = 400  # browsers keep no cookie for longer
_MAX_USERS = 8  # who share a device; the last ones are remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    id: str
    user_ids: tuple[str, ...]

    def of(self, user_id: str) -> str | None:
        """Its id, for a user who has been signed in with it."""
        return self.id if user_id in self.user_ids else None


class _Proof(msgspec.Struct, frozen=True):
    id: str
    users: tuple[str, ...]


class Devices:
    """Makes the proofs and reads them. They are encrypted, so that nobody can make one or see who uses a device."""

    def __init__(self, key: Fernet) -> None:
        self._key = key

    def proof(self, user_id: str, before: Device | None) -> str:
        """For a device with which `user_id` is signed in; `before` is what it has proved already."""
        others = tuple(each for each in (before.user_ids if before else ()) if each != user_id)
        proof = _Proof(id=before.id if before else new_id(), users=(*others, user_id)[-_MAX_USERS:])
        return self._key.encrypt(msgspec.json.encode(proof)).decode()

    def read(self, proof: str) -> Device | None:
        """None for what we have not made, or too long ago."""
        try:
            found = msgspec.json.decode(self._key.decrypt(proof, ttl=DAYS * 86_400), type=_Proof)
        except (InvalidToken, ValueError):  # of msgspec's errors, too
            return None
        return Device(id=found.id, user_ids=found.users)
