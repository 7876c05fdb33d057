"""What goes to a browser's push service is encrypted and signed as the standards have it, and goes nowhere else."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from server.delivery.channels.asking import Outgoing, OutsideAnswer
from server.delivery.push import PushGone, PushTarget
from server.engines.outgoing_hosts import OutgoingHosts
from server.engines.outgoing_posts import OutgoingPosts
from server.engines.web_push import WebPush, encrypted
from server.errors import NotDelivered

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
# RFC 8291, 5 and appendix A
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
WRITTEN = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
TARGET = PushTarget(endpoint="https://push.example.com:8443/send/secret", p256dh=P256DH, auth=AUTH)


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Posted(OutgoingPosts):
    """Takes what is posted, and answers with a status."""

    def __init__(self, *, status: int = 201, headers: dict[str, str] | None = None) -> None:
        super().__init__(OutgoingHosts(["*.example.com"]))
        self.status, self.headers = status, headers or {}
        self.taken: list[Outgoing] = []

    async def post(self, request: Outgoing) -> OutsideAnswer:
        self.taken.append(request)
        return OutsideAnswer(host="push.example.com", status=self.status, headers=self.headers, body=b"", at=NOON)


def web_push(posts: OutgoingPosts, contact: str = "mailto:ops@example.com") -> WebPush:
    return WebPush(posts, contact=contact, clock=lambda: NOON)


async def sent(posts: Posted, target: PushTarget = TARGET, content: bytes = b"{}") -> Any:
    service = web_push(posts)
    await service.send(target, service.new_key(), content, topic="t", seconds=60)
    return posts.taken[-1]


def test_it_is_encrypted_as_in_the_example_of_the_standard() -> None:
    made = encrypted(
        b"When I grow up, I want to be a watermelon",
        p256dh=raw(P256DH), auth=raw(AUTH), salt=raw(SALT), private=raw(PRIVATE),
    )  # fmt: skip
    assert made == raw(WRITTEN)


def test_nothing_is_used_twice() -> None:
    once, again = (encrypted(b"the same", p256dh=raw(P256DH), auth=raw(AUTH)) for _ in range(2))
    assert once[:16] != again[:16]  # salt
    assert once[21:86] != again[21:86]  # key


async def test_it_is_signed_for_that_push_service_alone_and_for_half_a_day() -> None:
    posts = Posted()
    service = web_push(posts)
    key = service.new_key()
    await service.send(TARGET, key, b"{}", topic="t", seconds=60)
    headers = posts.taken[0].headers
    assert (headers["TTL"], headers["Topic"], headers["Content-Encoding"]) == ("60", "t", "aes128gcm")
    scheme, _, rest = headers["Authorization"].partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert (scheme, fields["k"]) == ("vapid", service.public_key(key))
    head, claims, signature = fields["t"].split(".")
    assert msgspec.json.decode(raw(head)) == {"typ": "JWT", "alg": "ES256"}
    assert msgspec.json.decode(raw(claims)) == {
        "aud": "https://push.example.com:8443",
        "exp": int(NOON.timestamp()) + 12 * 3600,
        "sub": "mailto:ops@example.com",
    }
    r, s = (int.from_bytes(raw(signature)[part], "big") for part in (slice(32), slice(32, 64)))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(fields["k"]))
    public.verify(encode_dss_signature(r, s), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_said_to_be(status: int) -> None:
    with pytest.raises(PushGone):
        await sent(Posted(status=status))


@pytest.mark.parametrize(("status", "is_final"), [(302, True), (400, True), (403, False), (429, False), (503, False)])
async def test_what_is_refused_says_whether_there_is_use_in_trying_again(status: int, *, is_final: bool) -> None:
    with pytest.raises(NotDelivered) as raised:
        await sent(Posted(status=status, headers={"retry-after": "90"}))
    assert (raised.value.is_final, raised.value.retry_after) == (is_final, 90)
    assert "secret" not in raised.value.text
    assert not isinstance(raised.value, PushGone)


async def test_what_is_named_no_more_and_what_is_too_long_goes_nowhere() -> None:
    posts = Posted()
    with pytest.raises(PushGone):
        await sent(posts, msgspec.structs.replace(TARGET, endpoint="https://elsewhere.example.org/x"))
    with pytest.raises(NotDelivered):
        await sent(posts, content=b"x" * 2_801)
    assert posts.taken == []
    assert len((await sent(posts, content=b"x" * 2_800)).body) < 3_000


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("endpoint", {"endpoint": "https://169.254.169.254/latest"}),
        ("endpoint", {"endpoint": "https://push.example.org/x"}),
        ("endpoint", {"endpoint": "http://push.example.com/x"}),
        ("endpoint", {"endpoint": f"https://push.example.com/{'x' * 1_000}"}),
        ("keys.p256dh", {"p256dh": "A" * 87}),
        ("keys.p256dh", {"p256dh": "é"}),
        ("keys.auth", {"auth": "AAAA"}),
        ("keys.auth", {"auth": "é"}),
    ],
)
def test_what_is_no_browsers_is_refused(field: str, change: dict[str, str]) -> None:
    service = web_push(Posted())
    assert service.problem(TARGET) is None
    found = service.problem(msgspec.structs.replace(TARGET, **change))
    assert found is not None
    assert found[0] == field


def test_without_a_contact_or_a_push_service_nothing_is_set_up() -> None:
    assert web_push(Posted()).is_set_up
    assert not web_push(Posted(), contact="").is_set_up
    assert not WebPush(Posted(), contact="mailto:a@example.com", is_on=False).is_set_up
