"""Web Push: encrypted for one browser (RFC 8291), signed as ours (RFC 8292), and posted to the browser's push service
(RFC 8030), where that is one that the setting `push_hosts` names.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from server.clock import Clock, utc_now
from server.delivery.channels.asking import Outgoing, OutsideAnswer, not_taken
from server.delivery.messages import host_of
from server.delivery.push import PushGone, PushKey, PushTarget
from server.delivery.sending import Posts
from server.errors import NotDelivered

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

_RECORD_BYTES = 4096  # one record is all; larger ones need not be taken (RFC 8291, 4)
_MOST_BYTES = 2_800  # of what is encrypted
_SIGNED_SECONDS = 12 * 3600  # at most 24 hours are taken
_LONGEST_ENDPOINT = 1_000
_PASSING = frozenset({401, 403, 408, 413, 425, 429})  # and 500 and more; a key or clock of ours may be wrong

_NOT_NAMED = (
    "Notifications go only to push services that the setting push_hosts names; this browser's is not among them."
)
_NO_KEY = "This is no public key of a browser: 65 bytes of the curve P-256, in base64url."
_NO_AUTH = "This is no secret of a browser: 16 bytes, in base64url."
_TOO_LONG = "This address is too long."


class WebPush:
    """`contact` is how people who run push services reach us, `mailto:` or `https:`; empty: nothing is sent."""

    def __init__(self, posts: Posts, *, contact: str, is_on: bool = True, clock: Clock = utc_now) -> None:
        self._posts = posts
        self._contact = contact
        self._is_on = is_on
        self._clock = clock

    @property
    def is_set_up(self) -> bool:
        return self._is_on and bool(self._contact)

    def problem(self, target: PushTarget) -> tuple[str, str] | None:
        if len(target.endpoint) > _LONGEST_ENDPOINT:
            return "endpoint", _TOO_LONG
        if self._posts.refusal(target.endpoint):
            return "endpoint", _NOT_NAMED
        try:
            _public(_decoded(target.p256dh))
        except ValueError:
            return "keys.p256dh", _NO_KEY
        try:
            is_secret = len(_decoded(target.auth)) == 16
        except ValueError:
            is_secret = False
        return None if is_secret else ("keys.auth", _NO_AUTH)

    def new_key(self) -> PushKey:
        from cryptography.hazmat.primitives.asymmetric import ec

        numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
        return PushKey(private=_encoded(numbers.private_value.to_bytes(32, "big")))

    def public_key(self, key: PushKey) -> str:
        return _encoded(_point(_private(_decoded(key.private)).public_key()))

    async def send(self, target: PushTarget, key: PushKey, content: bytes, *, topic: str, seconds: int) -> None:
        host = host_of(target.endpoint)
        if self._posts.refusal(target.endpoint):  # it was named once
            raise PushGone("{host} is no push service that the setting push_hosts names.", host=host, is_final=True)
        if len(content) > _MOST_BYTES:
            raise NotDelivered("This is too long for a notification.", is_final=True)
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(seconds),
            "Topic": topic,
            "Urgency": "high",  # else telephones that sleep are told minutes later
            "Authorization": self._signed(target.endpoint, key),
        }
        body = encrypted(content, p256dh=_decoded(target.p256dh), auth=_decoded(target.auth))
        _require_taken(await self._posts.post(Outgoing(url=target.endpoint, body=body, headers=headers)))

    def _signed(self, endpoint: str, key: PushKey) -> str:
        """For this push service alone, and for half a day."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        parts = urlsplit(endpoint)
        expires = int(self._clock().timestamp()) + _SIGNED_SECONDS
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": expires, "sub": self._contact}
        signed = ".".join(_encoded(msgspec.json.encode(each)) for each in ({"typ": "JWT", "alg": "ES256"}, claims))
        r, s = decode_dss_signature(_private(_decoded(key.private)).sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = _encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"vapid t={signed}.{signature}, k={self.public_key(key)}"


def encrypted(
    content: bytes, *, p256dh: bytes, auth: bytes, salt: bytes | None = None, private: bytes | None = None
) -> bytes:
    """As one record of aes128gcm (RFC 8188) that only the browser with that public key and secret can read.

    `salt` (16 bytes) and `private` (32) are new ones each time, but in tests. Raises `ValueError` for a key that is
    none.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt = salt or os.urandom(16)
    ours = _private(private) if private else ec.generate_private_key(ec.SECP256R1())
    point = _point(ours.public_key())
    shared = ours.exchange(ec.ECDH(), _public(p256dh))
    material = _derived(shared, salt=auth, info=b"WebPush: info\0" + p256dh + point, length=32)
    key = _derived(material, salt=salt, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _derived(material, salt=salt, info=b"Content-Encoding: nonce\0", length=12)
    head = salt + _RECORD_BYTES.to_bytes(4, "big") + bytes([len(point)]) + point
    return head + AESGCM(key).encrypt(nonce, content + b"\x02", None)  # 2: the last record


def _derived(material: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(material)


def _require_taken(answer: OutsideAnswer) -> None:
    if 200 <= answer.status < 300:
        return
    if answer.status in (404, 410):
        raise PushGone("{host} knows this browser no more.", host=answer.host, is_final=True)
    raise not_taken(answer, passing=_PASSING)


def _private(raw: bytes) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def _public(raw: bytes) -> EllipticCurvePublicKey:
    """Raises `ValueError` for what is no point of the curve."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if len(raw) != 65:
        raise ValueError("no uncompressed point")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)


def _point(key: EllipticCurvePublicKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _decoded(text: str) -> bytes:
    """Base64url, with or without the signs that fill it up. Raises `ValueError`."""
    bare = text.rstrip("=")
    return urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
