"""A device that makes passkeys, in a few lines: what browsers hand over, and what none of them would."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
Answer = dict[str, Any]


def text_of(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass(kw_only=True)
class SoftPasskey:
    """`origin`, `host` and `flags` are what it claims; a real one is honest about them."""

    origin: str
    host: str
    flags: int = PRESENT | VERIFIED
    signed: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def made(self, options: dict[str, Any]) -> Answer:
        """To `navigator.credentials.create`."""
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + attested}
        return self._answer(
            clientDataJSON=text_of(self._client_data("webauthn.create", options["challenge"])),
            attestationObject=text_of(cbor2.dumps(attestation)),
        )

    def used(self, options: dict[str, Any]) -> Answer:
        """To `navigator.credentials.get`."""
        self.signed += 1
        client, data = self._client_data("webauthn.get", options["challenge"]), self._data(0)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            clientDataJSON=text_of(client), authenticatorData=text_of(data), signature=text_of(signature)
        )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _data(self, flags: int) -> bytes:
        return (
            hashlib.sha256(self.host.encode()).digest() + bytes([self.flags | flags]) + self.signed.to_bytes(4, "big")
        )

    def _answer(self, **response: str) -> Answer:
        name = text_of(self.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
