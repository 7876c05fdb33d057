"""What is sealed is read by who made it, for what it was made."""

from __future__ import annotations

import msgspec
from cryptography.fernet import Fernet

from server.auth.seals import Seals


class Letter(msgspec.Struct, frozen=True):
    text: str


class Parcel(msgspec.Struct, frozen=True):
    text: str


SEALS = Seals(Fernet(Fernet.generate_key()))


def test_what_was_sealed_can_be_opened() -> None:
    assert SEALS.open(SEALS.seal(Letter("hi")), Letter, seconds=60) == Letter("hi")


def test_it_is_good_for_one_purpose_with_one_key_and_as_it_is() -> None:
    sealed = SEALS.seal(Letter("hi"))
    assert SEALS.open(sealed, Parcel) is None
    assert Seals(Fernet(Fernet.generate_key())).open(sealed, Letter) is None
    for other in ("", "x", "ä", sealed[:-8], sealed.swapcase(), "\ud800"):
        assert SEALS.open(other, Letter) is None


def test_it_is_good_for_a_while() -> None:
    assert SEALS.open(SEALS.seal(Letter("hi")), Letter, seconds=-1) is None
