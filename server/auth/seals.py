"""What the server gives out of its hand, or keeps where others may read it: encrypted, for one purpose, for a while."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken

Sealed = TypeVar("Sealed", bound=msgspec.Struct)


class Seals:
    """Whoever holds a sealed text can neither read nor change it. Each type of value is a purpose of its own."""

    def __init__(self, key: Fernet) -> None:
        self._key = key

    def seal(self, value: msgspec.Struct) -> str:
        purpose = type(value).__name__.encode()
        return self._key.encrypt(purpose + b":" + msgspec.json.encode(value)).decode()

    def open(self, text: str, kind: type[Sealed], *, seconds: int | None = None) -> Sealed | None:
        """None for what we have not made for this, with this key, or within the last `seconds`."""
        try:
            purpose, _, content = self._key.decrypt(text, ttl=seconds).partition(b":")
            return msgspec.json.decode(content, type=kind) if purpose == kind.__name__.encode() else None
        except (InvalidToken, ValueError):  # of msgspec's errors, too
            return None
