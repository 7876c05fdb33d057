"""What a browser proves of who has been signed in with it: nobody else can, and not for ever."""

from __future__ import annotations

import time

import pytest
from cryptography.fernet import Fernet

from server.auth.devices import DAYS, Devices

KEY = Fernet(Fernet.generate_key())


def test_a_device_is_known_for_those_who_have_used_it() -> None:
    devices = Devices(KEY)
    first = devices.read(devices.proof("alice", None))
    assert first is not None
    assert first.of("alice") == first.id
    assert first.of("bob") is None
    both = devices.read(devices.proof("bob", first))
    assert both is not None
    assert both.of("alice") == both.of("bob") == first.id
    others = Devices(KEY).read(devices.proof("alice", None))
    assert others is not None
    assert others.id != first.id


def test_only_the_last_users_are_remembered() -> None:
    devices = Devices(KEY)
    device = None
    for number in range(30):
        device = devices.read(devices.proof(f"user-{number}", device))
    assert device is not None
    assert device.of("user-29")
    assert not device.of("user-0")
    assert len(device.user_ids) < 10


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "nonsense",
        "é",
        Fernet(Fernet.generate_key()).encrypt(b'{"id":"x","users":["alice"]}').decode(),
        KEY.encrypt(b"[]").decode(),
        KEY.encrypt(b'{"session":{"secret":"x"}}').decode(),
        KEY.encrypt(b"\xff").decode(),
        KEY.encrypt_at_time(b'{"id":"x","users":["alice"]}', int(time.time()) - DAYS * 86_400 - 1).decode(),
    ],
    ids=["nothing", "nonsense", "no ASCII", "another key", "a list", "a session", "no JSON", "too long ago"],
)
def test_what_we_have_not_made_or_too_long_ago_proves_nothing(proof: str) -> None:
    assert Devices(KEY).read(proof) is None
